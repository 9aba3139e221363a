#include "tensor/cuda/linalg_kernels.hpp"

#include <cmath>

#include "tensor/cuda/launch.hpp"

namespace sonde::cuda {
namespace {

template <class T>
__global__ void finish_cholesky_kernel(MatrixBatch b, T* m, int* info) {
  for (std::int64_t i = thread_index(); i < b.count * b.matrix(); i += grid_threads()) {
    const std::int64_t at = i % b.matrix(), row = at / b.cols, col = at % b.cols;
    if (col > row) m[i] = 0;
    if (at == b.matrix() - 1 && std::isnan(m[i])) info[i / b.matrix()] = 1;  // it spreads to here
  }
}

template <class T>
__global__ void take_upper_kernel(MatrixBatch b, const T* by_columns, T* out) {
  const std::int64_t square = b.cols * b.cols;
  for (std::int64_t i = thread_index(); i < b.count * square; i += grid_threads()) {
    const std::int64_t row = i % square / b.cols, col = i % b.cols;
    out[i] = col < row ? T{0} : by_columns[i / square * b.matrix() + col * b.rows + row];
  }
}

template <class T>
__global__ void identity_kernel(MatrixBatch b, T* m) {
  for (std::int64_t i = thread_index(); i < b.count * b.matrix(); i += grid_threads())
    m[i] = i % b.matrix() / b.cols == i % b.cols ? T{1} : T{0};
}

// Several threads may write the same 1.
template <class T>
__global__ void mark_not_finite_kernel(MatrixBatch b, const T* m, int* info) {
  for (std::int64_t i = thread_index(); i < b.count * b.matrix(); i += grid_threads())
    if (!std::isfinite(m[i])) info[i / b.matrix()] = 1;
}

template <class T>
__global__ void clear_marked_kernel(MatrixBatch b, T* m, const int* info) {
  for (std::int64_t i = thread_index(); i < b.count * b.matrix(); i += grid_threads())
    if (info[i / b.matrix()] != 0) m[i] = 0;
}

template <class T>
__global__ void zero_diagonal_kernel(MatrixBatch b, const T* m, int* info) {
  for (std::int64_t i = thread_index(); i < b.count * b.rows; i += grid_threads()) {
    const std::int64_t item = i / b.rows, d = i % b.rows;
    if (m[item * b.matrix() + d * (b.cols + 1)] == T{0}) info[item] = 1;
  }
}

template <class T>
struct Product {
  T value = 1;
  __device__ void change_sign() { value = -value; }
  __device__ void take(T pivot) { value *= pivot; }
};
template <class T>
struct SignAndLog {
  T sign = 1, log = 0;
  __device__ void change_sign() { sign = -sign; }
  __device__ void take(T pivot) {
    sign *= pivot > 0 ? T{1} : pivot < 0 ? T{-1} : pivot;  // keeps 0 and NaN
    log += std::log(std::abs(pivot));
  }
};

// Takes the pivots of one matrix in their order, in all lanes of a warp alike: each lane reads
// every 32nd. After a pivot of 0 the others are not defined.
template <class A, class T, class P>
__device__ A over_pivots(const T* lu, const P* exchanged, int info, std::int64_t n) {
  const int lane = static_cast<int>(threadIdx.x) % warpSize;
  const std::int64_t defined = info > 0 ? info : n;
  A result;
  for (std::int64_t base = 0; base < n; base += warpSize) {
    const std::int64_t r = base + lane;
    const T mine = r < defined ? lu[r * (n + 1)] : T{1};
    const unsigned moved = __ballot_sync(0xFFFFFFFF, r < n && exchanged[r] != r + 1);
    if (__popc(moved) % 2 == 1) result.change_sign();
    for (int source = 0; source < warpSize; ++source)
      result.take(__shfl_sync(0xFFFFFFFF, mine, source));
  }
  return result;
}

template <class A, class T, class P, class F>
__device__ void for_each_determinant(const MatrixBatch& b, const T* lu, const P* exchanged,
                                     const int* info, F write) {
  const std::int64_t n = b.rows, warps = grid_threads() / warpSize;
  for (std::int64_t i = thread_index() / warpSize; i < b.count; i += warps) {
    const A result = over_pivots<A>(lu + i * b.matrix(), exchanged + i * n, info[i], n);
    if (threadIdx.x % warpSize == 0) write(i, result);
  }
}

template <class T, class P>
__global__ void slogdet_kernel(MatrixBatch b, const T* lu, const P* exchanged, const int* info,
                               T* sign, T* log) {
  for_each_determinant<SignAndLog<T>>(b, lu, exchanged, info,
                                      [=](std::int64_t i, const SignAndLog<T>& d) {
                                        sign[i] = d.sign;
                                        log[i] = d.log;
                                      });
}

template <class T, class P>
__global__ void det_kernel(MatrixBatch b, const T* lu, const P* exchanged, const int* info,
                           T* det) {
  for_each_determinant<Product<T>>(b, lu, exchanged, info,
                                   [=](std::int64_t i, const Product<T>& d) { det[i] = d.value; });
}

// Calls f with the pivots' address, of their type.
template <class T, class F>
void with_pivots(Stream& stream, const LuFactors<T>& lu, F f) {
  if (lu.pivots.dtype() == DType::i32)
    f(pointer<const std::int32_t>(stream, lu.pivots));
  else
    f(pointer<const std::int64_t>(stream, lu.pivots));
}

}  // namespace

template <class T>
void MatrixKernels<T>::finish_cholesky(Stream& stream, const MatrixBatch& b, T* matrices,
                                       int* info) {
  launch("cholesky", stream, grid_over(b.count * b.matrix()), finish_cholesky_kernel<T>, b,
         matrices, info);
}

template <class T>
void MatrixKernels<T>::take_upper(Stream& stream, const MatrixBatch& b, const T* by_columns,
                                  T* out) {
  launch("qr", stream, grid_over(b.count * b.cols * b.cols), take_upper_kernel<T>, b, by_columns,
         out);
}

template <class T>
void MatrixKernels<T>::write_identity(Stream& stream, const MatrixBatch& b, T* matrices) {
  launch("inv", stream, grid_over(b.count * b.matrix()), identity_kernel<T>, b, matrices);
}

template <class T>
void MatrixKernels<T>::clear_unless_finite(Stream& stream, const MatrixBatch& b, T* matrices,
                                           int* info) {
  const Grid grid = grid_over(b.count * b.matrix());
  launch("finite", stream, grid, mark_not_finite_kernel<T>, b, matrices, info);
  launch("finite", stream, grid, clear_marked_kernel<T>, b, matrices, info);
}

template <class T>
void MatrixKernels<T>::find_zero_diagonal(Stream& stream, const MatrixBatch& b, const T* matrices,
                                          int* info) {
  launch("triangular_solve", stream, grid_over(b.count * b.rows), zero_diagonal_kernel<T>, b,
         matrices, info);
}

template <class T>
void MatrixKernels<T>::slogdet_of(Stream& stream, const MatrixBatch& b, const LuFactors<T>& lu,
                                  T* sign, T* log) {
  with_pivots(stream, lu, [&](const auto* exchanged) {
    using P = std::remove_const_t<std::remove_pointer_t<decltype(exchanged)>>;
    launch("slogdet", stream, grid_over(b.count * 32), slogdet_kernel<T, P>, b, lu.matrices,
           exchanged, lu.info, sign, log);
  });
}

template <class T>
void MatrixKernels<T>::det_of(Stream& stream, const MatrixBatch& b, const LuFactors<T>& lu,
                              T* det) {
  with_pivots(stream, lu, [&](const auto* exchanged) {
    using P = std::remove_const_t<std::remove_pointer_t<decltype(exchanged)>>;
    launch("det", stream, grid_over(b.count * 32), det_kernel<T, P>, b, lu.matrices, exchanged,
           lu.info, det);
  });
}

template struct MatrixKernels<float>;
template struct MatrixKernels<double>;

}  // namespace sonde::cuda
