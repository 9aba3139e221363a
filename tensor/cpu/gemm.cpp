#include "tensor/cpu/gemm.hpp"

#include <algorithm>

#include "tensor/cpu/gemm_serial.hpp"
#include "tensor/parallel.hpp"

namespace sonde::cpu {
namespace {

// Multiplications worth a task of their own: about 20 us.
constexpr std::int64_t tile_work = 1 << 20;

struct Tiles {
  std::int64_t rows = 1, cols = 1;
};

// OpenBLAS packs B once per tile: few tiles, by size alone, as their edges may show in the last
// bit.
Tiles blas_tiles(std::int64_t m, std::int64_t n) {
  constexpr std::int64_t height = 1024, width = 2048;
  const std::int64_t rows = chunk_count(m, height);
  return {rows, std::min(chunk_count(n, width), max_chunks / rows)};
}

// The own kernel gives the same bits for any tiling, so one thread takes the whole. Otherwise
// halves of the longer side while the product is small; from 512 rows and columns on, quarters and
// more.
Tiles own_tiles(std::int64_t m, std::int64_t n, std::int64_t k) {
  constexpr std::int64_t wide = 512;
  Tiles t;
  if (threads() == 1) return t;
  const auto count = [&] { return t.rows * t.cols; };
  while (m * n * k / count() >= 2 * tile_work && count() < max_chunks &&
         (count() < 2 || m / t.rows * (n / t.cols) >= 2 * wide * wide)) {
    if (m / t.rows >= n / t.cols)
      t.rows *= 2;
    else
      t.cols *= 2;
  }
  return t;
}

template <class T>
Product<T> tile_of(const Product<T>& p, const Tiles& tiles, std::int64_t index) {
  const std::int64_t r = index / tiles.cols, q = index % tiles.cols;
  const std::int64_t i = chunk_begin(p.c.rows, tiles.rows, r),
                     j = chunk_begin(p.c.cols, tiles.cols, q);
  const std::int64_t m = chunk_begin(p.c.rows, tiles.rows, r + 1) - i;
  const std::int64_t n = chunk_begin(p.c.cols, tiles.cols, q + 1) - j;
  Product<T> tile{p.a.block(i, 0, m, p.a.cols), p.b.block(0, j, p.b.rows, n),
                  p.c.block(i, j, m, n)};
  tile.start_row = p.start_row;
  if (p.start) tile.start = p.start + i * p.start_row + j;
  return tile;
}

template <class T>
Product<T> item_of(const Product<T>& p, const BatchAxes& axes, std::int64_t index) {
  Product<T> item = p;
  for (std::size_t x = axes.size(); x-- > 0;) {
    const std::int64_t i = index % axes[x].size;
    index /= axes[x].size;
    item.a.data += i * axes[x].a;
    item.b.data += i * axes[x].b;
    item.c.data += i * axes[x].c;
  }
  if (p.start == p.c.data) item.start = item.c.data;
  return item;
}

// Parallel over batch x tiles.
template <class T>
void multiply_batch(const BatchAxes& axes, const Product<T>& p) {
  const std::int64_t m = p.c.rows, n = p.c.cols, k = p.a.cols;
  std::int64_t batch = 1;
  for (const BatchAxis& axis : axes) batch *= axis.size;
  if (batch == 0 || m == 0 || n == 0) return;
  const GemmMethod method = gemm_method(m, n, k);
  const Tiles tiles = method == GemmMethod::blas ? blas_tiles(m, n) : own_tiles(m, n, k);
  const std::int64_t per_item = tiles.rows * tiles.cols, items = batch * per_item;
  const std::int64_t work = std::max<std::int64_t>(1, m * n * k / per_item);
  parallel_for(items, (tile_work + work - 1) / work, [&](std::int64_t begin, std::int64_t end) {
    GemmScratch<T> scratch;
    for (std::int64_t item = begin; item < end; ++item) {
      const Product<T> whole = item_of(p, axes, item / per_item);
      multiply(per_item == 1 ? whole : tile_of(whole, tiles, item % per_item), method, scratch);
    }
  });
}

// C by columns is the transposed product.
template <class T>
void multiply_any(BatchAxes axes, Product<T> p) {
  while (!axes.empty() && absorb_axis(axes.back(), p.a, p.b, p.c)) axes.pop_back();
  if (p.c.cols <= 1) p.c.col_stride = 1;
  if (p.c.col_stride != 1) {
    for (BatchAxis& axis : axes) std::swap(axis.a, axis.b);
    p = {p.b.transposed(), p.a.transposed(), p.c.transposed(), p.start, 0};
  }
  if (p.c.rows <= 1) p.c.row_stride = std::max<std::int64_t>(1, p.c.cols);
  if (p.start == p.c.data) p.start_row = p.c.row_stride;
  multiply_batch(axes, p);
}

template <class T>
Product<T> product(Matrix<const T> a, Matrix<const T> b, Matrix<T> c, GemmStart start) {
  return {a, b, c, start == GemmStart::accumulate ? c.data : nullptr, c.row_stride};
}

}  // namespace

template <class T>
void gemm(ConstMatrix<T> a, ConstMatrix<T> b, Matrix<T> c, GemmStart start) {
  multiply_any({}, product(a, b, c, start));
}

template <class T>
void gemm_bias(ConstMatrix<T> a, ConstMatrix<T> b, const std::type_identity_t<T>* bias,
               Matrix<T> c) {
  multiply_any({}, Product<T>{a, b, c, bias, 0});
}

template <class T>
void gemm_serial(ConstMatrix<T> a, ConstMatrix<T> b, Matrix<T> c, GemmStart start) {
  GemmScratch<T> scratch;
  multiply(product(a, b, c, start), gemm_method(a.rows, b.cols, a.cols), scratch);
}

template <class T>
void gemm_batch(std::span<const BatchAxis> axes, ConstMatrix<T> a, ConstMatrix<T> b, Matrix<T> c,
                GemmStart start) {
  multiply_any(merged(axes), product(a, b, c, start));
}

template void gemm<float>(ConstMatrix<float>, ConstMatrix<float>, Matrix<float>, GemmStart);
template void gemm<double>(ConstMatrix<double>, ConstMatrix<double>, Matrix<double>, GemmStart);
template void gemm_bias<float>(ConstMatrix<float>, ConstMatrix<float>, const float*, Matrix<float>);
template void gemm_bias<double>(ConstMatrix<double>, ConstMatrix<double>, const double*,
                                Matrix<double>);
template void gemm_serial<float>(ConstMatrix<float>, ConstMatrix<float>, Matrix<float>, GemmStart);
template void gemm_serial<double>(ConstMatrix<double>, ConstMatrix<double>, Matrix<double>,
                                  GemmStart);
template void gemm_batch<float>(std::span<const BatchAxis>, ConstMatrix<float>, ConstMatrix<float>,
                                Matrix<float>, GemmStart);
template void gemm_batch<double>(std::span<const BatchAxis>, ConstMatrix<double>,
                                 ConstMatrix<double>, Matrix<double>, GemmStart);

}  // namespace sonde::cpu
