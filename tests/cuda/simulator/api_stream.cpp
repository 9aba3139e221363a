// Streams and events.
#include <map>
#include <memory>

#include "memory.hpp"
#include "state.hpp"
#include "stream.hpp"

namespace simulator {
namespace {

std::map<cudaEvent_t, std::unique_ptr<CUevent_st>>& events() {
  static auto& events = *new std::map<cudaEvent_t, std::unique_ptr<CUevent_st>>;
  return events;
}

bool is_event(cudaEvent_t event) {
  return events().contains(event);
}

bool is_pending(const CUevent_st& event) {
  return event.latest && !event.latest->done;
}

/// The host came to the end of a wait.
cudaError_t waited(int device) {
  ++state.counters.synchronisations;
  trim_pools(device);
  return cudaSuccess;
}

void run_host_function(cudaHostFn_t function, void* argument) {
  in_host_function = true;
  function(argument);
  in_host_function = false;
}

}  // namespace
}  // namespace simulator

using namespace simulator;  // NOLINT(google-build-using-namespace): what follows is CUDA's and
                            // global

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return call([&] {
    if (stream == nullptr) return cudaErrorInvalidValue;
    // Streams that wait for the null stream, and it for them, are not simulated.
    if (flags != cudaStreamNonBlocking) return cudaErrorNotSupported;
    *stream = create_stream(current_device).get();
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return call([&] {
    if (stream == nullptr || !find_stream(stream)) return cudaErrorInvalidResourceHandle;
    destroy_stream(stream);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return call([&] {
    const auto found = find_stream(stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    drain(*found);
    return waited(found->device);
  });
}

// A query that finds work does the first piece of it, so that who asks again and again comes to an
// end.
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return call([&] {
    const auto found = find_stream(stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    if (found->pending.empty()) return cudaSuccess;
    advance(*found);
    return cudaErrorNotReady;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
  return call([&] {
    const auto found = find_stream(stream);
    if (!found || !is_event(event)) return cudaErrorInvalidResourceHandle;
    if (flags != 0) return cudaErrorInvalidValue;
    if (is_pending(*event)) found->pending.push_back({.after = event->latest});
    return cudaSuccess;
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* argument) {
  return call([&] {
    const auto found = find_stream(stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    if (function == nullptr) return cudaErrorInvalidValue;
    found->pending.push_back({.run = [=] { run_host_function(function, argument); }});
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return call([&] {
    drain_device(current_device);
    check_blocks();
    return waited(current_device);
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return call([&] {
    if (event == nullptr || flags > (cudaEventBlockingSync | cudaEventDisableTiming)) {
      return cudaErrorInvalidValue;
    }
    const bool timed = (flags & cudaEventDisableTiming) == 0;
    auto made = std::make_unique<CUevent_st>(CUevent_st{current_device, timed, nullptr});
    *event = made.get();
    events()[*event] = std::move(made);
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return call(
      [&] { return events().erase(event) == 1 ? cudaSuccess : cudaErrorInvalidResourceHandle; });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return call([&] {
    const auto found = find_stream(stream);
    if (!found || !is_event(event)) return cudaErrorInvalidResourceHandle;
    if (event->device != found->device) return cudaErrorInvalidResourceHandle;
    const auto record = std::make_shared<Record>(Record{found, false, {}});
    event->latest = record;
    const auto run = [record] {
      record->done = true;
      record->time = std::chrono::steady_clock::now();
      record->stream = nullptr;
    };
    found->pending.push_back({.run = run});
    return cudaSuccess;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call([&] {
    if (!is_event(event)) return cudaErrorInvalidResourceHandle;
    if (const auto latest = event->latest) wait_for(*latest);
    return waited(event->device);
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return call([&] {
    if (!is_event(event)) return cudaErrorInvalidResourceHandle;
    if (!is_pending(*event)) return cudaSuccess;
    const auto stream = event->latest->stream;
    advance(*stream);
    return cudaErrorNotReady;
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return call([&] {
    if (!is_event(start) || !is_event(end)) return cudaErrorInvalidResourceHandle;
    if (!start->timed || !end->timed) return cudaErrorInvalidResourceHandle;
    if (!start->latest || !end->latest) return cudaErrorInvalidResourceHandle;
    if (milliseconds == nullptr) return cudaErrorInvalidValue;
    if (is_pending(*start) || is_pending(*end)) return cudaErrorNotReady;
    const std::chrono::duration<float, std::milli> passed = end->latest->time - start->latest->time;
    *milliseconds = passed.count();
    return cudaSuccess;
  });
}
