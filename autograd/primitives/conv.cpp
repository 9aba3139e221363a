// Convolution and its two transposes: three products of an image x, a filter w and an output
// gradient dy, each linear in its two inputs. The trilinear form <dy, conv(x, w)> is the same for
// all three, so each is the derivative of the others.
//
// Inputs may carry a leading axis of lanes, all or none of them: that is how vmap over both
// operands runs in one kernel.
#include "autograd/ops/conv.hpp"

#include "autograd/attributes.hpp"
#include "autograd/bases.hpp"
#include "autograd/promote.hpp"

namespace sonde {
namespace {

std::string describe(const ConvAttrs& a) {
  return fmt::format("stride=({},{}), padding=({},{}), dilation=({},{}), groups={}", a.stride[0],
                     a.stride[1], a.padding[0], a.padding[1], a.dilation[0], a.dilation[1],
                     a.groups);
}

void check_attrs(const ConvAttrs& a, std::string_view op) {
  for (std::size_t i = 0; i < 2; ++i)
    if (a.stride[i] < 1 || a.dilation[i] < 1 || a.padding[i] < 0)
      fail(ErrorCode::value, op,
           "stride and dilation must be at least 1 and padding at least 0: {}", describe(a));
  if (a.groups < 1) fail(ErrorCode::value, op, "groups is {}, not at least 1", a.groups);
}

// Same rank (4, or 5 with lanes), lanes, float type and device.
void check_operands(const Var& a, const Var& b, std::string_view op) {
  if ((a.rank() != 4 && a.rank() != 5) || a.rank() != b.rank())
    fail(ErrorCode::shape, op, "operands {} and {} are not both of rank 4", a.spec(), b.spec());
  if (a.rank() == 5 && a.size(0) != b.size(0))
    fail(ErrorCode::shape, op, "operands {} and {} differ in lanes", a.spec(), b.spec());
  if (!is_differentiable(a.dtype()) || a.dtype() != b.dtype())
    fail_hint(ErrorCode::dtype, op, "convert with to(...)",
              "operands {} and {} are not both f32 or both f64", a.spec(), b.spec());
  if (!(a.device() == b.device()))
    fail_hint(ErrorCode::device, op, "move one with to(device)", "operands on {} and {}",
              a.device(), b.device());
}

// Output size along one image axis.
std::int64_t out_size(std::int64_t in, std::int64_t kernel, const ConvAttrs& a, std::size_t axis,
                      std::string_view op) {
  if (kernel < 1 || in < 0)
    fail(ErrorCode::value, op, "a filter of size {} on an image of size {}", kernel, in);
  const std::int64_t padded = checked_add(in, checked_mul(2, a.padding[axis]));
  const std::int64_t reach = checked_add(checked_mul(a.dilation[axis], kernel - 1), 1);
  if (reach > padded)
    fail_hint(ErrorCode::shape, op, "pad the image",
              "a filter of {} taps with dilation {} spans {} positions, the padded image has {}",
              kernel, a.dilation[axis], reach, padded);
  return (padded - reach) / a.stride[axis] + 1;
}

// Axes of shapes counted from the end, so that lanes do not matter.
std::int64_t at(const Dims& shape, int axis) {
  return shape[shape.rank() + axis];
}

// x [.., N, C, H, W] with w [.., K, C/groups, R, S] gives this shape.
Dims conv_shape(const Dims& x, const Dims& w, const ConvAttrs& a, std::string_view op) {
  const std::int64_t channels = at(x, -3), out = at(w, -4);
  if (out % a.groups != 0 || checked_mul(at(w, -3), a.groups) != channels)
    fail(ErrorCode::shape, op, "{} groups of {} channels: input {}, weight {}", a.groups, at(w, -3),
         x, w);
  Dims y = x;
  const int rank = x.rank();
  y[rank - 3] = out;
  y[rank - 2] = out_size(at(x, -2), at(w, -2), a, 0, op);
  y[rank - 1] = out_size(at(x, -1), at(w, -1), a, 1, op);
  numel(y);
  return y;
}

// Error(shape) unless dy is what x and w of these shapes give.
void check_output(const Dims& x, const Dims& w, const Dims& dy, const ConvAttrs& a,
                  std::string_view op) {
  if (const Dims y = conv_shape(x, w, a, op); !(y == dy))
    fail(ErrorCode::shape, op, "the output gradient is {}, the convolution of {} with {} gives {}",
         dy, x, w, y);
}

// Merges axis `i` with the one behind it; split makes two of it again, the first of size `outer`.
Var merge(const Var& v, int i) {
  Dims shape = v.shape();
  shape[i] = checked_mul(shape[i], shape[i + 1]);
  shape.erase(i + 1);
  return reshape(v, shape);
}
Var split(const Var& v, int i, std::int64_t outer, std::int64_t inner) {
  Dims shape = v.shape();
  shape[i] = inner;
  shape.insert(i, outer);
  return reshape(v, shape);
}

// Moves axis `from` to `to`.
Var move_axis(const Var& v, int from, int to) {
  Dims order;
  for (int i = 0; i < v.rank(); ++i)
    if (i != from) order.push_back(i);
  order.insert(to, from);
  return from == to ? v : permute(v, order);
}

class Convolution : public Multilinear {
 public:
  explicit Convolution(const ConvAttrs& attrs) : attrs_(attrs) {}
  std::string attributes() const override { return describe(attrs_); }
  const ConvAttrs& attrs() const { return attrs_; }

