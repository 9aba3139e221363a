/// @file
/// The calling thread's stream, and addresses ordered by it. Every kernel of this folder begins
/// with the two.
#pragma once

#include <cuda_runtime.h>

#include <string_view>

#include "tensor/cuda/fault.hpp"
#include "tensor/cuda/staging.hpp"
#include "tensor/tensor.hpp"

namespace sonde::cuda {

/// Error(backend) with CUDA's own words unless `status` is success. `op` is a literal.
void check(cudaError_t status, std::string_view op);

/// A queue of work on one device. Each host thread has one of its own per device; when the thread
/// ends, another may get it. Never destroyed.
struct Stream {
  explicit Stream(int device);
  /// Waits on the host until all work so far is done, tells the observer why, and throws what the
  /// work found wrong.
  void wait(std::string_view reason);
  /// Lets this stream's later work wait for what `other` has been given so far.
  void follow(Stream& other);

  const int device;
  cudaStream_t handle = nullptr;
  cudaEvent_t event = nullptr;  ///< recorded by whoever follows this stream
  Staging staging;
  FaultBox faults;
};

/// The calling thread's stream on a device, which becomes CUDA's current one.
Stream& stream_of(Device device);

/// Calls `f` with every stream there is on a device.
void for_each_stream(int device, void (*f)(Stream& stream, void* context), void* context);

/// Orders `stream` behind all earlier use of the storage on other threads' streams.
void use(Stream& stream, Storage& storage);

/// The address of a tensor's first element for a kernel that is about to be launched on `stream`;
/// null for an empty handle. Error(device) if the tensor lies elsewhere.
void* address(Stream& stream, const Tensor& t);
template <class T>
T* pointer(Stream& stream, const Tensor& t) {
  return static_cast<T*>(address(stream, t));
}

}  // namespace sonde::cuda
