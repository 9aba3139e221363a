#include "optim/clip.hpp"

#include <cmath>

#include "autograd/ops.hpp"
#include "tensor/kernels/optim.hpp"

namespace sonde::optim {

double grad_norm(const Vars& grads) {
  std::vector<Tensor> by_dtype[2];
  for (const Var& g : grads) {
    if (!g) continue;
    if (!is_differentiable(g.dtype()))
      fail(ErrorCode::dtype, "grad_norm", "a gradient is {}", g.spec());
    by_dtype[g.dtype() == DType::f64].push_back(g.tensor().contiguous());
  }
  double sum = 0;
  for (const auto& tensors : by_dtype)
    if (!tensors.empty())
      sum += kernels::sum_of_squares.find(tensors[0].device(), tensors[0].dtype())(tensors);
  return std::sqrt(sum);
}

double clip_grad_norm(Vars& grads, double max_norm, bool error_if_nonfinite) {
  if (!(max_norm >= 0)) fail(ErrorCode::value, "clip_grad_norm", "max_norm {}", max_norm);
  const double norm = grad_norm(grads);
  if (error_if_nonfinite && !std::isfinite(norm))
    fail(ErrorCode::numeric, "clip_grad_norm", "the norm of the gradients is {}", norm);
  const double factor = max_norm / (norm + 1e-6);
  if (factor >= 1) return norm;
  for (Var& g : grads)
    if (g) g = g * factor;
  return norm;
}

void clip_grad_value(Vars& grads, double clip_value) {
  if (!(clip_value >= 0)) fail(ErrorCode::value, "clip_grad_value", "clip_value {}", clip_value);
  for (Var& g : grads)
    if (g) g = clamp(g, -clip_value, clip_value);
}

}  // namespace sonde::optim
