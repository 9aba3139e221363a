#include "tensor/cuda/fault.hpp"

#include "tensor/cuda/runtime.hpp"

namespace sonde::cuda {

void FaultBox::create(cudaStream_t stream) {
  void *fault = nullptr, *raised = nullptr;
  check(cudaMallocAsync(&fault, sizeof(Fault), stream), "stream");
  check(cudaMemsetAsync(fault, 0, sizeof(Fault), stream), "stream");
  check(cudaMallocHost(&raised, sizeof(int)), "stream");
  note_ = {static_cast<Fault*>(fault), static_cast<volatile int*>(raised)};
  *note_.raised = 0;
}

void FaultBox::rethrow(cudaStream_t stream) {
  if (*note_.raised == 0) return;
  Fault f{};
  check(cudaMemcpyAsync(&f, note_.fault, sizeof f, cudaMemcpyDeviceToHost, stream), "fault");
  check(cudaMemsetAsync(note_.fault, 0, sizeof f, stream), "fault");
  check(cudaStreamSynchronize(stream), "fault");
  *note_.raised = 0;
  if (static_cast<FaultKind>(f.kind) == FaultKind::target)
    fail_hint(ErrorCode::value, f.op, "seen when the host next waited for the device",
              "target {} at position {} is outside [0, {})", f.value, f.position, f.bound);
  fail_hint(ErrorCode::axis, f.op, "seen when the host next waited for the device",
            "index {} at position {} (row-major) is outside [0, {})", f.value, f.position, f.bound);
}

}  // namespace sonde::cuda
