#include "nn/mlp.hpp"

#include "autograd/ops.hpp"

namespace sonde::nn {

Mlp::Mlp(const std::vector<std::int64_t>& sizes, philox::Key key, Options options)
    : options_(std::move(options)) {
  if (sizes.size() < 2)
    fail(ErrorCode::value, "mlp", "needs two sizes or more, got {}", sizes.size());
  if (sizes.size() > 2 && !options_.activation) fail(ErrorCode::value, "mlp", "has no activation");
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    const bool bias = i + 2 < sizes.size() || options_.last_bias;
    layers_.push_back(std::make_unique<Linear>(sizes[i], sizes[i + 1], philox::child(key, i),
                                               LinearOptions{.bias = bias}));
    child(fmt::format("layers.{}", i), *layers_.back());
  }
}

Var Mlp::forward(Context& ctx, Var x) const {
  if (x.rank() != 2) x = reshape(x, {x.rank() == 0 ? 1 : x.size(0), -1});
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (i > 0) x = options_.activation(x);
    x = (*layers_[i])(ctx, std::move(x));
  }
  return x;
}

}  // namespace sonde::nn
