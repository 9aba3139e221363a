// What all calls of the runtime share: the lock, the error a thread saw last, the counters, the
// failures asked for.
#pragma once

#include <mutex>

#include "simulator.hpp"

namespace simulator {

constexpr int most_devices = 8;
constexpr std::size_t shared_per_block = 48 * 1024;
constexpr std::size_t shared_per_multiprocessor = 228 * 1024;
constexpr std::size_t shared_reserved_per_block = 1024;
constexpr unsigned threads_per_block = 1024;
constexpr int threads_per_multiprocessor = 2048;
constexpr int blocks_per_multiprocessor = 32;

/// Held by each call of the runtime, kernels included.
std::mutex& runtime_mutex();
struct Lock {
  Lock() : guard(runtime_mutex()) {}
  std::lock_guard<std::mutex> guard;
};

struct State {
  int device_count = 2;
  std::size_t memory = std::size_t{4} << 30;
  std::size_t shared_per_block_optin = std::size_t{227} << 10;
  cudaError_t driver_error = cudaSuccess;
  cudaError_t failure = cudaSuccess;
  int failures_to_skip = 0;
  bool check_each_kernel = false;
  Counters counters;
};
extern State state;

extern thread_local int current_device;
extern thread_local bool in_host_function;

/// Keeps an error for cudaGetLastError and gives it back.
cudaError_t remember(cudaError_t error);
/// Whether there is a driver and a device at all.
cudaError_t availability();
/// The failure asked for with fail_next, once its turn came.
cudaError_t take_failure();

/// One call of the runtime: under the lock, its error kept.
template <class Body>
cudaError_t call(Body body) {
  if (in_host_function) return cudaErrorNotPermitted;
  const Lock lock;
  if (const cudaError_t error = availability(); error != cudaSuccess) return remember(error);
  return remember(body());
}

}  // namespace simulator
