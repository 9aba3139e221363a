#include "optim/adam.hpp"

#include <cmath>

#include "optim/for_each.hpp"

namespace sonde::optim {

Adam::Adam(Tensors parameters, Options options)
    : Optimizer(std::move(parameters), options.lr, {"m", "v"}), options_(options) {
  auto fraction = [](double b) { return b >= 0 && b < 1; };
  if (!fraction(options.beta1) || !fraction(options.beta2) || !(options.eps > 0) ||
      !(options.weight_decay >= 0))
    fail(ErrorCode::value, "adam", "betas {}, {}, eps {}, weight decay {}", options.beta1,
         options.beta2, options.eps, options.weight_decay);
}

void Adam::update(Tensor& parameter, const Tensor& grad, std::span<Tensor> state) {
  const double t = static_cast<double>(steps());
  const double correction1 = 1 - std::pow(options_.beta1, t),
               correction2 = 1 - std::pow(options_.beta2, t);
  visit_parameter(parameter, [&]<class T>(T* p) {
    const T* g = grad.data<T>();
    T* m = state[0].mutable_data<T>();
    T* v = state[1].mutable_data<T>();
    const T b1 = static_cast<T>(options_.beta1), b2 = static_cast<T>(options_.beta2);
    const T rest1 = static_cast<T>(1 - options_.beta1), rest2 = static_cast<T>(1 - options_.beta2);
    const T step = static_cast<T>(lr() / correction1),
            root = static_cast<T>(std::sqrt(correction2));
    const T eps = static_cast<T>(options_.eps);
    const T shrink = options_.decoupled ? static_cast<T>(1 - lr() * options_.weight_decay) : T(1);
    const T decay = options_.decoupled ? T(0) : static_cast<T>(options_.weight_decay);
    for_each_element(parameter.numel(), [=](std::int64_t i) {
      const T old = shrink * p[i], d = g[i] + decay * p[i];
      m[i] = b1 * m[i] + rest1 * d;
      v[i] = b2 * v[i] + rest2 * d * d;
      p[i] = old - step * m[i] / (std::sqrt(v[i]) / root + eps);
    });
  });
}

}  // namespace sonde::optim