 protected:
  // Lanes on both sides become the axis of lanes that the kernels know; lanes of lanes are merged
  // into one axis.
  Batched batch_lanes(const Vars& in, std::span<const int> axes, std::int64_t n) const {
    Vars args;
    for (std::size_t i = 0; i < 2; ++i) args.push_back(with_lanes(in[i], axes[i], n));
    const bool nested = args[0].rank() == 6;
    const std::int64_t lanes = args[0].size(1);  // if nested: those that were there before
    if (nested)
      for (Var& v : args) v = merge(v, 0);
    Var out = emit1(self(), std::move(args));
    return {make_vars(nested ? split(out, 0, n, lanes) : std::move(out)), {0}};
  }

  // Image [.., N, C, H, W] with filter: lanes of the image are more images, lanes of the filter (of
  // one group) more channels, which the filter has at `channel_axis` counted from its end.
  Batched batch_product(const Vars& in, std::span<const int> axes, std::int64_t n,
                        int channel_axis) const {
    if (axes[1] < 0) {
      const int batch = in[0].rank() - 5;  // position of N without lanes
      const Var images = move_axis(in[0], axes[0], batch);
      const Var y = emit1(self(), make_vars(merge(images, batch), in[1]));
      return {make_vars(split(y, batch, n, images.size(batch + 1))), {batch}};
    }
    if (axes[0] >= 0 || attrs_.groups != 1) return batch_lanes(in, axes, n);
    const int channels = in[1].rank() - 1 + channel_axis, out = in[0].rank() - 3;
    const Var filters = move_axis(in[1], axes[1], channels);
    const Var y = emit1(self(), make_vars(in[0], merge(filters, channels)));
    return {make_vars(split(y, out, n, filters.size(channels + 1))), {out}};
  }

  // Every element of y [.., N, K, P, Q] is a sum over the filter's [C/groups, R, S].
  static std::int64_t conv_flops(const Dims& y, const Dims& w) {
    return 2 * numel(y) * at(w, -3) * at(w, -2) * at(w, -1);
  }

