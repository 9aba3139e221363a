#include "tensor/cuda/solver_handles.hpp"

#include <limits>
#include <map>
#include <mutex>

namespace sonde::cuda {
namespace {

std::string_view name_of(cusolverStatus_t status) {
  switch (status) {
    case CUSOLVER_STATUS_NOT_INITIALIZED:
      return "CUSOLVER_STATUS_NOT_INITIALIZED";
    case CUSOLVER_STATUS_ALLOC_FAILED:
      return "CUSOLVER_STATUS_ALLOC_FAILED";
    case CUSOLVER_STATUS_INVALID_VALUE:
      return "CUSOLVER_STATUS_INVALID_VALUE";
    case CUSOLVER_STATUS_ARCH_MISMATCH:
      return "CUSOLVER_STATUS_ARCH_MISMATCH";
    case CUSOLVER_STATUS_EXECUTION_FAILED:
      return "CUSOLVER_STATUS_EXECUTION_FAILED";
    case CUSOLVER_STATUS_INTERNAL_ERROR:
      return "CUSOLVER_STATUS_INTERNAL_ERROR";
    case CUSOLVER_STATUS_NOT_SUPPORTED:
      return "CUSOLVER_STATUS_NOT_SUPPORTED";
    default:
      return "cuSOLVER's status";
  }
}

SolverHandles created(Stream& stream) {
  constexpr std::string_view op = "linear algebra";
  SolverHandles h;
  check(cublasCreate(&h.blas), op);
  check(cublasSetStream(h.blas, stream.handle), op);
  check(cusolverDnCreate(&h.solver), op);
  check(cusolverDnSetStream(h.solver, stream.handle), op);
  check(cusolverDnCreateParams(&h.params), op);
  return h;
}

}  // namespace

void check(cusolverStatus_t status, std::string_view op) {
  if (status == CUSOLVER_STATUS_SUCCESS) [[likely]]
    return;
  fail(ErrorCode::backend, op, "{} ({})", name_of(status), static_cast<int>(status));
}

const SolverHandles& handles_of(Stream& stream) {
  static std::mutex mutex;
  static std::map<Stream*, SolverHandles> all;
  std::lock_guard lock(mutex);
  const auto it = all.find(&stream);
  return it != all.end() ? it->second : all.emplace(&stream, created(stream)).first->second;
}

Workspace::Workspace(Stream& stream, std::size_t device_bytes, std::size_t host_bytes)
    : stream_(stream),
      device_bytes_(device_bytes),
      device_(scratch(stream, {static_cast<std::int64_t>(device_bytes)}, DType::u8)),
      host_(host_bytes) {}

void Workspace::used(std::string_view op) const {
  if (!host_.empty()) stream_.wait(op);
}

Tensor scratch(const Stream& stream, const Dims& shape, DType dtype) {
  return Tensor::empty(shape, dtype, {DeviceType::cuda, static_cast<std::int8_t>(stream.device)});
}

int to_int(std::int64_t value, std::string_view op) {
  if (value > std::numeric_limits<int>::max())
    fail(ErrorCode::size, op, "{} does not fit cuSOLVER's integers", value);
  return static_cast<int>(value);
}

}  // namespace sonde::cuda
