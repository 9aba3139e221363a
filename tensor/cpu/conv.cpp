// Chooses the kernel for each group of each lane, and lays tensors out for it.
#include "tensor/kernels/conv.hpp"

#include <atomic>

#include "tensor/cpu/conv_depthwise.hpp"
#include "tensor/cpu/conv_indirect.hpp"
#include "tensor/cpu/conv_narrow.hpp"
#include "tensor/cpu/conv_patches.hpp"
#include "tensor/cpu/conv_winograd.hpp"
#include "tensor/cpu/layout.hpp"
#include "tensor/cpu/register.hpp"
#include "tensor/parallel.hpp"

namespace sonde {
namespace {
std::atomic<bool> winograd_on{true};
}  // namespace

bool conv_winograd() {
  return winograd_on.load(std::memory_order_relaxed);
}
void set_conv_winograd(bool on) {
  winograd_on.store(on, std::memory_order_relaxed);
}

}  // namespace sonde

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

std::int64_t out_size(const ConvAttrs& a, std::size_t i, std::int64_t in, std::int64_t kernel) {
  return (in + 2 * a.padding[i] - a.dilation[i] * (kernel - 1) - 1) / a.stride[i] + 1;
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

// Without elements on one side every sum is empty.
bool empty_sums(const Tensor& a, const Tensor& b) {
  return a.numel() == 0 || b.numel() == 0;
}

template <class F>
Tensor dispatch(const Tensor& a, const Tensor& b, Tensor result, const F& f) {
  if (result.numel() == 0) return result;
  if (empty_sums(a, b)) {
    result.copy_from(Tensor::zeros({}, a.dtype()).expand(result.shape()));
    return result;
  }
  a.dtype() == DType::f32 ? f(float{}, result) : f(double{}, result);
  return result;
}

Tensor conv2d(const Tensor& x, const Tensor& w, const ConvAttrs& a) {
  if (x.rank() == 4) return conv2d(x.unsqueeze(0), w.unsqueeze(0), a).select(0, 0);
  Tensor y =
      empty_channels_last({x.size(0), x.size(1), w.size(1), out_size(a, 0, x.size(3), w.size(3)),
                           out_size(a, 1, x.size(4), w.size(4))},
                          x.dtype());
  return dispatch(x, w, y,
                  [&](auto t, Tensor& out) { forward<decltype(t)>(channels_last(x), w, out, a); });
}

Tensor conv2d_input_grad(const Tensor& dy, const Tensor& w, Size2 input, const ConvAttrs& a) {
  if (dy.rank() == 4)
    return conv2d_input_grad(dy.unsqueeze(0), w.unsqueeze(0), input, a).select(0, 0);
  Tensor dx = empty_channels_last(
      {dy.size(0), dy.size(1), w.size(2) * a.groups, input[0], input[1]}, dy.dtype());
  return dispatch(dy, w, dx, [&](auto t, Tensor& out) {
    input_grad<decltype(t)>(channels_last(dy), w, out, a);
  });
}

Tensor conv2d_weight_grad(const Tensor& x, const Tensor& dy, Size2 kernel, const ConvAttrs& a) {
  if (x.rank() == 4)
    return conv2d_weight_grad(x.unsqueeze(0), dy.unsqueeze(0), kernel, a).select(0, 0);
  Tensor dw =
      Tensor::empty({x.size(0), dy.size(2), x.size(2) / a.groups, kernel[0], kernel[1]}, x.dtype());
  return dispatch(x, dy, dw, [&](auto t, Tensor& out) {
    weight_grad<decltype(t)>(channels_last(x), channels_last(dy), out, a);
  });
}

}  // namespace

void register_conv() {
  kernels::conv2d.add(DeviceType::cpu, {DType::f32, DType::f64}, &conv2d);
  kernels::conv2d_input_grad.add(DeviceType::cpu, {DType::f32, DType::f64}, &conv2d_input_grad);
  kernels::conv2d_weight_grad.add(DeviceType::cpu, {DType::f32, DType::f64}, &conv2d_weight_grad);
}

}  // namespace sonde::cpu
