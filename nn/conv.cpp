#include "nn/conv.hpp"

#include <algorithm>
#include <cmath>

#include "autograd/ops.hpp"
#include "nn/init.hpp"
#include "nn/text.hpp"

namespace sonde::nn {
namespace {

void check_channels(std::string_view op, std::int64_t in, std::int64_t out, std::int64_t groups) {
  if (groups < 1 || in < 1 || out < 1 || in % groups != 0 || out % groups != 0)
    fail(ErrorCode::value, op, "{} input and {} output channels in {} groups", in, out, groups);
}

// The padding along one axis: zeros on each side, and zeros behind beyond those.
struct AxisPadding {
  std::int64_t each_side, extra;
};
AxisPadding axis_padding(std::string_view op, std::int64_t kernel, std::int64_t stride,
                         std::int64_t padding, std::int64_t dilation, bool same) {
  if (kernel < 1 || stride < 1 || padding < 0 || dilation < 1)
    fail(ErrorCode::value, op, "kernel_size {}, stride {}, padding {}, dilation {}", kernel, stride,
         padding, dilation);
  if (!same) return {padding, 0};
  if (stride != 1 || padding != 0)
    fail(ErrorCode::value, op, "same_padding beside stride {} and padding {}", stride, padding);
  const std::int64_t total = checked_mul(dilation, kernel - 1);
  return {total / 2, total % 2};
}

// Zeros behind the last axes of x.
Var padded_behind(Var x, const Dims& extra) {
  if (std::ranges::all_of(extra, [](std::int64_t e) { return e == 0; })) return x;
  Dims before = Dims::filled(x.rank(), 0), after = before;
  for (int i = 1; i <= extra.rank() && i <= x.rank(); ++i)
    after[x.rank() - i] = extra[extra.rank() - i];
  return pad(std::move(x), before, after);
}

Tensor initial_weight(const Dims& shape, philox::Key key) {
  return kaiming_uniform(shape, philox::child(key, 0), {.a = std::sqrt(5.0)});
}

Tensor initial_bias(const Dims& weight, philox::Key key) {
  const auto fan_in = static_cast<double>(numel(weight) / weight[0]);
  return uniform_init({weight[0]}, 1 / std::sqrt(fan_in), philox::child(key, 1));
}

// What differs from the defaults, after the sizes.
template <class Size, class Options>
std::string describe(std::string_view name, std::int64_t in, std::int64_t out, Size kernel,
                     const Options& o) {
  using detail::size_text;
  const Options defaults;
  std::string text = fmt::format("{}({}, {}, kernel_size={}", name, in, out, size_text(kernel));
  if (o.stride != defaults.stride) text += ", stride=" + size_text(o.stride);
  if (o.same_padding) text += ", padding=same";
  if (o.padding != defaults.padding) text += ", padding=" + size_text(o.padding);
  if (o.dilation != defaults.dilation) text += ", dilation=" + size_text(o.dilation);
  if (o.groups != 1) text += fmt::format(", groups={}", o.groups);
  return text + (o.bias ? ")" : ", bias=false)");
}

}  // namespace

Conv2d::Conv2d(std::int64_t in_channels, std::int64_t out_channels, Size2 kernel_size,
               philox::Key key, Options options)
    : in_(in_channels), out_(out_channels), kernel_(kernel_size), options_(options) {
  check_channels("conv2d", in_, out_, options.groups);
  attrs_ = {options.stride, options.padding, options.dilation, options.groups};
  for (std::size_t i = 0; i < 2; ++i) {
    const AxisPadding p = axis_padding("conv2d", kernel_[i], options.stride[i], options.padding[i],
                                       options.dilation[i], options.same_padding);
    attrs_.padding[i] = p.each_side;
    extra_[i] = p.extra;
  }
  const Dims shape{out_, in_ / options.groups, kernel_[0], kernel_[1]};
  weight_ = parameter("weight", initial_weight(shape, key));
  if (options.bias) bias_ = parameter("bias", initial_bias(shape, key));
}

Var Conv2d::forward(Context& ctx, Var x) const {
  x = padded_behind(std::move(x), {extra_[0], extra_[1]});
  return conv2d(std::move(x), ctx[weight_], bias_ ? ctx[bias_] : Var(), attrs_);
}

std::string Conv2d::description() const {
  return describe("Conv2d", in_, out_, kernel_, options_);
}

Conv1d::Conv1d(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel_size,
               philox::Key key, Options options)
    : in_(in_channels), out_(out_channels), kernel_(kernel_size), options_(options) {
  check_channels("conv1d", in_, out_, options.groups);
  const AxisPadding p = axis_padding("conv1d", kernel_, options.stride, options.padding,
                                     options.dilation, options.same_padding);
  attrs_ = {options.stride, p.each_side, options.dilation, options.groups};
  extra_ = p.extra;
  const Dims shape{out_, in_ / options.groups, kernel_};
  weight_ = parameter("weight", initial_weight(shape, key));
  if (options.bias) bias_ = parameter("bias", initial_bias(shape, key));
}

Var Conv1d::forward(Context& ctx, Var x) const {
  x = padded_behind(std::move(x), {extra_});
  return conv1d(std::move(x), ctx[weight_], bias_ ? ctx[bias_] : Var(), attrs_);
}

std::string Conv1d::description() const {
  return describe("Conv1d", in_, out_, kernel_, options_);
}

}  // namespace sonde::nn
