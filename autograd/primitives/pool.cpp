// Pooling. The maximum is a gather at positions that carry no derivative; the mean is linear, with
// its transpose.
#include "autograd/ops/pool.hpp"

#include "autograd/bases.hpp"
#include "autograd/ops/index.hpp"
#include "autograd/promote.hpp"

namespace sonde {
namespace {

std::string describe(const PoolAttrs& a) {
  if (a.adaptive) return fmt::format("output_size=({},{})", a.output[0], a.output[1]);
  return fmt::format(
      "kernel_size=({},{}), stride=({},{}), padding=({},{}), dilation=({},{}), "
      "count_include_pad={}",
      a.kernel[0], a.kernel[1], a.stride[0], a.stride[1], a.padding[0], a.padding[1], a.dilation[0],
      a.dilation[1], a.count_include_pad);
}

std::int64_t out_size(std::int64_t in, const PoolAttrs& a, std::size_t i, std::string_view op) {
  if (a.adaptive) {
    if (a.output[i] < 0 || in < 1)
      fail(ErrorCode::value, op, "output size {} from an image of size {}", a.output[i], in);
    checked_mul(checked_add(a.output[i], 1), in);  // numbers the windows
    return a.output[i];
  }
  if (a.kernel[i] < 1 || a.stride[i] < 1 || a.dilation[i] < 1 || a.padding[i] < 0 || in < 0)
    fail(ErrorCode::value, op,
         "kernel_size, stride and dilation must be at least 1 and padding at least 0: {}",
         describe(a));
  if (a.padding[i] > a.kernel[i] / 2)
    fail(ErrorCode::value, op, "padding {} is more than half the window of {}", a.padding[i],
         a.kernel[i]);
  if (a.padding[i] > 0 && a.dilation[i] > in)
    fail(ErrorCode::value, op,
         "with padding and dilation {}, a window may miss the image of size {}", a.dilation[i], in);
  const std::int64_t padded = checked_add(in, checked_mul(2, a.padding[i]));
  const std::int64_t reach = checked_add(checked_mul(a.dilation[i], a.kernel[i] - 1), 1);
  if (reach > padded)
    fail(ErrorCode::shape, op, "a window spans {} positions, the padded image has {}", reach,
         padded);
  return (padded - reach) / a.stride[i] + 1;
}

Dims pooled_shape(const Dims& x, const PoolAttrs& a, std::string_view op) {
  Dims y = x;
  for (int i = 0; i < 2; ++i) y[2 + i] = out_size(x[2 + i], a, static_cast<std::size_t>(i), op);
  numel(y);
  return y;
}

void check_image(const Var& x, std::string_view op) {
  if (x.rank() != 4) fail(ErrorCode::shape, op, "input {} is not of rank 4", x.spec());
  if (!is_differentiable(x.dtype()))
    fail_hint(ErrorCode::dtype, op, "convert with to(...)", "input {} is neither f32 nor f64",
              x.spec());
}

// [N,C,H,W] as planes [N,C,H*W], and back.
Var planes(const Var& x) {
  return reshape(x, {x.size(0), x.size(1), checked_mul(x.size(2), x.size(3))});
}

// Every image is pooled by itself: lanes are more images.
template <class Pool>
Batched batch_images(const Var& x, int axis, std::int64_t n, const Pool& pool) {
  const Var lanes = lanes_first(x, axis);
  const auto with_images = [](const Var& v, std::int64_t first,
                              std::optional<std::int64_t> second) {
    Dims shape{first};
    if (second) shape.push_back(*second);
    for (int i = v.rank() - 3; i < v.rank(); ++i) shape.push_back(v.shape()[i]);
    return reshape(v, shape);
  };
  Batched result{pool(with_images(lanes, checked_mul(n, lanes.size(1)), {})), {}};
  for (Var& y : result.out) {
    y = with_images(y, n, lanes.size(1));
    result.axes.push_back(0);
  }
  return result;
}

class MaxPool2d final : public Named<MaxPool2d> {
 public:
  static constexpr std::string_view id = "max_pool2d";
  explicit MaxPool2d(const PoolAttrs& attrs) : attrs_(attrs) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    check_image(in[0], id);
    const Dims& x = in[0].shape();
    if (checked_mul(x[2], x[3]) > INT32_MAX)
      fail(ErrorCode::size, id, "planes of {} have more than 2^31 - 1 positions", in[0].spec());
    const Dims shape = pooled_shape(x, attrs_, id);
    out.emplace_back(Spec{shape, in[0].dtype(), in[0].device()});
    out.emplace_back(Spec{shape, DType::i64, in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    const auto y = kernels::max_pool2d.find(out[0].device, out[0].dtype)(in[0], attrs_);
    return make_vars(Var(y.values), Var(y.indices));
  }
  Vars jvp(const Vars&, const Vars& out, const Vars& t) const override {
    return {reshape(gather(planes(t[0]), 2, planes(out[1])), out[0].shape()), Var()};
  }
  Vars vjp(const Vars& in, const Vars& out, const Vars& ct, Needs) const override {
    const Dims& x = in[0].shape();
    return {reshape(scatter_sum(planes(ct[0]), 2, planes(out[1]), {x[0], x[1], x[2] * x[3]}), x)};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    return batch_images(in[0], axes[0], n,
                        [this](const Var& x) { return emit(self(), make_vars(x)); });
  }
  Saves saves() const override { return Saves::only_outputs(0b10); }
  std::string attributes() const override { return describe(attrs_); }

 private:
  PoolAttrs attrs_;
};

class AvgPool2d final : public Named<AvgPool2d, Linear> {
 public:
  static constexpr std::string_view id = "avg_pool2d";
  explicit AvgPool2d(const PoolAttrs& attrs) : attrs_(attrs) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    check_image(in[0], id);
    out.emplace_back(Spec{pooled_shape(in[0].shape(), attrs_, id), in[0].dtype(), in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    return make_vars(Var(kernels::avg_pool2d.find(out[0].device, out[0].dtype)(in[0], attrs_)));
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override;
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    return batch_images(in[0], axes[0], n,
                        [this](const Var& x) { return emit(self(), make_vars(x)); });
  }
  std::string attributes() const override { return describe(attrs_); }

 private:
  PoolAttrs attrs_;
};

class AvgPool2dGrad final : public Named<AvgPool2dGrad, Linear> {
 public:
  static constexpr std::string_view id = "avg_pool2d_grad";
  AvgPool2dGrad(Size2 size, const PoolAttrs& attrs) : size_(size), attrs_(attrs) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    check_image(in[0], id);
    const Dims& dy = in[0].shape();
    const Dims x{dy[0], dy[1], size_[0], size_[1]};
    numel(x);
    if (const Dims y = pooled_shape(x, attrs_, id); !(y == dy))
      fail(ErrorCode::shape, id, "the output gradient is {}, pooling {} gives {}", dy, x, y);
    out.emplace_back(Spec{x, in[0].dtype(), in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    return make_vars(
        Var(kernels::avg_pool2d_grad.find(out[0].device, out[0].dtype)(in[0], size_, attrs_)));
  }
  Vars vjp(const Vars&, const Vars&, const Vars& ct, Needs) const override {
    return {emit1(make_ref<AvgPool2d>(attrs_), make_vars(ct[0]))};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    return batch_images(in[0], axes[0], n,
                        [this](const Var& x) { return emit(self(), make_vars(x)); });
  }
  std::string attributes() const override {
    return fmt::format("input_size=({},{}), {}", size_[0], size_[1], describe(attrs_));
  }

 private:
  Size2 size_;
  PoolAttrs attrs_;
};

Vars AvgPool2d::vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const {
  return {emit1(make_ref<AvgPool2dGrad>(Size2{in[0].size(2), in[0].size(3)}, attrs_),
                make_vars(ct[0]))};
}

// Runs the primitive on [N,C,H,W], [C,H,W] or, where `flat`, [N,C,L], [C,L]: missing axes have
// size 1.
template <class P>
Vars pool(Operand x, const PoolAttrs& attrs, bool flat = false) {
  const std::source_location where = x.where;
  Var image = as_var(std::move(x));
  const int rank = flat ? 3 : 4;
  const bool single = image.rank() == rank - 1;
  if (!single && image.rank() != rank)
    fail(ErrorCode::shape, P::id, "input {} is not of rank {} or {}", image.spec(), rank - 1, rank);
  if (flat) image = unsqueeze(image, -2);
  if (single) image = unsqueeze(image, 0);
  Vars out = emit(make_ref<P>(attrs), make_vars(std::move(image)), where);
  for (Var& y : out) {
    if (single) y = squeeze(y, 0);
    if (flat) y = squeeze(y, -2);
  }
  return out;
}

PoolAttrs max_attrs(Size2 kernel, const MaxPool2dOptions& o) {
  return {kernel, o.stride.value_or(kernel), o.padding, o.dilation};
}

PoolAttrs adaptive(Size2 output) {
  PoolAttrs a;
  a.adaptive = true;
  a.output = output;
  return a;
}

}  // namespace

Var max_pool2d(Operand x, Size2 kernel_size, const MaxPool2dOptions& o) {
  return pool<MaxPool2d>(std::move(x), max_attrs(kernel_size, o))[0];
}

std::pair<Var, Var> max_pool2d_with_indices(Operand x, Size2 kernel_size,
                                            const MaxPool2dOptions& o) {
  Vars y = pool<MaxPool2d>(std::move(x), max_attrs(kernel_size, o));
  return {y[0], y[1]};
}

Var max_pool1d(Operand x, std::int64_t kernel_size, const MaxPool1dOptions& o) {
  const PoolAttrs a{
      {1, kernel_size}, {1, o.stride.value_or(kernel_size)}, {0, o.padding}, {1, o.dilation}};
  return pool<MaxPool2d>(std::move(x), a, true)[0];
}

Var avg_pool2d(Operand x, Size2 kernel_size, const AvgPool2dOptions& o) {
  const PoolAttrs a{
      kernel_size, o.stride.value_or(kernel_size), o.padding, {1, 1}, o.count_include_pad};
  return pool<AvgPool2d>(std::move(x), a)[0];
}

Var avg_pool1d(Operand x, std::int64_t kernel_size, const AvgPool1dOptions& o) {
  const PoolAttrs a{{1, kernel_size},
                    {1, o.stride.value_or(kernel_size)},
                    {0, o.padding},
                    {1, 1},
                    o.count_include_pad};
  return pool<AvgPool2d>(std::move(x), a, true)[0];
}

Var adaptive_avg_pool2d(Operand x, Size2 output_size) {
  return pool<AvgPool2d>(std::move(x), adaptive(output_size))[0];
}

Var adaptive_avg_pool1d(Operand x, std::int64_t output_size) {
  return pool<AvgPool2d>(std::move(x), adaptive({1, output_size}), true)[0];
}

Var adaptive_max_pool2d(Operand x, Size2 output_size) {
  return pool<MaxPool2d>(std::move(x), adaptive(output_size))[0];
}

Var adaptive_max_pool1d(Operand x, std::int64_t output_size) {
  return pool<MaxPool2d>(std::move(x), adaptive({1, output_size}), true)[0];
}

}  // namespace sonde
