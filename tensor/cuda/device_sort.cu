#include "tensor/cuda/device_sort.hpp"

#include <cub/device/device_radix_sort.cuh>

#include "tensor/cuda/runtime.hpp"

namespace sonde::cuda {
namespace {

// A buffer and an empty one like it, between which CUB's passes go back and forth.
template <class T>
cub::DoubleBuffer<T> double_buffer(Stream& stream, const Tensor& full, const Tensor& other) {
  return {pointer<T>(stream, full), pointer<T>(stream, other)};
}

template <class Key>
Pairs sort_typed(const Pairs& pairs, int bits) {
  const Device device = pairs.keys.device();
  Stream& stream = stream_of(device);
  Pairs other{Tensor::empty_like(pairs.keys, pairs.keys.dtype()),
              Tensor::empty_like(pairs.positions, DType::i32)};
  auto keys = double_buffer<Key>(stream, pairs.keys, other.keys);
  auto positions = double_buffer<std::uint32_t>(stream, pairs.positions, other.positions);
  std::size_t bytes = 0;
  const auto run = [&](void* scratch) {
    check(cub::DeviceRadixSort::SortPairs(scratch, bytes, keys, positions, pairs.keys.numel(), 0,
                                          bits, stream.handle),
          "sort");
  };
  run(nullptr);  // says how much it needs
  const Tensor scratch = Tensor::empty({static_cast<std::int64_t>(bytes)}, DType::u8, device);
  run(address(stream, scratch));
  return {keys.selector == 0 ? pairs.keys : other.keys,
          positions.selector == 0 ? pairs.positions : other.positions};
}

}  // namespace

Pairs sort_pairs(const Pairs& pairs, int bits) {
  if (pairs.keys.dtype() == DType::i32) return sort_typed<std::uint32_t>(pairs, bits);
  return sort_typed<std::uint64_t>(pairs, bits);
}

}  // namespace sonde::cuda
