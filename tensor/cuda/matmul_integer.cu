// Products of integers, which no library has: tiles in shared memory, any strides.
#include "tensor/batched_product.hpp"
#include "tensor/cuda/launch.hpp"
#include "tensor/cuda/register.hpp"
#include "tensor/kernels/matmul.hpp"

namespace sonde::cuda {
namespace {

constexpr int tile = 16;

// What the kernel needs of a batch, by value.
template <class T>
struct Products {
  Matrix<const T> a, b;
  Matrix<T> c;
  int rank;
  BatchAxis axis[max_rank];
};

template <class T>
__device__ Products<T> item_of(const Products<T>& p, std::int64_t item) {
  Products<T> one = p;
  for (int x = p.rank; x-- > 0; item /= p.axis[x].size) {
    const std::int64_t i = item % p.axis[x].size;
    one.a.data += i * p.axis[x].a;
    one.b.data += i * p.axis[x].b;
    one.c.data += i * p.axis[x].c;
  }
  return one;
}

// Element (i, j), or 0 beyond the edges.
template <class T>
__device__ T element(const Matrix<const T>& m, std::int64_t i, std::int64_t j) {
  return i < m.rows && j < m.cols ? m.data[i * m.row_stride + j * m.col_stride] : T{0};
}

// A block goes over tiles of C; each of its threads adds up one element. Integers wrap around.
template <class T>
__global__ void product_kernel(Products<T> all, std::int64_t tiles) {
  using U = std::make_unsigned_t<T>;
  __shared__ U a_tile[tile][tile + 1], b_tile[tile][tile + 1];
  const int row = static_cast<int>(threadIdx.x) / tile, col = static_cast<int>(threadIdx.x) % tile;
  const std::int64_t across = (all.c.cols + tile - 1) / tile,
                     per_item = across * ((all.c.rows + tile - 1) / tile);
  for (std::int64_t t = blockIdx.x; t < tiles; t += gridDim.x) {
    const Products<T> p = item_of(all, t / per_item);
    const std::int64_t i = t % per_item / across * tile + row, j = t % across * tile + col;
    U sum = 0;
    for (std::int64_t k = 0; k < p.a.cols; k += tile) {
      a_tile[row][col] = static_cast<U>(element(p.a, i, k + col));
      b_tile[row][col] = static_cast<U>(element(p.b, k + row, j));
      __syncthreads();
      for (int x = 0; x < tile; ++x) sum += a_tile[row][x] * b_tile[x][col];
      __syncthreads();
    }
    if (i < p.c.rows && j < p.c.cols)
      p.c.data[i * p.c.row_stride + j * p.c.col_stride] = static_cast<T>(sum);
  }
}

template <class T>
void matmul(const Tensor& a, const Tensor& b, Tensor& out) {
  if (out.numel() == 0) return;
  Stream& stream = stream_of(out.device());
  const BatchAxes axes = merged(batch_axes(a, b, out));
  Products<T> p{matrix_of<const T>(a, pointer<T>(stream, a)),
                matrix_of<const T>(b, pointer<T>(stream, b)),
                matrix_of<T>(out, pointer<T>(stream, out)),
                static_cast<int>(axes.size()),
                {}};
  std::copy(axes.begin(), axes.end(), p.axis);
  const std::int64_t tiles = out.numel() / (p.c.rows * p.c.cols) * ((p.c.rows + tile - 1) / tile) *
                             ((p.c.cols + tile - 1) / tile);
  const Grid grid{std::min<std::int64_t>(tiles, 1 << 16), tile * tile, 0};
  launch("matmul", stream, grid, product_kernel<T>, p, tiles);
}

}  // namespace

void register_matmul_integer() {
  kernels::matmul.add(DeviceType::cuda, {DType::i32}, &matmul<std::int32_t>);
  kernels::matmul.add(DeviceType::cuda, {DType::i64}, &matmul<std::int64_t>);
}

}  // namespace sonde::cuda
