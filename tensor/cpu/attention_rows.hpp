/// @file
/// The vector passes over rows of attention scores.
#pragma once

#include <cstdint>

namespace sonde::cpu {

template <class T>
struct AttentionRowKernels {
  /// s[j] = exp(scale s[j] + bias[j] - max), j < n; bias may be null. Returns the sum; a row
  /// without any finite score becomes zeros, with sum 0.
  T (*exponentiate)(T* s, const T* bias, T scale, std::int64_t n);
  /// From exponentials e, factor = 1 / their sum, and the cotangents dp of the probabilities:
  /// e <- p = factor e, dp <- scale p (dp - dot), the cotangents of the scores.
  void (*cotangents)(T* e, T* dp, T factor, T dot, T scale, std::int64_t n);
  T (*dot)(const T* a, const T* b, std::int64_t n);
  void (*scale)(T* x, T factor, std::int64_t n);
};
template <class T>
const AttentionRowKernels<T>& attention_row_kernels();

}  // namespace sonde::cpu
