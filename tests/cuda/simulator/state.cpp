#include "state.hpp"

#include <utility>

namespace simulator {
namespace {

thread_local cudaError_t last_error = cudaSuccess;

}  // namespace

State state;
thread_local int current_device = 0;
thread_local bool in_host_function = false;

std::mutex& runtime_mutex() {
  static std::mutex mutex;
  return mutex;
}

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

cudaError_t availability() {
  if (state.driver_error != cudaSuccess) return state.driver_error;
  return state.device_count == 0 ? cudaErrorNoDevice : cudaSuccess;
}

cudaError_t take_failure() {
  if (state.failure == cudaSuccess || state.failures_to_skip-- > 0) return cudaSuccess;
  return std::exchange(state.failure, cudaSuccess);
}

void set_device_count(int count) {
  const Lock lock;
  state.device_count = count < most_devices ? count : most_devices;
}

void set_memory(std::size_t bytes) {
  const Lock lock;
  state.memory = bytes;
}

void set_shared_memory(std::size_t bytes) {
  const Lock lock;
  state.shared_per_block_optin = bytes;
}

void set_driver_error(cudaError_t error) {
  const Lock lock;
  state.driver_error = error;
}

void fail_next(cudaError_t error, int skip) {
  const Lock lock;
  state.failure = error;
  state.failures_to_skip = skip;
}

Counters counters() {
  const Lock lock;
  return state.counters;
}

void check_after_each_kernel(bool on) {
  const Lock lock;
  state.check_each_kernel = on;
}

}  // namespace simulator

cudaError_t cudaGetLastError() {
  return std::exchange(simulator::last_error, cudaSuccess);
}

cudaError_t cudaPeekAtLastError() {
  return simulator::last_error;
}
