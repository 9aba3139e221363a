// A row of numbers laid over SIMD vectors in one of two ways, so that a row algorithm is written once:
//   AlongRow    vector i holds elements i*N .. i*N + N-1 of one row; reductions end with a horizontal one;
//   AcrossRows  vector i holds element i of N rows at once; for short rows, which would waste most of a vector.
// No include guard of the usual kind: this file is compiled once per target by Highway.
#if defined(SONDE_TENSOR_CPU_ROW_SIMD_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef SONDE_TENSOR_CPU_ROW_SIMD_INL_HPP
#undef SONDE_TENSOR_CPU_ROW_SIMD_INL_HPP
#else
#define SONDE_TENSOR_CPU_ROW_SIMD_INL_HPP
#endif

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The first n < Lanes(d) elements at p, `fill` in the other lanes. Never touches memory beyond them.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_part(D d, const T* p, std::int64_t n, hn::Vec<D> fill) {
  const auto mask = hn::FirstN(d, static_cast<std::size_t>(n));
#if HWY_TARGET <= HWY_AVX2
  return hn::IfThenElse(mask, hn::MaskedLoad(mask, d, p), fill);
#else  // the baseline has no masked load
  HWY_ALIGN T buffer[HWY_MAX_BYTES / sizeof(T)] = {};
  std::copy(p, p + n, buffer);
  return hn::IfThenElse(mask, hn::Load(d, buffer), fill);
#endif
}

template <class D, class T = hn::TFromD<D>>
HWY_INLINE void store_part(hn::Vec<D> v, D d, T* p, std::int64_t n) {
  hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(n)), d, p);
}

/// One row of `size` elements; every pointer handed to load and store is the start of that row in some array.
template <class Tag>
class AlongRow {
 public:
  using D = Tag;
  using T = hn::TFromD<D>;
  using V = hn::Vec<D>;

  HWY_INLINE AlongRow(D d, std::int64_t size) : d_(d), size_(size) {
    whole_ = size / lanes() * lanes();
  }
  HWY_INLINE std::int64_t lanes() const { return static_cast<std::int64_t>(hn::Lanes(d_)); }

  /// Calls f(position, whole) for each vector. The last one may be partial: load fills it, store cuts it.
  template <class F>
  HWY_INLINE void each(F f) const {
    std::int64_t i = 0;
    for (; i < whole_; i += lanes()) f(i, std::true_type{});
    if (i < size_) f(i, std::false_type{});
  }
  /// Sum of all elements of f(position, whole), of which runs are added in double: the error does not grow with the
  /// length of the row.
  template <class F>
  HWY_INLINE double sum(F f) const {
    const std::int64_t run = 64 * lanes();
    double all = 0;
    for (std::int64_t i = 0; i < whole_;) {
      V part = hn::Zero(d_);
      for (const std::int64_t stop = std::min(whole_, i + run); i < stop; i += lanes())
        part = hn::Add(part, f(i, std::true_type{}));
      all += static_cast<double>(hn::GetLane(hn::SumOfLanes(d_, part)));
    }
    if (whole_ < size_)
      all += static_cast<double>(hn::GetLane(hn::SumOfLanes(d_, f(whole_, std::false_type{}))));
    return all;
  }
  template <class Whole>
  HWY_INLINE V load(const T* row, std::int64_t i, Whole, V fill) const {
    if constexpr (Whole::value) return hn::LoadU(d_, row + i);
    else return load_part(d_, row + i, size_ - i, fill);
  }
  template <class Whole>
  HWY_INLINE void store(V v, T* row, std::int64_t i, Whole) const {
    if constexpr (Whole::value) hn::StoreU(v, d_, row + i);
    else store_part(v, d_, row + i, size_ - i);
  }
  HWY_INLINE V total(V v) const { return hn::SumOfLanes(d_, v); }
  HWY_INLINE V maximum(V v) const { return hn::MaxOfLanes(d_, v); }
  /// One number per row.
  HWY_INLINE V load_row(const T* p) const { return hn::Set(d_, *p); }
  HWY_INLINE void store_row(V v, T* p) const { *p = hn::GetLane(v); }

 private:
  D d_;
  std::int64_t size_, whole_;
};

/// Up to N rows of `size` elements, `size` apart. With `rows` < N the last row fills the spare lanes: the same work is
/// done, and stored, more than once.
template <class Tag>
class AcrossRows {
 public:
  using D = Tag;
  using T = hn::TFromD<D>;
  using V = hn::Vec<D>;
  using DI = hn::RebindToSigned<D>;

  HWY_INLINE AcrossRows(D d, std::int64_t size, std::int64_t rows) : d_(d), size_(size) {
    using I = hn::TFromD<DI>;
    const DI di;
    row_ = hn::Min(hn::Iota(di, 0), hn::Set(di, static_cast<I>(rows - 1)));
    if constexpr (sizeof(T) == 8) {  // the baseline has no 64-bit multiplication
      HWY_ALIGN I index[HWY_MAX_BYTES / sizeof(I)];
      for (std::size_t i = 0; i < hn::Lanes(d_); ++i)
        index[i] = std::min<I>(static_cast<I>(i), rows - 1) * size;
      start_ = hn::Load(di, index);
    } else {
      start_ = hn::Mul(row_, hn::Set(di, static_cast<I>(size)));
    }
  }

  template <class F>
  HWY_INLINE void each(F f) const {
    for (std::int64_t i = 0; i < size_; ++i) f(i, std::true_type{});
  }
  HWY_INLINE V load(const T* rows, std::int64_t i, std::true_type, V) const {
    return hn::GatherIndex(d_, rows + i, start_);
  }
  HWY_INLINE void store(V v, T* rows, std::int64_t i, std::true_type) const {
    hn::ScatterIndex(v, d_, rows + i, start_);
  }
  HWY_INLINE V total(V v) const { return v; }
  HWY_INLINE V maximum(V v) const { return v; }
  HWY_INLINE V load_row(const T* p) const { return hn::GatherIndex(d_, p, row_); }
  HWY_INLINE void store_row(V v, T* p) const { hn::ScatterIndex(v, d_, p, row_); }

 private:
  D d_;
  std::int64_t size_;
  hn::Vec<DI> row_, start_;
};

/// Rows up to this length are worked on several at a time.
inline constexpr std::int64_t short_row = 16;

/// Calls f(layout, r) so that rows begin .. end-1 of length `size` are all covered; r is the first row of the layout.
template <class T, class F>
HWY_INLINE void each_row(std::int64_t begin, std::int64_t end, std::int64_t size, F f) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  if (size > short_row) {
    const AlongRow layout(d, size);
    for (std::int64_t r = begin; r < end; ++r) f(layout, r);
  } else {
    for (std::int64_t r = begin; r < end; r += lanes)
      f(AcrossRows(d, size, std::min(lanes, end - r)), r);
  }
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggle
