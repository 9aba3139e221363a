#include "tensor/cpu/gemm_serial.hpp"

#include <algorithm>
#include <cstring>

#include "tensor/cpu/blas.hpp"
#include "tensor/cpu/gemm_kernel.hpp"
#include "tensor/cpu/transpose.hpp"

namespace sonde::cpu {
namespace {

// A panel of B (block_k x panel width) and A's block (block_m x block_k) stay in the second-level
// cache. Measured.
constexpr std::int64_t block_k = 512, block_m = 120, block_n = 2048;
// From this many multiplications on OpenBLAS is level, or faster where it knows the machine better.
constexpr std::int64_t blas_from = std::int64_t{1500} * 1500 * 1500;
// Rows a multiple of 4 KB apart fall into the same cache sets.
constexpr std::int64_t far_apart = 4096;

template <class T>
void copy_matrix(const Matrix<const T>& from, T* to, std::int64_t to_row) {
  if (from.col_stride == 1) {
    for (std::int64_t i = 0; i < from.rows; ++i)
      std::memcpy(to + i * to_row, from.data + i * from.row_stride,
                  static_cast<std::size_t>(from.cols) * sizeof(T));
  } else if (from.row_stride == 1) {
    transpose(from.cols, from.rows, from.data, from.col_stride, to, to_row);
  } else {
    for (std::int64_t i = 0; i < from.rows; ++i)
      for (std::int64_t j = 0; j < from.cols; ++j)
        to[i * to_row + j] = from.data[i * from.row_stride + j * from.col_stride];
  }
}

// The stride along an axis of size 1 (or less) means nothing: give it the value that suits best.
template <class T>
Matrix<T> tidy(Matrix<T> m) {
  if (m.cols <= 1) m.col_stride = 1;
  if (m.rows <= 1) m.row_stride = m.col_stride == 1 ? m.cols : 1;
  return m;
}

// --- OpenBLAS

struct BlasOperand {
  bool trans, direct;
  std::int64_t ld;
};

template <class T>
BlasOperand blas_operand(const Matrix<const T>& m) {
  if (m.col_stride == 1 && m.row_stride >= m.cols) return {false, true, m.row_stride};
  if (m.row_stride == 1 && m.col_stride >= m.rows) return {true, true, m.col_stride};
  return {false, false, m.cols};
}

template <class T>
void multiply_blas(const Product<T>& p, GemmScratch<T>& scratch) {
  const BlasOperand a = blas_operand(p.a), b = blas_operand(p.b);
  const std::int64_t a_copy = a.direct ? 0 : p.a.rows * p.a.cols,
                     b_copy = b.direct ? 0 : p.b.rows * p.b.cols;
  T* copies = a_copy + b_copy > 0 ? scratch.get(a_copy + b_copy) : nullptr;
  if (!a.direct) copy_matrix(p.a, copies, a.ld);
  if (!b.direct) copy_matrix(p.b, copies + a_copy, b.ld);
  if (p.start && p.start != p.c.data)
    for (std::int64_t i = 0; i < p.c.rows; ++i)
      std::copy_n(p.start + i * p.start_row, p.c.cols, p.c.data + i * p.c.row_stride);
  blas_gemm(a.trans, b.trans, p.c.rows, p.c.cols, p.a.cols, T{1}, a.direct ? p.a.data : copies,
            a.ld, b.direct ? p.b.data : copies + a_copy, b.ld, p.start ? T{1} : T{0}, p.c.data,
            p.c.row_stride);
}

// --- the own kernel

// B's rows are read in place if they are contiguous and either few rows of A meet them, or they all
// stay in cache, or they are so short that panels would look much the same.
template <class T>
bool b_in_place(const Matrix<const T>& b, std::int64_t m, std::int64_t panel_width) {
  constexpr std::int64_t few_rows = 12, cached = 128 << 10;
  if (b.col_stride != 1) return false;
  if (m <= few_rows) return true;
  const std::int64_t width = sizeof(T);
  return (b.cols <= 2 * panel_width || b.rows * b.cols * width <= cached) &&
         b.row_stride * width < far_apart;
}

// Rows of a tile lie in one cache line per step of k if A is transposed: copied if there are
// enough columns to pay for it.
template <class T>
bool a_in_place(const Matrix<const T>& a, std::int64_t n, std::int64_t panel_width) {
  const std::int64_t stride = std::max(std::abs(a.row_stride), std::abs(a.col_stride));
  if (a.col_stride != 1 && n >= 8 * panel_width) return false;
  return n <= 2 * panel_width || stride * static_cast<std::int64_t>(sizeof(T)) < far_apart;
}

// Panel by panel if B's columns are contiguous; row by row, each in one sweep over memory, if its
// rows are.
template <class T>
void pack_b(const Matrix<const T>& b, std::int64_t width, T* to) {
  if (b.col_stride != 1) {
    for (std::int64_t j = 0; j < b.cols; j += width)
      copy_matrix(b.block(0, j, b.rows, std::min(width, b.cols - j)), to + j * b.rows, width);
    return;
  }
  for (std::int64_t p = 0; p < b.rows; ++p)
    for (std::int64_t j = 0; j < b.cols; j += width)
      std::memcpy(to + j * b.rows + p * width, b.data + p * b.row_stride + j,
                  static_cast<std::size_t>(std::min(width, b.cols - j)) * sizeof(T));
}

template <class T>
class Blocks {
 public:
  Blocks(const Product<T>& p, GemmScratch<T>& scratch) : p_(p), kernel_(gemm_kernel<T>()) {
    width_ = kernel_.panel_width;
    pack_a_ = !a_in_place(p.a, p.b.cols, width_);
    pack_b_ = !b_in_place(p.b, p.a.rows, width_);
    const std::int64_t k = std::min(block_k, p.a.cols), n = std::min(block_n, p.b.cols);
    const std::int64_t b_size = pack_b_ ? k * (n + width_ - 1) : 0;  // whole panels at most
    const std::int64_t a_size = pack_a_ ? std::min(block_m, p.a.rows) * (k + gap) : 0;
    if (a_size + b_size > 0) b_space_ = scratch.get(a_size + b_size);
    a_space_ = b_space_ + b_size;
  }

