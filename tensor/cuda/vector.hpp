/// @file
/// Loads and stores of 16 bytes where a row allows them. Which thread handles which element does
/// not depend on it, so neither do the bits of results.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace sonde::cuda {

/// Elements in 16 bytes.
template <class T>
inline constexpr int vector_size = 16 / static_cast<int>(sizeof(T));
/// n elements that are moved in accesses of up to 16 bytes.
template <class T, int n = vector_size<T>>
struct alignas(n * sizeof(T) < 16 ? n * sizeof(T) : 16) Vector {
  T v[n];
};

/// May rows of `size` elements that begin at `p`, one behind the other, be read in vectors? Null
/// counts as yes.
template <class T>
bool in_vectors(const T* p, std::int64_t size) {
  return size % vector_size<T> == 0 && reinterpret_cast<std::uintptr_t>(p) % 16 == 0;
}

/// Elements i, i + 1, ... of a row; T{} behind its end. `wide`: a vector is in the row or behind
/// it.
template <class T, class Index>
__device__ Vector<T> load_vector(const T* row, Index i, Index end, bool wide) {
  Vector<T> x{};
  if (wide) {
    if (i < end) x = *reinterpret_cast<const Vector<T>*>(row + i);
  } else {
#pragma unroll
    for (int j = 0; j < vector_size<T>; ++j)
      if (i + j < end) x.v[j] = row[i + j];
  }
  return x;
}
template <class T, class Index>
__device__ void store_vector(const Vector<T>& x, T* row, Index i, Index end, bool wide) {
  if (wide) {
    if (i < end) *reinterpret_cast<Vector<T>*>(row + i) = x;
  } else {
#pragma unroll
    for (int j = 0; j < vector_size<T>; ++j)
      if (i + j < end) row[i + j] = x.v[j];
  }
}

}  // namespace sonde::cuda
