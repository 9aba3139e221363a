#include "tensor/cpu/transpose.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/transpose.cpp"
#include <hwy/foreach_target.h>  // compiles this file once per instruction set
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR
// Transposes 16-byte blocks: `r` holds the rows of a strip, one lane block per group of columns;
// column c of every block of the strip goes to t[c].
template <class V>
HWY_INLINE void transpose_strip(hn::DFromV<V> d, const V* r, V* t) {
  if constexpr (sizeof(hn::TFromV<V>) == 8) {
    t[0] = hn::InterleaveLower(d, r[0], r[1]);
    t[1] = hn::InterleaveUpper(d, r[0], r[1]);
  } else {
    const hn::RepartitionToWide<hn::DFromV<V>> wide;
    const auto low01 = hn::BitCast(wide, hn::InterleaveLower(d, r[0], r[1]));
    const auto low23 = hn::BitCast(wide, hn::InterleaveLower(d, r[2], r[3]));
    const auto high01 = hn::BitCast(wide, hn::InterleaveUpper(d, r[0], r[1]));
    const auto high23 = hn::BitCast(wide, hn::InterleaveUpper(d, r[2], r[3]));
    t[0] = hn::BitCast(d, hn::InterleaveLower(wide, low01, low23));
    t[1] = hn::BitCast(d, hn::InterleaveUpper(wide, low01, low23));
    t[2] = hn::BitCast(d, hn::InterleaveLower(wide, high01, high23));
    t[3] = hn::BitCast(d, hn::InterleaveUpper(wide, high01, high23));
  }
}

// Transposes a matrix of whole blocks: t[i * step] holds row i of blocks, out[b * step] gets column
// b.
template <int blocks, class V>
HWY_INLINE void transpose_blocks(hn::DFromV<V> d, const V* t, int step, V* out) {
  if constexpr (blocks == 1) {
    out[0] = t[0];
  } else if constexpr (blocks == 2) {
    out[0] = hn::ConcatLowerLower(d, t[step], t[0]);
    out[step] = hn::ConcatUpperUpper(d, t[step], t[0]);
  } else {
    static_assert(blocks == 4);
    const V even0 = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(t[step]), t[0]);
    const V odd0 = hn::OddEvenBlocks(t[step], hn::SwapAdjacentBlocks(t[0]));
    const V even1 = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(t[3 * step]), t[2 * step]);
    const V odd1 = hn::OddEvenBlocks(t[3 * step], hn::SwapAdjacentBlocks(t[2 * step]));
    out[0] = hn::ConcatLowerLower(d, even1, even0);
    out[step] = hn::ConcatLowerLower(d, odd1, odd0);
    out[2 * step] = hn::ConcatUpperUpper(d, even1, even0);
    out[3 * step] = hn::ConcatUpperUpper(d, odd1, odd0);
  }
}

// One tile of at most L x L elements, L being the lanes of a vector.
template <bool whole, class T>
HWY_INLINE void transpose_tile(std::int64_t rows, std::int64_t cols, const T* HWY_RESTRICT src,
                               std::int64_t src_ld, T* HWY_RESTRICT dst, std::int64_t dst_ld) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  constexpr int lanes = static_cast<int>(hn::MaxLanes(d)), in_block = 16 / sizeof(T);
  constexpr int blocks = lanes / in_block;
  V r[lanes], t[lanes];
  if constexpr (whole) {
    HWY_UNROLL(16)
    for (int i = 0; i < lanes; ++i) r[i] = hn::LoadU(d, src + i * src_ld);
  } else {
    const auto some = hn::FirstN(d, static_cast<std::size_t>(cols));
    for (int i = 0; i < lanes; ++i)
      r[i] = i < rows ? hn::MaskedLoad(some, d, src + i * src_ld) : hn::Zero(d);
  }
  HWY_UNROLL(8)
  for (int i = 0; i < blocks; ++i) transpose_strip(d, r + i * in_block, t + i * in_block);
  HWY_UNROLL(4)
  for (int c = 0; c < in_block; ++c) transpose_blocks<blocks>(d, t + c, in_block, r + c);
  if constexpr (whole) {
    HWY_UNROLL(16)
    for (int i = 0; i < lanes; ++i) hn::StoreU(r[i], d, dst + i * dst_ld);
  } else {
    const auto some = hn::FirstN(d, static_cast<std::size_t>(rows));
    for (int i = 0; i < cols; ++i) hn::BlendedStore(r[i], some, d, dst + i * dst_ld);
  }
}

#else  // a vector of one lane

template <bool whole, class T>
HWY_INLINE void transpose_tile(std::int64_t, std::int64_t, const T* src, std::int64_t, T* dst,
                               std::int64_t) {
  *dst = *src;
}
#endif

// A few rows or columns are moved one by one: a whole tile of shuffles would cost more.
template <class T>
HWY_INLINE void transpose_sliver(std::int64_t rows, std::int64_t cols, const T* HWY_RESTRICT src,
                                 std::int64_t src_ld, T* HWY_RESTRICT dst, std::int64_t dst_ld) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < cols; ++c) dst[c * dst_ld + r] = src[r * src_ld + c];
}

