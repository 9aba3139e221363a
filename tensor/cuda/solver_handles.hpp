/// @file
/// cuSOLVER and cuBLAS for one stream: their handles, and what their calls share.
#pragma once

#include <cublas_v2.h>
#include <cusolverDn.h>

#include <vector>

#include "tensor/cuda/blas_status.hpp"
#include "tensor/cuda/runtime.hpp"

namespace sonde::cuda {

/// Error(backend) with the status's name unless it is success.
void check(cusolverStatus_t status, std::string_view op);

struct SolverHandles {
  cublasHandle_t blas = nullptr;
  cusolverDnHandle_t solver = nullptr;
  cusolverDnParams_t params = nullptr;
};
/// Those of a stream: a handle has one stream and one user at a time. Never destroyed, as streams.
const SolverHandles& handles_of(Stream& stream);

template <class T>
inline constexpr cudaDataType_t data_type = sizeof(T) == 4 ? CUDA_R_32F : CUDA_R_64F;

/// Scratch memory of the 64-bit routines, on the device and on the host.
class Workspace {
 public:
  Workspace(Stream& stream, std::size_t device_bytes, std::size_t host_bytes);
  void* device() const { return address(stream_, device_); }
  std::size_t device_bytes() const { return device_bytes_; }
  void* host() { return host_.empty() ? nullptr : host_.data(); }
  std::size_t host_bytes() const { return host_.size(); }
  /// To be called after each routine: the host's part may be read until the routine is done.
  void used(std::string_view op) const;

 private:
  Stream& stream_;
  std::size_t device_bytes_;
  Tensor device_;
  std::vector<std::byte> host_;
};

/// Uninitialised, on the stream's device.
Tensor scratch(const Stream& stream, const Dims& shape, DType dtype);

/// The addresses of `count` matrices, `step` elements apart, as the batched routines want them: on
/// the device. The host's data has been read on return.
template <class T>
Tensor addresses(Stream& stream, T* first, std::int64_t count, std::int64_t step) {
  std::vector<T*> all(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = first + static_cast<std::int64_t>(i) * step;
  Tensor out = scratch(stream, {count}, DType::i64);
  stream.staging.upload(stream.handle, address(stream, out), all.data(), all.size() * sizeof(T*));
  return out;
}

/// The routines' 32-bit integers; Error(size).
int to_int(std::int64_t value, std::string_view op);

}  // namespace sonde::cuda
