#include "tensor/cuda/staging.hpp"

#include <algorithm>
#include <cstring>

#include "tensor/backend.hpp"
#include "tensor/cuda/runtime.hpp"

namespace sonde::cuda {
namespace {

constexpr std::size_t alignment = 64;

// The host waits only if copies fill the whole ring.
void wait_for(cudaEvent_t done) {
  const cudaError_t status = cudaEventQuery(done);
  if (status != cudaErrorNotReady) return check(status, "copy");
  detail::observe_sync("copy: all page-locked memory is in use");
  check(cudaEventSynchronize(done), "copy");
}

}  // namespace

Staging::Segment& Staging::open(std::size_t i) {
  Segment& s = segments_[i];
  if (s.data) return s;
  void* memory = nullptr;
  check(cudaMallocHost(&memory, segment_bytes), "staging");
  check(cudaEventCreateWithFlags(&s.done, cudaEventDisableTiming), "staging");
  s.data = static_cast<std::byte*>(memory);
  return s;
}

std::byte* Staging::take(cudaStream_t stream, std::size_t bytes) {
  if (used_ + bytes > segment_bytes) {
    if (segments_[current_].data) check(cudaEventRecord(segments_[current_].done, stream), "copy");
    current_ = (current_ + 1) % segments_.size();
    wait_for(open(current_).done);
    used_ = 0;
  }
  std::byte* room = segments_[current_].data + used_;
  used_ += (bytes + alignment - 1) / alignment * alignment;
  return room;
}

void Staging::upload(cudaStream_t stream, void* to, const void* from, std::size_t bytes) {
  for (std::size_t done = 0; done < bytes;) {
    const std::size_t part = std::min(bytes - done, segment_bytes);
    std::byte* room = take(stream, part);
    std::memcpy(room, static_cast<const std::byte*>(from) + done, part);
    check(cudaMemcpyAsync(static_cast<std::byte*>(to) + done, room, part, cudaMemcpyHostToDevice,
                          stream),
          "copy");
    done += part;
  }
}

// While one segment is read by the host the next is filled.
void Staging::download(cudaStream_t stream, void* to, const void* from, std::size_t bytes) {
  struct Part {
    std::size_t segment, begin, bytes;
  };
  const auto receive = [&](const Part& part) {
    check(cudaEventSynchronize(segments_[part.segment].done), "copy");
    std::memcpy(static_cast<std::byte*>(to) + part.begin, segments_[part.segment].data, part.bytes);
  };
  Part last{};
  for (std::size_t done = 0; done < bytes;) {
    used_ = segment_bytes;  // a segment of its own
    const std::size_t bytes_now = std::min(bytes - done, segment_bytes);
    std::byte* room = take(stream, bytes_now);
    check(cudaMemcpyAsync(room, static_cast<const std::byte*>(from) + done, bytes_now,
                          cudaMemcpyDeviceToHost, stream),
          "copy");
    check(cudaEventRecord(segments_[current_].done, stream), "copy");
    if (last.bytes != 0) receive(last);
    last = {current_, done, bytes_now};
    done += bytes_now;
  }
  if (last.bytes != 0) receive(last);
}

}  // namespace sonde::cuda
