// An MLP learns a sine wave; then the top eigenvalue of its loss's Hessian, by power iteration.
#include <cstdio>

#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"
#include "nn/mlp.hpp"
#include "optim/sgd.hpp"
#include "tensor/system.hpp"

using namespace sonde;

Var inner(const Vars& a, const Vars& b) {
  Var total = Tensor::scalar(0, DType::f64);
  for (std::size_t i = 0; i < a.size(); ++i) total = total + sum(a[i] * b[i]);
  return total;
}

int main() {
  const Var x = reshape(Tensor::arange(64, DType::f64, -3.14, 0.1), {64, 1});
  const Var y = sin(x);
  nn::Mlp mlp({1, 32, 1}, {.k0 = 1}, {.activation = [](const Var& h) { return tanh(h); }});
  mlp.convert(DType::f64);
  const Function loss = [&](const Vars& parameters) {
    const Var error = nn::functional_call(mlp, parameters, x) - y;
    return mean(error * error);
  };

  optim::Sgd sgd(mlp, {.lr = 0.1, .momentum = 0.9});
  for (int step = 0; step < 500; ++step) sgd.step(value_and_grad(loss, mlp.parameters()).grads);

  const Vars trained = mlp.parameters();
  Vars v = grad(loss)(trained);  // any start will do
  Var eigenvalue;
  for (int i = 0; i < 100; ++i) {
    const Var norm = sqrt(inner(v, v));
    for (Var& part : v) part = part / norm;
    const Vars hv = hvp(loss, trained, v);
    eigenvalue = inner(v, hv);
    v = hv;
  }
  std::printf("loss %.2e, top Hessian eigenvalue %.4f, BLAS core %s\n", loss(trained)[0].item(),
              eigenvalue.item(), system_info().blas_core.c_str());
}
