/// @file
/// Kernels over the elements of many arrays as if they were one: a table in device memory says
/// where each array begins, so that all of them take one launch.
#pragma once

#include <cstring>
#include <vector>

#include "tensor/cuda/launch.hpp"

namespace sonde::cuda {

/// Elements of a chunk: no chunk has elements of two arrays.
inline constexpr std::int64_t chunk_elements = 4096;

/// An array as the table has it, with what else a kernel wants to know of it.
template <class Info>
struct Part {
  Info info;
  std::int64_t size, first_chunk;
};

/// The table on the device.
template <class Info>
struct PartTable {
  const Part<Info>* part;
  std::int64_t parts, chunks;
};

/// A part of one array: its elements begin .. end - 1.
template <class Info>
struct Chunk {
  const Info& info;
  std::int64_t begin, end;
};

/// Collects the table on the host.
template <class Info>
class PartList {
 public:
  void add(const Info& info, std::int64_t size) {
    if (size == 0) return;
    parts_.push_back({info, size, chunks_});
    chunks_ += (size + chunk_elements - 1) / chunk_elements;
  }
  std::int64_t chunks() const { return chunks_; }

  /// Sends it to `memory` on the device, which the caller keeps until the kernel is launched.
  PartTable<Info> send(Stream& stream, Device device, Tensor& memory) const {
    const std::size_t bytes = parts_.size() * sizeof(Part<Info>);
    memory = Tensor::empty({static_cast<std::int64_t>(bytes)}, DType::u8, device);
    void* to = address(stream, memory);
    stream.staging.upload(stream.handle, to, parts_.data(), bytes);
    return {static_cast<const Part<Info>*>(to), static_cast<std::int64_t>(parts_.size()), chunks_};
  }

 private:
  std::vector<Part<Info>> parts_;
  std::int64_t chunks_ = 0;
};

#if defined(__CUDACC__) || defined(SONDE_CUDA_SIMULATOR)
/// The array of chunk `c` is the last that does not begin behind it.
template <class Info>
__device__ Chunk<Info> chunk_of(const PartTable<Info>& table, std::int64_t c) {
  std::int64_t low = 0, high = table.parts;
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    (table.part[middle].first_chunk <= c ? low : high) = middle;
  }
  const Part<Info>& part = table.part[low];
  const std::int64_t begin = (c - part.first_chunk) * chunk_elements;
  const std::int64_t left = part.size - begin;
  return {part.info, begin, begin + (left < chunk_elements ? left : chunk_elements)};
}
#endif

}  // namespace sonde::cuda