  ConvAttrs attrs_;
};

class Conv2d final : public Named<Conv2d, Convolution> {
 public:
  static constexpr std::string_view id = "conv2d";
  using Named::Named;
  void infer(std::span<const Var> in, Specs& out) const override {
    check_attrs(attrs_, id);
    check_operands(in[0], in[1], id);
    out.emplace_back(
        Spec{conv_shape(in[0].shape(), in[1].shape(), attrs_, id), in[0].dtype(), in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    return make_vars(Var(kernels::conv2d.find(out[0].device, out[0].dtype)(in[0], in[1], attrs_)));
  }
  std::int64_t flops(std::span<const Tensor> in, const Vars& out) const override {
    return conv_flops(out[0].shape(), in[1].shape());
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs needs) const override {
    return {needs[0] ? conv2d_input_grad(ct[0], in[1], {in[0].size(-2), in[0].size(-1)}, attrs_)
                     : Var(),
            needs[1] ? conv2d_weight_grad(in[0], ct[0], {in[1].size(-2), in[1].size(-1)}, attrs_)
                     : Var()};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    return batch_product(in, axes, n, -4);
  }
};

// The shape of conv2d's input, from dy [.., N, K, P, Q] and w [.., K, C/groups, R, S].
Dims input_shape(const Dims& dy, const Dims& w, Size2 size, const ConvAttrs& a) {
  Dims x = dy;
  x[dy.rank() - 3] = checked_mul(at(w, -3), a.groups);
  x[dy.rank() - 2] = size[0];
  x[dy.rank() - 1] = size[1];
  return x;
}

class Conv2dInputGrad final : public Named<Conv2dInputGrad, Convolution> {
 public:
  static constexpr std::string_view id = "conv2d_input_grad";
  Conv2dInputGrad(Size2 size, const ConvAttrs& attrs) : Named(attrs), size_(size) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    check_attrs(attrs_, id);
    check_operands(in[0], in[1], id);
    const Dims x = input_shape(in[0].shape(), in[1].shape(), size_, attrs_);
    numel(x);
    check_output(x, in[1].shape(), in[0].shape(), attrs_, id);
    out.emplace_back(Spec{x, in[0].dtype(), in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    return make_vars(Var(
        kernels::conv2d_input_grad.find(out[0].device, out[0].dtype)(in[0], in[1], size_, attrs_)));
  }
  std::int64_t flops(std::span<const Tensor> in, const Vars& /*out*/) const override {
    return conv_flops(in[0].shape(), in[1].shape());
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs needs) const override {
    return {needs[0] ? emit1(make_ref<Conv2d>(attrs_), make_vars(ct[0], in[1])) : Var(),
            needs[1] ? conv2d_weight_grad(ct[0], in[0], {in[1].size(-2), in[1].size(-1)}, attrs_)
                     : Var()};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    return batch_product(in, axes, n, -3);
  }
  std::string attributes() const override {
    return fmt::format("input_size=({},{}), {}", size_[0], size_[1], describe(attrs_));
  }

 private:
  Size2 size_;
};

class Conv2dWeightGrad final : public Named<Conv2dWeightGrad, Convolution> {
 public:
  static constexpr std::string_view id = "conv2d_weight_grad";
  Conv2dWeightGrad(Size2 size, const ConvAttrs& attrs) : Named(attrs), size_(size) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    check_attrs(attrs_, id);
    check_operands(in[0], in[1], id);
    const Dims &x = in[0].shape(), &dy = in[1].shape();
    Dims w = x;
    const int rank = x.rank();
    w[rank - 4] = at(dy, -3);
    w[rank - 3] = at(x, -3) / attrs_.groups;
    w[rank - 2] = size_[0];
    w[rank - 1] = size_[1];
    numel(w);
    check_output(x, w, dy, attrs_, id);
    out.emplace_back(Spec{w, in[0].dtype(), in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    return make_vars(Var(kernels::conv2d_weight_grad.find(out[0].device, out[0].dtype)(
        in[0], in[1], size_, attrs_)));
  }
  std::int64_t flops(std::span<const Tensor> in, const Vars& out) const override {
    return conv_flops(in[1].shape(), out[0].shape());
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs needs) const override {
    return {needs[0] ? conv2d_input_grad(in[1], ct[0], {in[0].size(-2), in[0].size(-1)}, attrs_)
                     : Var(),
            needs[1] ? emit1(make_ref<Conv2d>(attrs_), make_vars(in[0], ct[0])) : Var()};
  }
  // The sum runs over the images, so lanes of either side need a result each.
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    return batch_lanes(in, axes, n);
  }
  std::string attributes() const override {
    return fmt::format("kernel_size=({},{}), {}", size_[0], size_[1], describe(attrs_));
  }

 private:
  Size2 size_;
};

Var with_bias(Var y, const Var& bias, std::source_location where) {
  if (!bias) return y;
  const std::int64_t channels = y.size(1);
  if (!(bias.shape() == Dims{channels}))
    fail(ErrorCode::shape, Conv2d::id, "bias {} for {} output channels", bias.spec(), channels);
  return add({std::move(y), where}, {reshape(bias, {channels, 1, 1}), where});
}

// Adds the axis of images to an unbatched input; `rank` is that of a batched one.
Var batched(Var x, int rank, std::string_view op) {
  if (x.rank() != rank && x.rank() != rank - 1)
    fail(ErrorCode::shape, op, "input {} is not of rank {} or {}", x.spec(), rank - 1, rank);
  return x.rank() == rank ? x : unsqueeze(x, 0);
}

}  // namespace

std::optional<ConvAttrs> conv2d_attributes(const Primitive& p) {
  const auto* conv = dynamic_cast<const Conv2d*>(&p);
  return conv ? std::optional(conv->attrs()) : std::nullopt;
}

Var conv2d(Operand x, const Var& weight, const Var& bias, const ConvAttrs& attrs) {
  const std::source_location where = x.where;
  const Var input = as_var(std::move(x));
  Var y = emit1(make_ref<Conv2d>(attrs), make_vars(batched(input, 4, Conv2d::id), weight), where);
  y = with_bias(std::move(y), bias, where);
  return input.rank() == 3 ? squeeze(y, 0) : y;
}

Var conv1d(Operand x, const Var& weight, const Var& bias, const Conv1dAttrs& a) {
  const std::source_location where = x.where;
  const Var input = as_var(std::move(x));
  const Var image = unsqueeze(batched(input, 3, "conv1d"), 2);
  if (weight.rank() != 3)
    fail(ErrorCode::shape, "conv1d", "weight {} is not of rank 3", weight.spec());
  const ConvAttrs attrs{{1, a.stride}, {0, a.padding}, {1, a.dilation}, a.groups};
  const Var y = squeeze(conv2d({image, where}, unsqueeze(weight, 2), bias, attrs), 2);
  return input.rank() == 2 ? squeeze(y, 0) : y;
}

Var conv2d_input_grad(Operand dy, const Var& weight, Size2 input_size, const ConvAttrs& attrs) {
  const std::source_location where = dy.where;
  return emit1(make_ref<Conv2dInputGrad>(input_size, attrs),
               make_vars(as_var(std::move(dy)), weight), where);
}

Var conv2d_weight_grad(Operand x, const Var& dy, Size2 kernel_size, const ConvAttrs& attrs) {
  const std::source_location where = x.where;
  return emit1(make_ref<Conv2dWeightGrad>(kernel_size, attrs), make_vars(as_var(std::move(x)), dy),
               where);
}

}  // namespace sonde