  void run() {
    const std::int64_t n = p_.b.cols, k = p_.a.cols, n_step = pack_b_ ? block_n : n;
    for (std::int64_t j = 0; j < n; j += n_step)
      for (std::int64_t q = 0; q < k; q += block_k) {
        const Matrix<const T> b =
            p_.b.block(q, j, std::min(block_k, k - q), std::min(n_step, n - j));
        if (pack_b_) pack_b(b, width_, b_space_);
        for (std::int64_t i = 0; i < p_.a.rows; i += block_m)
          block(p_.a.block(i, q, std::min(block_m, p_.a.rows - i), b.rows), b, i, j, q == 0);
      }
  }

 private:
  void block(Matrix<const T> a, const Matrix<const T>& b, std::int64_t i, std::int64_t j,
             bool first) {
    if (pack_a_) {
      copy_matrix(a, a_space_, a.cols + gap);
      a = {a_space_, a.rows, a.cols, a.cols + gap, 1};
    }
    GemmBlock<T> g;
    g.m = a.rows, g.n = b.cols, g.k = a.cols;
    g.a = a.data, g.a_row = a.row_stride, g.a_col = a.col_stride;
    g.b = pack_b_ ? b_space_ : b.data;
    g.b_row = pack_b_ ? width_ : b.row_stride;
    g.b_panel = pack_b_ ? width_ * b.rows : width_;
    g.c = p_.c.data + i * p_.c.row_stride + j, g.c_row = p_.c.row_stride;
    if (!first)
      g.start = g.c, g.start_row = g.c_row;
    else if (p_.start)
      g.start = p_.start + i * p_.start_row + j, g.start_row = p_.start_row;
    kernel_.block(g);
  }

