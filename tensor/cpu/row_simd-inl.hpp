// A row of numbers walked in SIMD vectors, the last one partial. No include guard of the usual
// kind: this file is compiled once per target by Highway. A partial vector that was just stored is
// slow to load again (a masked store is not forwarded), so passes over a row should read what lay
// in memory before rather than what they have just written.
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

/// The first n <= Lanes(d) elements at p, `fill` in the other lanes. Never touches memory beyond
/// them.
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

/// One row of `size` elements; every pointer handed to load and store is the start of that row in
/// some array.
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

  /// Calls f(position, whole) for each vector. The last one may be partial: load fills it, store
  /// cuts it.
  template <class F>
  HWY_INLINE void each(F f) const {
    std::int64_t i = 0;
    for (; i < whole_; i += lanes()) f(i, std::true_type{});
    if (i < size_) f(i, std::false_type{});
  }
  /// Sum of all elements of f(position, whole), of which runs are added in double: the error does
  /// not grow with the length of the row.
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
    if constexpr (Whole::value)
      return hn::LoadU(d_, row + i);
    else
      return load_part(d_, row + i, size_ - i, fill);
  }
  template <class Whole>
  HWY_INLINE void store(V v, T* row, std::int64_t i, Whole) const {
    if constexpr (Whole::value)
      hn::StoreU(v, d_, row + i);
    else
      store_part(v, d_, row + i, size_ - i);
  }
  HWY_INLINE V total(V v) const { return hn::SumOfLanes(d_, v); }
  HWY_INLINE V maximum(V v) const { return hn::MaxOfLanes(d_, v); }
  /// The whole row in one vector?
  HWY_INLINE bool single() const { return size_ <= lanes(); }
  HWY_INLINE V load_single(const T* row, V fill) const { return load_part(d_, row, size_, fill); }
  HWY_INLINE void store_single(V v, T* row) const { store_part(v, d_, row, size_); }

 private:
  D d_;
  std::int64_t size_, whole_;
};

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggle
