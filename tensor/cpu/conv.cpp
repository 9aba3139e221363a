// Chooses the kernel for each group of each lane, and lays tensors out for it.
#include "tensor/kernels/conv.hpp"

#include "tensor/conv_frame.hpp"
#include "tensor/cpu/conv_depthwise.hpp"
#include "tensor/cpu/conv_indirect.hpp"
#include "tensor/cpu/conv_narrow.hpp"
#include "tensor/cpu/conv_patches.hpp"
#include "tensor/cpu/conv_winograd.hpp"
#include "tensor/cpu/register.hpp"
#include "tensor/parallel.hpp"

namespace sonde::cpu {
namespace {

// Sizes of a convolution; channels are those of one group.
struct Problem {
  std::int64_t lanes, batch, groups, in, out;
  ConvAxis rows, columns;

  Problem(const Dims& x, const Dims& w, const Dims& y, const ConvAttrs& a)
      : lanes(x[0]),
        batch(x[1]),
        groups(a.groups),
        in(w[2]),
        out(w[1] / a.groups),
        rows(axis(x, w, y, a, 0)),
        columns(axis(x, w, y, a, 1)) {}

  static ConvAxis axis(const Dims& x, const Dims& w, const Dims& y, const ConvAttrs& a, int i) {
    const auto k = static_cast<std::size_t>(i);
    return {x[3 + i], y[3 + i], w[3 + i], a.stride[k], a.padding[k], a.dilation[k]};
  }
  bool depthwise() const { return in == 1 && out == 1; }
  /// A depthwise convolution handles all its groups at once.
  std::int64_t units_per_lane() const { return depthwise() ? 1 : groups; }
  bool winograd(DType t) const {
    return t == DType::f32 && conv_winograd() && winograd_fits(rows, columns, batch, in, out);
  }
  std::int64_t work() const {
    return batch * rows.out * columns.out * rows.kernel * columns.kernel * in * out;
  }
};

// Group `group` of lane `lane` of a channels-last tensor.
template <class T>
Image<T> image_of(const Tensor& t, std::int64_t lane, std::int64_t first_channel) {
  const Dims& s = t.strides();
  using Element = std::remove_const_t<T>;
  return {t.data<Element>() + lane * s[0] + first_channel, s[1], s[3], s[4]};
}

template <class T>
Filter<T> filter_of(const Tensor& w, std::int64_t lane, std::int64_t first_output) {
  const Dims& s = w.strides();
  return {w.data<T>() + lane * s[0] + first_output * s[1], s[1], s[2], s[3], s[4]};
}

// Calls f(lane, group) for every unit; small ones share a task.
template <class F>
void for_units(const Problem& p, const F& f) {
  const std::int64_t per_lane = p.units_per_lane();
  parallel_for(p.lanes * per_lane, conv_chunk(p.work()), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t u = begin; u < end; ++u) f(u / per_lane, u % per_lane);
  });
}

template <class T>
void run(const GatherConv<T>& c, const Problem& p, bool winograd) {
  if constexpr (std::is_same_v<T, float>)
    if (winograd) return winograd_conv(c);
  if (p.depthwise())
    depthwise_conv(c);
  else if (narrow_fits(c.source_channels, c.dest_channels))
    narrow_conv(c);
  else
    gather_conv(c);
}
template <class T>
void run(const WeightGrad<T>& c, const Problem& p, bool winograd) {
  if constexpr (std::is_same_v<T, float>)
    if (winograd) return winograd_weight_grad(c);
  if (p.depthwise())
    depthwise_weight_grad(c);
  else if (patches_fit(c))
    patch_weight_grad(c);
  else
    direct_weight_grad(c);
}

template <class T>
void forward(const Tensor& x, const Tensor& w, Tensor& y, const ConvAttrs& a) {
  const Problem p(x.shape(), w.shape(), y.shape(), a);
  const AxisPlan rows = forward_plan(p.rows), columns = forward_plan(p.columns);
  const bool winograd = p.winograd(dtype_of<T>);
  for_units(p, [&](std::int64_t lane, std::int64_t g) {
    run(GatherConv<T>{image_of<const T>(x, lane, g * p.in), image_of<T>(y, lane, g * p.out),
                      filter_of<T>(w, lane, g * p.out), p.batch, p.in,
                      p.depthwise() ? p.groups : p.out, &rows, &columns},
        p, winograd);
  });
}

