/// @file
/// Page-locked memory through which copies between the host and a device pass: only from there do
/// they run beside the host.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace sonde::cuda {

/// A ring of segments, made when first used. A segment is used again when its last copy is done.
class Staging {
 public:
  static constexpr std::size_t segment_bytes = std::size_t{1} << 20;

  /// Host to device. Returns when `from` has been read; the copy may still be on its way.
  void upload(cudaStream_t stream, void* to, const void* from, std::size_t bytes);
  /// Device to host. Returns when `to` is written.
  void download(cudaStream_t stream, void* to, const void* from, std::size_t bytes);

 private:
  struct Segment {
    std::byte* data = nullptr;
    cudaEvent_t done = nullptr;
  };
  // Room for `bytes` (at most a segment) that no copy uses.
  std::byte* take(cudaStream_t stream, std::size_t bytes);
  Segment& open(std::size_t i);

  std::array<Segment, 4> segments_;
  std::size_t current_ = 0, used_ = segment_bytes;
};

}  // namespace sonde::cuda
