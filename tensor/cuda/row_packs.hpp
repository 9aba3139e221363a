/// @file
/// Packs of rows that may end within one. Which thread handles which element does not depend on
/// whether packs may be used, so neither do the bits of results.
#pragma once

#include "tensor/cuda/pack.hpp"

namespace sonde::cuda {

template <class T>
using WidePack = Pack<T, widest<T>>;

/// Elements i, i + 1, ... of a row; T{} behind its end. `wide`: all rows begin where a pack may.
template <class T, class Index>
__device__ WidePack<T> load_part(const T* row, Index i, Index end, bool wide) {
  if (wide && i + widest<T> <= end) return load_pack<widest<T>>(row + i);
  WidePack<T> x{};
#pragma unroll
  for (int j = 0; j < widest<T>; ++j)
    if (i + j < end) x.v[j] = row[i + j];
  return x;
}
template <class T, class Index>
__device__ void store_part(const WidePack<T>& x, T* row, Index i, Index end, bool wide) {
  if (wide && i + widest<T> <= end) return store_pack(row + i, x);
#pragma unroll
  for (int j = 0; j < widest<T>; ++j)
    if (i + j < end) row[i + j] = x.v[j];
}

}  // namespace sonde::cuda
