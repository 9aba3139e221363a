/// @file
/// Several neighbouring elements that one access moves.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <initializer_list>

namespace sonde::cuda {

/// Loaded and stored as a whole where its address is a multiple of its size.
template <class T, int Width>
struct alignas(Width * sizeof(T)) Pack {
  T v[Width];
};

/// Elements of the widest access there is, 16 bytes.
template <class T>
inline constexpr int widest = 16 / static_cast<int>(sizeof(T));

/// Whether packs of `widest` elements may start at `address` and at every sum of these strides.
template <class T>
bool takes_packs(const T* address, std::initializer_list<std::int64_t> strides) {
  for (std::int64_t s : strides)
    if (s % widest<T> != 0) return false;
  return reinterpret_cast<std::uintptr_t>(address) % 16 == 0;
}

template <int Width, class T>
__host__ __device__ Pack<T, Width> load_pack(const T* address) {
  return *reinterpret_cast<const Pack<T, Width>*>(address);
}
template <int Width, class T>
__host__ __device__ void store_pack(T* address, const Pack<T, Width>& pack) {
  *reinterpret_cast<Pack<T, Width>*>(address) = pack;
}

}  // namespace sonde::cuda