// Strips of L source columns, so that each destination row is written in one go.
template <class T>
void transpose_matrix(std::int64_t rows, std::int64_t cols, const T* HWY_RESTRICT src,
                      std::int64_t src_ld, T* HWY_RESTRICT dst, std::int64_t dst_ld) {
  constexpr std::int64_t lanes = hn::MaxLanes(hn::ScalableTag<T>());
  for (std::int64_t c = 0; c < cols; c += lanes)
    for (std::int64_t r = 0; r < rows; r += lanes) {
      const std::int64_t m = std::min(lanes, rows - r), n = std::min(lanes, cols - c);
      const T* from = src + r * src_ld + c;
      T* to = dst + c * dst_ld + r;
      if (m == lanes && n == lanes)
        transpose_tile<true>(m, n, from, src_ld, to, dst_ld);
      else if (4 * std::min(m, n) <= lanes)
        transpose_sliver(m, n, from, src_ld, to, dst_ld);
      else
        transpose_tile<false>(m, n, from, src_ld, to, dst_ld);
    }
}

void transpose_f32(std::int64_t rows, std::int64_t cols, const float* src, std::int64_t src_ld,
                   float* dst, std::int64_t dst_ld) {
  transpose_matrix(rows, cols, src, src_ld, dst, dst_ld);
}
void transpose_f64(std::int64_t rows, std::int64_t cols, const double* src, std::int64_t src_ld,
                   double* dst, std::int64_t dst_ld) {
  transpose_matrix(rows, cols, src, src_ld, dst, dst_ld);
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "tensor/parallel.hpp"

namespace sonde::cpu {
HWY_EXPORT(transpose_f32);
HWY_EXPORT(transpose_f64);

void transpose(std::int64_t rows, std::int64_t cols, const float* src, std::int64_t src_ld,
               float* dst, std::int64_t dst_ld) {
  HWY_DYNAMIC_DISPATCH(transpose_f32)(rows, cols, src, src_ld, dst, dst_ld);
}
void transpose(std::int64_t rows, std::int64_t cols, const double* src, std::int64_t src_ld,
               double* dst, std::int64_t dst_ld) {
  HWY_DYNAMIC_DISPATCH(transpose_f64)(rows, cols, src, src_ld, dst, dst_ld);
}

namespace {

struct Axis {
  std::int64_t size, in, out;  // strides in elements
};

// The copy as a batch of matrices: `columns` is contiguous in `in`, `rows` in `out`, `others` walk
// over the matrices.
struct TransposePlan {
  Axis rows{}, columns{};
  SmallVector<Axis, max_rank> others;
};

// Axes of size > 1, outermost first by the stride in `out`; neighbours that both tensors walk as
// one are merged.
SmallVector<Axis, max_rank> merged_axes(const Tensor& in, const Tensor& out) {
  SmallVector<Axis, max_rank> axes, merged;
  for (int i = 0; i < out.rank(); ++i)
    if (out.shape()[i] != 1) axes.push_back({out.shape()[i], in.strides()[i], out.strides()[i]});
  std::stable_sort(axes.begin(), axes.end(),
                   [](const Axis& a, const Axis& b) { return a.out > b.out; });
  for (const Axis& axis : axes) {
    if (!merged.empty()) {
      Axis& outer = merged[merged.size() - 1];
      if (outer.in == axis.in * axis.size && outer.out == axis.out * axis.size) {
        outer = {outer.size * axis.size, axis.in, axis.out};
        continue;
      }
    }
    merged.push_back(axis);
  }
  return merged;
}

bool make_plan(const Tensor& in, const Tensor& out, TransposePlan& plan) {
  for (const Axis& axis : merged_axes(in, out)) {
    if (axis.in == 1 && axis.out != 1 && plan.columns.size == 0)
      plan.columns = axis;
    else if (axis.out == 1 && axis.in != 1 && plan.rows.size == 0)
      plan.rows = axis;
    else
      plan.others.push_back(axis);
  }
  return plan.rows.size > 1 && plan.columns.size > 1;
}

template <class T>
void run_plan(const TransposePlan& plan, const T* in, T* out) {
  std::int64_t matrices = 1;
  for (const Axis& axis : plan.others) matrices *= axis.size;
  // Strips of a fixed height: the unit of work, whatever the number of matrices.
  constexpr std::int64_t strip = 64, grain_elements = 1 << 16;
  const std::int64_t strips = (plan.columns.size + strip - 1) / strip;
  const std::int64_t grain = std::max<std::int64_t>(1, grain_elements / (strip * plan.rows.size));
  parallel_for(matrices * strips, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t first = item % strips * strip;
      const T* from = in + first;
      T* to = out + first * plan.columns.out;
      std::int64_t matrix = item / strips;
      for (const Axis& axis : plan.others) {
        from += matrix % axis.size * axis.in;
        to += matrix % axis.size * axis.out;
        matrix /= axis.size;
      }
      transpose(plan.rows.size, std::min(strip, plan.columns.size - first), from, plan.rows.in, to,
                plan.columns.out);
    }
  });
}

}  // namespace

bool transposing_copy(const Tensor& in, const Tensor& out) {
  const std::int64_t width = size_of(in.dtype());
  if (in.dtype() != out.dtype() || (width != 4 && width != 8) || !(in.shape() == out.shape()))
    return false;
  TransposePlan plan;
  if (out.numel() == 0 || !make_plan(in, out, plan)) return false;
  // Any type of the same width is moved as if it were a float: loads and stores keep all bits.
  if (width == 4)
    run_plan(plan, reinterpret_cast<const float*>(in.bytes()),
             reinterpret_cast<float*>(out.bytes()));
  else
    run_plan(plan, reinterpret_cast<const double*>(in.bytes()),
             reinterpret_cast<double*>(out.bytes()));
  return true;
}

}  // namespace sonde::cpu
#endif  // HWY_ONCE
