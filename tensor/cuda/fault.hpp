/// @file
/// What a kernel finds wrong with the values it was given (an index out of range) cannot be thrown
/// where it is found, and asking after each kernel would make the host wait. So the kernel notes
/// the first fault, does nothing with the bad value, and the host throws when it next waits.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace sonde::cuda {

enum class FaultKind : std::int32_t { none, index, target };

/// Lies in device memory.
struct Fault {
  std::int32_t lock, kind;
  const char* op;  ///< a literal of the host
  std::int64_t position, value, bound;
};

/// Where a stream's kernels note faults.
struct FaultNote {
  Fault* fault;          ///< on the device
  volatile int* raised;  ///< on the host, visible to the device
};

/// The host's side of it.
class FaultBox {
 public:
  void create(cudaStream_t stream);
  FaultNote note() const { return note_; }
  /// Throws Error(axis) for an index, Error(value) for a target, if one was noted since the last
  /// call. The stream must be idle.
  void rethrow(cudaStream_t stream);

 private:
  FaultNote note_{};
};

#if defined(__CUDACC__) || defined(SONDE_CUDA_SIMULATOR)
/// Notes that the element at `position` (row-major, within its tensor) has a value outside [0,
/// bound). Of several, the first position is kept; what an earlier operation noted stays.
__device__ inline void note_fault(FaultNote note, const char* op, FaultKind kind,
                                  std::int64_t position, std::int64_t value, std::int64_t bound) {
  Fault& f = *note.fault;
  while (atomicCAS(&f.lock, 0, 1) != 0) {
  }
  volatile Fault& shared = f;
  const bool first = shared.kind == static_cast<std::int32_t>(FaultKind::none);
  if (first || (shared.op == op && position < shared.position)) {
    shared.op = op;
    shared.position = position;
    shared.value = value;
    shared.bound = bound;
    shared.kind = static_cast<std::int32_t>(kind);
  }
  __threadfence();
  atomicExch(&f.lock, 0);
  *note.raised = 1;
}
#endif

}  // namespace sonde::cuda
