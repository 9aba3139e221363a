/// @file
/// The two ways to normalise (see kernels::Normalize for the five axes): rows, where the middle
/// axis has size 1 and each statistic belongs to one contiguous row; and columns, where it belongs
/// to columns of a matrix [middle, groups*inner].
#pragma once

#include "tensor/kernels/softmax_norm.hpp"
#include "tensor/normalize_sizes.hpp"

namespace sonde::cpu {

/// The vector kernels over rows begin .. end-1; dweight and dbias (or null) are added to.
template <class T>
struct NormalizeRowKernels {
  void (*forward)(const NormalizeForwardArgs<T>& a, std::int64_t begin, std::int64_t end);
  void (*backward)(const NormalizeBackwardArgs<T>& a, T* dweight, T* dbias, std::int64_t begin,
                   std::int64_t end);
};

/// One pass over a matrix [rows, width] with one number per column in each vector. What a kind does
/// not name may be null.
template <class T>
struct ColumnPass {
  enum Kind {
    sum,      ///< sums[j] = sum of x - shift
    squares,  ///< sums[j] = sum of (x - shift)^2
    apply,    ///< out = (x - shift) scale + bias
    reduce,   ///< sums[j] = sum of ct, dots[j] = sum of ct (x - shift) scale
    combine   ///< out = ct seed_scale - bias - (x - shift) scale
  };
  std::int64_t width;
  T *shift, *scale, *bias, *seed_scale, *sums, *dots;

  void run(Kind kind, const T* x, const T* ct, T* out, std::int64_t rows) const;
};

template <class T>
void normalize_by_rows(const NormalizeForwardArgs<T>& a);
template <class T>
void normalize_by_columns(const NormalizeForwardArgs<T>& a);
template <class T>
void normalize_grad_by_rows(const NormalizeBackwardArgs<T>& a);
template <class T>
void normalize_grad_by_columns(const NormalizeBackwardArgs<T>& a);

}  // namespace sonde::cpu
