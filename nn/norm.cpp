#include "nn/norm.hpp"

#include <algorithm>
#include <limits>

#include "autograd/ops.hpp"

namespace sonde::nn {
namespace {

void check(std::string_view op, const Dims& shape, double eps) {
  if (shape.empty() || std::ranges::any_of(shape, [](std::int64_t n) { return n < 1; }))
    fail(ErrorCode::value, op, "normalized_shape {}", shape);
  if (!(eps >= 0)) fail(ErrorCode::value, op, "eps {} is negative", eps);
}

double machine_epsilon(DType dtype) {
  return dtype == DType::f64 ? std::numeric_limits<double>::epsilon()
                             : static_cast<double>(std::numeric_limits<float>::epsilon());
}

}  // namespace

LayerNorm::LayerNorm(const Dims& normalized_shape, Options options)
    : shape_(normalized_shape), options_(options) {
  check("layer_norm", shape_, options_.eps);
  if (!options_.elementwise_affine) return;
  weight_ = parameter("weight", Tensor::ones(shape_));
  if (options_.bias) bias_ = parameter("bias", Tensor::zeros(shape_));
}

Var LayerNorm::forward(Context& ctx, Var x) const {
  return layer_norm(std::move(x), shape_, weight_ ? ctx[weight_] : Var(),
                    bias_ ? ctx[bias_] : Var(), options_.eps);
}

std::string LayerNorm::description() const {
  return fmt::format("LayerNorm({}, eps={}{})", shape_, options_.eps,
                     !weight_ ? ", elementwise_affine=false"
                     : !bias_ ? ", bias=false"
                              : "");
}

RmsNorm::RmsNorm(const Dims& normalized_shape, Options options)
    : shape_(normalized_shape), options_(options) {
  check("rms_norm", shape_, options_.eps.value_or(0));
  if (options_.elementwise_affine) weight_ = parameter("weight", Tensor::ones(shape_));
}

Var RmsNorm::forward(Context& ctx, Var x) const {
  const double eps = options_.eps.value_or(machine_epsilon(x.dtype()));
  return rms_norm(std::move(x), shape_, weight_ ? ctx[weight_] : Var(), eps);
}

std::string RmsNorm::description() const {
  return fmt::format("RmsNorm({}{}{})", shape_,
                     options_.eps ? fmt::format(", eps={}", *options_.eps) : "",
                     weight_ ? "" : ", elementwise_affine=false");
}

GroupNorm::GroupNorm(std::int64_t num_groups, std::int64_t num_channels, Options options)
    : groups_(num_groups), channels_(num_channels), options_(options) {
  check("group_norm", {channels_}, options_.eps);
  if (groups_ < 1 || channels_ % groups_ != 0)
    fail(ErrorCode::value, "group_norm", "{} channels do not form {} equal groups", channels_,
         groups_);
  if (!options_.affine) return;
  weight_ = parameter("weight", Tensor::ones({channels_}));
  bias_ = parameter("bias", Tensor::zeros({channels_}));
}

Var GroupNorm::forward(Context& ctx, Var x) const {
  if (x.rank() >= 2 && x.size(1) != channels_)
    fail(ErrorCode::shape, "group_norm", "x {} for {} channels", x.spec(), channels_);
  return group_norm(std::move(x), groups_, weight_ ? ctx[weight_] : Var(),
                    bias_ ? ctx[bias_] : Var(), options_.eps);
}

std::string GroupNorm::description() const {
  return fmt::format("GroupNorm({}, {}, eps={}{})", groups_, channels_, options_.eps,
                     weight_ ? "" : ", affine=false");
}

}  // namespace sonde::nn
