// Chooses the kernel of a convolution, and lays the weights out for it.
#include "tensor/conv_frame.hpp"
#include "tensor/cuda/conv_depthwise.hpp"
#include "tensor/cuda/conv_weight_grad.hpp"
#include "tensor/cuda/register.hpp"

namespace sonde::cuda {
namespace {

// Sizes of a convolution; channels are those of one group.
struct Problem {
  std::int64_t lanes, batch, groups, in, out;
  ConvAxis rows, columns;

  Problem(std::string_view op, const Dims& x, const Dims& w, const Dims& y, const ConvAttrs& a)
      : lanes(x[0]),
        batch(x[1]),
        groups(a.groups),
        in(w[2]),
        out(w[1] / a.groups),
        rows(conv_axis(op, x[3], y[3], w[3], a, 0)),
        columns(conv_axis(op, x[4], y[4], w[4], a, 1)) {}

  bool depthwise() const { return in == 1 && groups > 1; }
};

template <class T>
Image<T> image_of(Stream& stream, const Tensor& t) {
  const Dims& s = t.strides();
  return {pointer<std::remove_const_t<T>>(stream, t), s[0], s[1], s[3], s[4]};
}

// Row-major weights with the axes in the given order, one copy for all lanes that share them.
Tensor ordered(const Tensor& w, const Dims& axes) {
  if (w.size(0) > 1 && w.strides()[0] == 0) {
    const Tensor one = ordered(w.slice(0, 0, 1), axes);
    Dims shape = one.shape();
    shape[0] = w.size(0);
    return one.expand(shape);
  }
  return w.permute(axes).contiguous();
}

// [lanes, groups * dest channels, R, S, source channels]
Tensor by_dest_channel(const Tensor& w, const Problem& p, bool transposed) {
  if (!transposed) return ordered(w, {0, 1, 3, 4, 2});
  const Tensor grouped = w.as_strided({w.size(0), p.groups, p.out, p.in, w.size(3), w.size(4)},
                                      {w.strides()[0], p.out * w.strides()[1], w.strides()[1],
                                       w.strides()[2], w.strides()[3], w.strides()[4]},
                                      w.offset());
  return ordered(grouped, {0, 1, 3, 4, 5, 2});
}

template <class T>
void gather(std::string_view op, const Tensor& source, const Tensor& w, const Tensor& dest,
            const Problem& p, bool transposed) {
  Stream& stream = stream_of(dest.device());
  const auto from = image_of<const T>(stream, source);
  const auto to = image_of<T>(stream, dest);
  if (p.depthwise()) {
    const Tensor weights = ordered(w, {0, 3, 4, 1, 2});
    return depthwise_conv<T>(op, stream,
                             {from, to, pointer<T>(stream, weights), weights.strides()[0], p.lanes,
                              p.batch, dest.size(2), p.out, p.rows, p.columns, transposed});
  }
  const Tensor weights = by_dest_channel(w, p, transposed);
  gather_conv<T>(
      op, stream,
      {from, to, pointer<T>(stream, weights), weights.strides()[0], p.lanes, p.batch, p.groups,
       transposed ? p.out : p.in, transposed ? p.in : p.out, p.rows, p.columns, transposed},
      dest);
}

// A filter that steps by its own width reads each column once, so its columns may count as
// channels: one tap a row, S*C neighbours deep, in place of S taps of C. `x` is the input or its
// gradient.
bool columns_fold(const Tensor& x, std::int64_t width, const ConvAttrs& a) {
  return width > 1 && a.stride[1] == width && a.padding[1] == 0 && a.dilation[1] == 1 &&
         a.groups == 1 && x.size(4) % width == 0 && x.strides()[4] == x.size(2);
}
// [L,N,C,H,Q*S] to [L,N,S*C,H,Q]
Tensor fold_image(const Tensor& x, std::int64_t width) {
  const Dims &n = x.shape(), &s = x.strides();
  return x.as_strided({n[0], n[1], width * n[2], n[3], n[4] / width},
                      {s[0], s[1], 1, s[3], width * s[4]}, x.offset());
}
// [L,K,C,R,S] to [L,K,S*C,R,1]
Tensor fold_weights(const Tensor& w) {
  return ordered(w, {0, 1, 4, 2, 3})
      .reshape({w.size(0), w.size(1), w.size(4) * w.size(2), w.size(3), 1});
}
ConvAttrs fold_attrs(ConvAttrs a) {
  a.stride[1] = 1;
  return a;
}

template <class T>
void forward(const Tensor& x, const Tensor& w, Tensor& y, const ConvAttrs& a) {
  const std::int64_t width = w.size(4);
  if (columns_fold(x, width, a))
    return forward<T>(fold_image(x, width), fold_weights(w), y, fold_attrs(a));
  gather<T>("conv2d", x, w, y, {"conv2d", x.shape(), w.shape(), y.shape(), a}, false);
}

template <class T>
void input_grad(const Tensor& dy, const Tensor& w, const Tensor& dx, const ConvAttrs& a) {
  constexpr std::string_view op = "conv2d_input_grad";
  const std::int64_t width = w.size(4);
  if (columns_fold(dx, width, a))
    return input_grad<T>(dy, fold_weights(w), fold_image(dx, width), fold_attrs(a));
  gather<T>(op, dy, w, dx, {op, dx.shape(), w.shape(), dy.shape(), a}, true);
}

template <class T>
void weight_grad(const Tensor& x, const Tensor& dy, Tensor& dw, const ConvAttrs& a) {
  constexpr std::string_view op = "conv2d_weight_grad";
  const std::int64_t k = dw.size(1), c = dw.size(2), r = dw.size(3), s = dw.size(4);
  if (columns_fold(x, s, a)) {
    Tensor folded = Tensor::empty({dw.size(0), k, s * c, r, 1}, dw.dtype(), dw.device());
    weight_grad<T>(fold_image(x, s), dy, folded, fold_attrs(a));
    return dw.copy_from(folded.reshape({dw.size(0), k, s, c, r}).permute({0, 1, 3, 4, 2}));
  }
  const Problem p(op, x.shape(), dw.shape(), dy.shape(), a);
  Stream& stream = stream_of(dw.device());
  const auto input = image_of<const T>(stream, x), output_grad = image_of<const T>(stream, dy);
  T* grad = pointer<T>(stream, dw);
  if (p.depthwise())
    depthwise_weight_grad<T>(
        op, stream,
        {input, output_grad, grad, p.lanes, p.batch, dw.size(1), p.out, p.rows, p.columns}, dw);
  else
    conv_weight_grad<T>(
        op, stream,
        {input, output_grad, grad, p.lanes, p.batch, p.groups, p.in, p.out, p.rows, p.columns}, dw);
}

template <class T>
Tensor conv2d(const Tensor& x, const Tensor& w, const ConvAttrs& a) {
  return frame_conv2d(
      x, w, a, [&](const Tensor& xs, const Tensor& ws, Tensor& y) { forward<T>(xs, ws, y, a); });
}

template <class T>
Tensor conv2d_input_grad(const Tensor& dy, const Tensor& w, Size2 input, const ConvAttrs& a) {
  return frame_conv2d_input_grad(
      dy, w, input, a,
      [&](const Tensor& dys, const Tensor& ws, Tensor& dx) { input_grad<T>(dys, ws, dx, a); });
}

template <class T>
Tensor conv2d_weight_grad(const Tensor& x, const Tensor& dy, Size2 kernel, const ConvAttrs& a) {
  return frame_conv2d_weight_grad(
      x, dy, kernel, a,
      [&](const Tensor& xs, const Tensor& dys, Tensor& dw) { weight_grad<T>(xs, dys, dw, a); });
}

template <class T>
void register_for(DType t) {
  kernels::conv2d.add(DeviceType::cuda, {t}, &conv2d<T>);
  kernels::conv2d_input_grad.add(DeviceType::cuda, {t}, &conv2d_input_grad<T>);
  kernels::conv2d_weight_grad.add(DeviceType::cuda, {t}, &conv2d_weight_grad<T>);
}

}  // namespace

void register_conv() {
  register_for<float>(DType::f32);
  register_for<double>(DType::f64);
}

}  // namespace sonde::cuda
