/// @file
/// What the normalisation kernels of all backends begin with: sizes by name (kernels::Normalize
/// tells the five axes) and operands row-major.
#pragma once

#include "tensor/tensor.hpp"

namespace sonde {

struct NormalizeSizes {
  std::int64_t lanes, outer, middle, groups, inner;
  explicit NormalizeSizes(const Dims& s)
      : lanes(s[0]), outer(s[1]), middle(s[2]), groups(s[3]), inner(s[4]) {}
  constexpr std::int64_t width() const { return groups * inner; }
  /// Elements behind one statistic.
  constexpr std::int64_t count() const { return middle * inner; }
  constexpr std::int64_t lane_size() const { return outer * middle * width(); }
  /// Shape of the mean and of rstd.
  Dims statistics() const { return {lanes, outer, 1, groups, 1}; }
};

inline Tensor row_major(const Tensor& t) {
  return t ? t.contiguous() : t;
}
/// A parameter [lanes, groups, inner], row-major; [1, groups, inner] if all lanes share it.
inline Tensor distinct_lanes(const Tensor& t) {
  return row_major(t && t.size(0) > 1 && t.strides()[0] == 0 ? t.slice(0, 0, 1) : t);
}
/// Elements from one lane of it to the next, 0 if they share it.
inline std::int64_t lane_step(const Tensor& parameter) {
  return parameter && parameter.size(0) > 1 ? parameter.numel() / parameter.size(0) : 0;
}

/// Row-major operands; the pointers of what is missing are null.
template <class T>
struct NormalizeForwardArgs {
  NormalizeSizes sizes;
  const T *x, *weight, *bias;
  std::int64_t weight_lane, bias_lane;  ///< elements from one lane to the next, 0 if shared
  T *y, *mean, *rstd;
  double eps;
  bool center;
};
template <class T>
struct NormalizeBackwardArgs {
  NormalizeSizes sizes;
  const T *x, *weight, *mean, *rstd, *ct;
  std::int64_t weight_lane;
  T *dx, *dweight, *dbias;
  bool center;
};

}  // namespace sonde
