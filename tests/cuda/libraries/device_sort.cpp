// In place of tensor/cuda/device_sort.cu: one thread of the device sorts as C++ does.
#include "tensor/cuda/device_sort.hpp"

#include <algorithm>
#include <vector>

#include "tensor/cuda/launch.hpp"

namespace sonde::cuda {
namespace {

template <class Key>
__global__ void sort_kernel(const Key* key, const std::uint32_t* position, std::int64_t n, int bits,
                            Key* sorted_key, std::uint32_t* sorted_position) {
  const Key mask = static_cast<Key>(~Key{0}) >> (8 * static_cast<int>(sizeof(Key)) - bits);
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) order[static_cast<std::size_t>(i)] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return (key[a] & mask) < (key[b] & mask);
  });
  for (std::int64_t i = 0; i < n; ++i) {
    sorted_key[i] = key[order[static_cast<std::size_t>(i)]];
    sorted_position[i] = position[order[static_cast<std::size_t>(i)]];
  }
}

template <class Key>
Pairs sort_typed(const Pairs& pairs, int bits) {
  Stream& stream = stream_of(pairs.keys.device());
  Pairs sorted{Tensor::empty_like(pairs.keys, pairs.keys.dtype()),
               Tensor::empty_like(pairs.positions, DType::i32)};
  launch("sort", stream, {1, 1, 0}, sort_kernel<Key>, pointer<const Key>(stream, pairs.keys),
         pointer<const std::uint32_t>(stream, pairs.positions), pairs.keys.numel(), bits,
         pointer<Key>(stream, sorted.keys), pointer<std::uint32_t>(stream, sorted.positions));
  return sorted;
}

}  // namespace

Pairs sort_pairs(const Pairs& pairs, int bits) {
  if (pairs.keys.dtype() == DType::i32) return sort_typed<std::uint32_t>(pairs, bits);
  return sort_typed<std::uint64_t>(pairs, bits);
}

}  // namespace sonde::cuda
