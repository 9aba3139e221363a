// Products of floats by cuBLASLt, in place wherever the strides allow it.
#include "tensor/kernels/matmul.hpp"

#include <algorithm>
#include <tuple>

#include "tensor/batched_product.hpp"
#include "tensor/cuda/blaslt.hpp"
#include "tensor/cuda/register.hpp"
#include "tensor/matrix_batch.hpp"

namespace sonde::cuda {
namespace {

// cuBLASLt's integers; longer matrices are cut along their rows.
constexpr std::int64_t max_rows = std::int64_t{1} << 30;

// How far apart the rows of a matrix lie, if each is contiguous and they do not overlap; else 0.
template <class T>
std::int64_t row_step(const Matrix<T>& m) {
  if (m.cols > 1 && m.col_stride != 1) return 0;
  if (m.rows > 1 && m.row_stride < m.cols) return 0;
  return m.rows > 1 ? m.row_stride : m.cols;
}

// By rows or by columns, each `ld` behind the one before it; 0 if neither.
struct Layout {
  std::int64_t ld;
  bool by_columns;
};
template <class T>
Layout layout_of(const Matrix<T>& m) {
  if (const std::int64_t ld = row_step(m)) return {ld, false};
  return {row_step(m.transposed()), true};
}
bool has_layout(const Tensor& t) {
  return layout_of(matrix_of<std::byte>(t, nullptr)).ld != 0;
}

// `t` itself if its matrices have a layout, else a copy whose broadcast batch axes stay so.
Tensor with_layout(const Tensor& t) {
  if (has_layout(t)) return t;
  Dims shape = t.shape();
  for (int i = 0; i < t.rank() - 2; ++i)
    if (t.strides()[i] == 0) shape[i] = 1;
  return t.as_strided(shape, t.strides(), t.offset()).contiguous().expand(t.shape());
}

template <class T>
struct Product {
  BatchAxes axes;
  Matrix<const T> a, b;
  Matrix<T> c;

  // C' = B' A'
  Product transposed() const {
    Product p{axes, b.transposed(), a.transposed(), c.transposed()};
    for (BatchAxis& axis : p.axes) std::swap(axis.a, axis.b);
    return p;
  }
};

// Batch axes become rows or columns where the larger matrices still have a layout.
template <class T>
void absorb_axes(Product<T>& p) {
  for (; !p.axes.empty(); p.axes.pop_back()) {
    auto [a, b, c] = std::tuple(p.a, p.b, p.c);
    if (!absorb_axis(p.axes.back(), a, b, c)) return;
    if (layout_of(a).ld == 0 || layout_of(b).ld == 0 || row_step(c) == 0) return;
    p.a = a, p.b = b, p.c = c;
  }
}

// The axis that cuBLASLt is given, which leaves `axes`: the longest whose steps it takes.
BatchAxis take_batch(BatchAxes& axes) {
  std::size_t best = axes.size();
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (axes[i].a >= 0 && axes[i].b >= 0 && axes[i].c >= 0 &&
        (best == axes.size() || axes[i].size > axes[best].size))
      best = i;
  if (best == axes.size()) return {1, 0, 0, 0};
  const BatchAxis taken = axes[best];
  std::move(axes.begin() + best + 1, axes.end(), axes.begin() + best);
  axes.pop_back();
  return taken;
}

// Matrices by rows are their transposes by columns, so cuBLASLt is asked for C' = B' A'.
template <class T>
void multiply_batch(Stream& stream, const Product<T>& p, const BatchAxis& batch) {
  const Layout a = layout_of(p.a), b = layout_of(p.b);
  for (std::int64_t row = 0; row < p.c.rows; row += max_rows) {
    const std::int64_t rows = std::min(max_rows, p.c.rows - row);
    const Gemm problem{.dtype = dtype_of<T>,
                       .tf32 = dtype_of<T> == DType::f32 && matmul_tf32(),
                       .transposed_a = b.by_columns,
                       .transposed_b = a.by_columns,
                       .m = p.c.cols,
                       .n = rows,
                       .k = p.a.cols,
                       .lda = b.ld,
                       .ldb = a.ld,
                       .ldd = row_step(p.c),
                       .batch = batch.size,
                       .step_a = batch.b,
                       .step_b = batch.a,
                       .step_d = batch.c};
    gemm(stream, problem,
         {p.b.data, p.a.data + row * p.a.row_stride, p.c.data + row * p.c.row_stride});
  }
}

// C by rows.
template <class T>
void multiply(Stream& stream, Product<T> p) {
  absorb_axes(p);
  const BatchAxis batch = take_batch(p.axes);
  std::int64_t items = 1;
  for (const BatchAxis& axis : p.axes) items *= axis.size;
  for (std::int64_t item = 0; item < items; ++item) {
    Product<T> one = p;
    std::int64_t rest = item;
    for (std::size_t x = p.axes.size(); x-- > 0; rest /= p.axes[x].size) {
      const std::int64_t i = rest % p.axes[x].size;
      one.a.data += i * p.axes[x].a, one.b.data += i * p.axes[x].b, one.c.data += i * p.axes[x].c;
    }
    multiply_batch(stream, one, batch);
  }
}

template <class T>
void matmul(const Tensor& a, const Tensor& b, Tensor& out) {
  if (out.numel() == 0) return;
  if (a.shape().back() == 0) return copy_into(Tensor::scalar(0, DType::f64), out);
  const Tensor left = with_layout(a), right = with_layout(b);
  const Tensor target =
      has_layout(out) ? out : Tensor::empty(out.shape(), out.dtype(), out.device());
  Stream& stream = stream_of(out.device());
  const Product<T> p{merged(batch_axes(left, right, target)),
                     matrix_of(left, static_cast<const T*>(pointer<T>(stream, left))),
                     matrix_of(right, static_cast<const T*>(pointer<T>(stream, right))),
                     matrix_of(target, pointer<T>(stream, target))};
  multiply(stream, row_step(p.c) != 0 ? p : p.transposed());
  if (target.ref() != out.ref()) copy_into(target, out);
}

}  // namespace

void register_matmul() {
  kernels::matmul.add(DeviceType::cuda, {DType::f32}, &matmul<float>);
  kernels::matmul.add(DeviceType::cuda, {DType::f64}, &matmul<double>);
  kernels::matmul.add(DeviceType::cuda, {DType::bf16}, &matmul<bf16_t>);
}

}  // namespace sonde::cuda