  static constexpr std::int64_t gap = 16;  // keeps the copied rows of A out of the same cache sets
  const Product<T> p_;
  const GemmKernel<T>& kernel_;
  std::int64_t width_;
  bool pack_a_, pack_b_;
  T *a_space_ = nullptr, *b_space_ = nullptr;
};

// --- the product of the transposed matrices

// A wide B that lies transposed would be transposed whole to be packed; C' = B' A' transposes A and
// C instead, which are small if there are few rows. The rows should fill vectors, unless they are
// few and B is beyond the second-level cache: then the time is that of reading B.
template <class T>
bool turned_is_cheaper(const Product<T>& p) {
  const std::int64_t m = p.c.rows, n = p.c.cols, k = p.a.cols, lanes = gemm_kernel<T>().lanes;
  const std::int64_t filled = (m + lanes - 1) / lanes * lanes;
  const bool beyond_cache = n * k * static_cast<std::int64_t>(sizeof(T)) >= 1 << 20;
  return !p.start && p.b.row_stride == 1 && p.b.col_stride != 1 && p.a.col_stride == 1 &&
         (8 * (filled - m) <= filled || (m <= 2 * lanes && beyond_cache)) &&
         n * k > 2 * m * (n + k);
}

template <class T>
void multiply_turned(const Product<T>& p, GemmScratch<T>& scratch) {
  const std::int64_t m = p.c.rows, n = p.c.cols;
  GemmScratch<T> room;
  T* c = room.get(n * m);
  Blocks<T>({p.b.transposed(), p.a.transposed(), {c, n, m, m, 1}, nullptr, 0}, scratch).run();
  transpose(n, m, c, m, p.c.data, p.c.row_stride);
}

// --- long sums

// Each element is one sum in the order of k. Of very many terms it would lose the small ones to the
// sum so far: in f32 a million cost three digits. So partial sums of this many are added up.
constexpr std::int64_t longest_sum = 1 << 14;

template <class T>
void multiply_own(const Product<T>& p, GemmScratch<T>& scratch) {
  if (turned_is_cheaper(p)) return multiply_turned(p, scratch);
  Blocks<T>(p, scratch).run();
}

template <class T>
void multiply_long(const Product<T>& p, GemmScratch<T>& scratch) {
  const std::int64_t m = p.c.rows, n = p.c.cols, k = p.a.cols;
  const auto terms = [&](std::int64_t from) {
    const std::int64_t count = std::min(longest_sum, k - from);
    return std::pair(p.a.block(0, from, m, count), p.b.block(from, 0, count, n));
  };
  const auto [a, b] = terms(0);
  multiply_own({a, b, p.c, p.start, p.start_row}, scratch);
  GemmScratch<T> room;
  const Matrix<T> sum = matrix(room.get(m * n), m, n);
  for (std::int64_t from = longest_sum; from < k; from += longest_sum) {
    const auto [more_a, more_b] = terms(from);
    multiply_own({more_a, more_b, sum, nullptr, 0}, scratch);
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) p.c.data[i * p.c.row_stride + j] += sum.data[i * n + j];
  }
}

// --- vectors and empty products

template <class T>
void copy_start(const Product<T>& p) {
  for (std::int64_t i = 0; i < p.c.rows; ++i) {
    T* row = p.c.data + i * p.c.row_stride;
    if (!p.start)
      std::fill_n(row, p.c.cols, T{0});
    else if (p.start != p.c.data)
      std::copy_n(p.start + i * p.start_row, p.c.cols, row);
  }
}

// A column of C as products of rows: A's rows and the vector B must be contiguous.
template <class T>
bool multiply_rows(const Product<T>& p) {
  const Matrix<const T>& a = p.a;
  if (p.c.cols != 1 || a.col_stride != 1 || p.b.row_stride != 1) return false;
  if (p.start && p.start_row != p.c.row_stride) return false;
  gemm_kernel<T>().rows_times_vector(a.rows, a.cols, a.data, a.row_stride, p.b.data, p.c.data,
                                     p.c.row_stride, p.start);
  return true;
}

// Q K' of attention with 16 patches and a class token: the last column would cost as much as a
// whole vector of them. Only below the size from which products are cut into tiles, whose edges
// must not show.
template <class T>
bool spare_column(const Product<T>& p) {
  constexpr std::int64_t small = 1 << 20;
  const bool dots = p.a.col_stride == 1 && p.b.row_stride == 1;
  return dots && p.c.cols == gemm_kernel<T>().lanes + 1 && p.c.cols > 2 &&
         p.c.rows * p.c.cols * p.a.cols < small;
}

template <class T>
Product<T> last_column(const Product<T>& p) {
  const std::int64_t j = p.c.cols - 1;
  return {p.a, p.b.block(0, j, p.b.rows, 1), p.c.block(0, j, p.c.rows, 1),
          p.start ? p.start + j : nullptr, p.start_row};
}

}  // namespace

GemmMethod gemm_method(std::int64_t m, std::int64_t n, std::int64_t k) {
  constexpr std::int64_t thin = 12;
  return m * n * k >= blas_from && std::min(m, n) > thin ? GemmMethod::blas : GemmMethod::own;
}

template <class T>
void multiply(const Product<T>& product, GemmMethod method, GemmScratch<T>& scratch) {
  Product<T> p = product;
  p.a = tidy(p.a), p.b = tidy(p.b);
  if (p.c.rows == 0 || p.c.cols == 0) return;
  if (p.a.cols == 0) return copy_start(p);
  if (multiply_rows(p)) return;
  if (p.c.rows == 1 && p.b.row_stride == 1) {
    const Product<T> turned{
        p.b.transposed(), p.a.transposed(), {p.c.data, p.c.cols, 1, 1, 1}, p.start, 1};
    if (multiply_rows(turned)) return;
  }
  if (spare_column(p) && multiply_rows(last_column(p))) --p.b.cols, --p.c.cols;
  if (method == GemmMethod::blas) return multiply_blas(p, scratch);
  if (p.a.cols > longest_sum) return multiply_long(p, scratch);
  multiply_own(p, scratch);
}

template void multiply(const Product<float>&, GemmMethod, GemmScratch<float>&);
template void multiply(const Product<double>&, GemmMethod, GemmScratch<double>&);

}  // namespace sonde::cpu