template <class T>
void input_grad(const Tensor& dy, const Tensor& w, Tensor& dx, const ConvAttrs& a) {
  const Problem p(dx.shape(), w.shape(), dy.shape(), a);
  const auto rows = input_grad_plans(p.rows), columns = input_grad_plans(p.columns);
  const bool winograd = p.winograd(dtype_of<T>);
  for_units(p, [&](std::int64_t lane, std::int64_t g) {
    const Image<const T> from = image_of<const T>(dy, lane, g * p.out);
    const Image<T> to = image_of<T>(dx, lane, g * p.in);
    Filter<T> filter = filter_of<T>(w, lane, g * p.out);
    const InputGrad<T> whole{from, to, filter, p.batch, p.in, p.out, p.rows, p.columns};
    if (!p.depthwise() && patches_fit(whole)) return patch_input_grad(whole);
    if (!p.depthwise()) std::swap(filter.out, filter.in);
    for (const AxisPlan& r : rows)
      for (const AxisPlan& c : columns)
        run(GatherConv<T>{from, to, filter, p.batch, p.out, p.depthwise() ? p.groups : p.in, &r,
                          &c},
            p, winograd);
  });
}

template <class T>
void weight_grad(const Tensor& x, const Tensor& dy, Tensor& dw, const ConvAttrs& a) {
  const Problem p(x.shape(), dw.shape(), dy.shape(), a);
  const bool winograd = p.winograd(dtype_of<T>);
  for_units(p, [&](std::int64_t lane, std::int64_t g) {
    T* grad = dw.data<T>() + lane * dw.strides()[0] + g * p.out * dw.strides()[1];
    run(WeightGrad<T>{image_of<const T>(x, lane, g * p.in), image_of<const T>(dy, lane, g * p.out),
                      grad, p.batch, p.in, p.depthwise() ? p.groups : p.out, p.rows, p.columns},
        p, winograd);
  });
}

// f(float{}) or f(double{}).
template <class F>
void with_type(DType t, const F& f) {
  t == DType::f32 ? f(float{}) : f(double{});
}

Tensor conv2d(const Tensor& x, const Tensor& w, const ConvAttrs& a) {
  return frame_conv2d(x, w, a, [&](const Tensor& xs, const Tensor& ws, Tensor& y) {
    with_type(x.dtype(), [&](auto t) { forward<decltype(t)>(xs, ws, y, a); });
  });
}

Tensor conv2d_input_grad(const Tensor& dy, const Tensor& w, Size2 input, const ConvAttrs& a) {
  return frame_conv2d_input_grad(
      dy, w, input, a, [&](const Tensor& dys, const Tensor& ws, Tensor& dx) {
        with_type(dy.dtype(), [&](auto t) { input_grad<decltype(t)>(dys, ws, dx, a); });
      });
}

Tensor conv2d_weight_grad(const Tensor& x, const Tensor& dy, Size2 kernel, const ConvAttrs& a) {
  return frame_conv2d_weight_grad(
      x, dy, kernel, a, [&](const Tensor& xs, const Tensor& dys, Tensor& dw) {
        with_type(x.dtype(), [&](auto t) { weight_grad<decltype(t)>(xs, dys, dw, a); });
      });
}

}  // namespace

void register_conv() {
  kernels::conv2d.add(DeviceType::cpu, {DType::f32, DType::f64}, &conv2d);
  kernels::conv2d_input_grad.add(DeviceType::cpu, {DType::f32, DType::f64}, &conv2d_input_grad);
  kernels::conv2d_weight_grad.add(DeviceType::cpu, {DType::f32, DType::f64}, &conv2d_weight_grad);
}

}  // namespace sonde::cpu
