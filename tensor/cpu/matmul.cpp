#include "tensor/kernels/matmul.hpp"

#include "tensor/cpu/gemm.hpp"
#include "tensor/cpu/register.hpp"
#include "tensor/matrix_batch.hpp"
#include "tensor/parallel.hpp"

namespace sonde::cpu {
namespace {

template <class T>
Matrix<T> matrix_of(const Tensor& t) {
  return sonde::matrix_of<T>(t, t.data<std::remove_const_t<T>>());
}

// gemm writes matrices whose rows or columns are contiguous and lie apart.
bool writable(const Tensor& out) {
  const int r = out.rank() - 2, c = out.rank() - 1;
  const auto [rows, cols] = std::pair(out.shape()[r], out.shape()[c]);
  const auto [row, col] = std::pair(out.strides()[r], out.strides()[c]);
  return (col == 1 && row >= cols) || (row == 1 && col >= rows) || rows == 0 || cols == 0;
}

template <class T>
void matmul_float(const Tensor& a, const Tensor& b, Tensor& out) {
  const Tensor target = writable(out) ? out : Tensor::empty(out.shape(), out.dtype());
  gemm_batch<T>(batch_axes(a, b, target), matrix_of<const T>(a), matrix_of<const T>(b),
                matrix_of<T>(target));
  if (target.ref() != out.ref()) copy_into(target, out);
}

// Integers wrap around; a plain loop, row of B by row of B.
template <class T>
void integer_product(const Matrix<const T>& a, const Matrix<const T>& b, const Matrix<T>& c) {
  using U = std::make_unsigned_t<T>;
  for (std::int64_t i = 0; i < c.rows; ++i)
    for (std::int64_t j = 0; j < c.cols; ++j) {
      U sum = 0;
      for (std::int64_t p = 0; p < a.cols; ++p)
        sum += static_cast<U>(a.data[i * a.row_stride + p * a.col_stride]) *
               static_cast<U>(b.data[p * b.row_stride + j * b.col_stride]);
      c.data[i * c.row_stride + j * c.col_stride] = static_cast<T>(sum);
    }
}

template <class T>
void matmul_integer(const Tensor& a, const Tensor& b, Tensor& out) {
  const auto axes = batch_axes(a, b, out);
  const Matrix<const T> a0 = matrix_of<const T>(a), b0 = matrix_of<const T>(b);
  const Matrix<T> c0 = matrix_of<T>(out);
  const std::int64_t per_item = c0.rows * c0.cols;
  if (per_item == 0) return;
  const std::int64_t work = std::max<std::int64_t>(1, per_item * a0.cols);
  parallel_for(out.numel() / per_item, (1 << 16) / work + 1,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t item = begin; item < end; ++item) {
                   Matrix<const T> am = a0, bm = b0;
                   Matrix<T> cm = c0;
                   std::int64_t rest = item;
                   for (std::size_t x = axes.size(); x-- > 0; rest /= axes[x].size) {
                     const std::int64_t i = rest % axes[x].size;
                     am.data += i * axes[x].a, bm.data += i * axes[x].b, cm.data += i * axes[x].c;
                   }
                   integer_product(am, bm, cm);
                 }
               });
}

}  // namespace

void register_matmul() {
  kernels::matmul.add(DeviceType::cpu, {DType::f32}, &matmul_float<float>);
  kernels::matmul.add(DeviceType::cpu, {DType::f64}, &matmul_float<double>);
  kernels::matmul.add(DeviceType::cpu, {DType::i32}, &matmul_integer<std::int32_t>);
  kernels::matmul.add(DeviceType::cpu, {DType::i64}, &matmul_integer<std::int64_t>);
}

}  // namespace sonde::cpu
