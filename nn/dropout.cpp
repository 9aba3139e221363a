#include "nn/dropout.hpp"

#include "autograd/ops.hpp"

namespace sonde::nn {

Dropout::Dropout(double p) : p_(p) {
  if (!(p >= 0 && p <= 1)) fail(ErrorCode::value, "dropout", "p {} is no probability", p);
}

Var Dropout::forward(Context& ctx, Var x) const {
  if (!ctx.training() || p_ == 0) return x;
  if (p_ == 1) return mul(std::move(x), 0.0);
  const Var kept = bernoulli(ctx.key(), x.shape(), 1 - p_, x.dtype());
  return mul(std::move(x), mul(kept, 1 / (1 - p_)));
}

std::string Dropout::description() const {
  return fmt::format("Dropout(p={})", p_);
}

}  // namespace sonde::nn
