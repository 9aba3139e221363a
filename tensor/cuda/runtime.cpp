#include "tensor/cuda/runtime.hpp"

#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "tensor/backend.hpp"

namespace sonde::cuda {
namespace {

constexpr int max_devices = 64;

// All streams ever made, and those whose thread has ended. Never destroyed: memory may be freed
// after main.
struct Streams {
  std::mutex mutex;
  std::vector<std::unique_ptr<Stream>> all;
  std::vector<Stream*> idle;
};
Streams& streams() {
  static Streams* s = new Streams;
  return *s;
}

Stream* take_stream(int device) {
  Streams& s = streams();
  std::lock_guard lock(s.mutex);
  for (auto it = s.idle.begin(); it != s.idle.end(); ++it) {
    if ((*it)->device != device) continue;
    Stream* found = *it;
    s.idle.erase(it);
    return found;
  }
  return s.all.emplace_back(std::make_unique<Stream>(device)).get();
}

// A thread's streams, given back when it ends.
struct Local {
  std::array<Stream*, max_devices> stream{};
  int current = -1;  // CUDA's current device, as far as this thread has set it
  ~Local() {
    Streams& s = streams();
    std::lock_guard lock(s.mutex);
    for (Stream* mine : stream)
      if (mine) s.idle.push_back(mine);
  }
};
thread_local Local local;

}  // namespace

void check(cudaError_t status, std::string_view op) {
  if (status == cudaSuccess) [[likely]]
    return;
  cudaGetLastError();  // it has been told
  fail_hint(ErrorCode::backend, op,
            "an earlier kernel may be the cause: CUDA_LAUNCH_BLOCKING=1 names it", "{}: {}",
            cudaGetErrorName(status), cudaGetErrorString(status));
}

Stream::Stream(int d) : device(d) {
  check(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking), "stream");
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "stream");
  faults.create(handle);
}

void Stream::wait(std::string_view reason) {
  detail::observe_sync(reason);
  check(cudaStreamSynchronize(handle), reason);
  faults.rethrow(handle);
}

void Stream::follow(Stream& other) {
  check(cudaEventRecord(other.event, other.handle), "stream");
  check(cudaStreamWaitEvent(handle, other.event, 0), "stream");
}

Stream& stream_of(Device device) {
  const auto i = static_cast<std::size_t>(device.index);
  if (local.current != device.index) {
    check(cudaSetDevice(device.index), "device");
    local.current = device.index;
  }
  if (!local.stream[i]) local.stream[i] = take_stream(device.index);
  return *local.stream[i];
}

void for_each_stream(int device, void (*f)(Stream&, void*), void* context) {
  Streams& s = streams();
  std::lock_guard lock(s.mutex);
  for (const auto& stream : s.all)
    if (stream->device == device) f(*stream, context);
}

void use(Stream& stream, Storage& storage) {
  auto& last = storage.stream_use().last;
  auto* before = static_cast<Stream*>(last.load(std::memory_order_acquire));
  if (before == &stream) [[likely]]
    return;
  if (before) {
    stream.follow(*before);
    storage.stream_use().shared.store(true, std::memory_order_relaxed);
  }
  last.store(&stream, std::memory_order_release);
}

void* address(Stream& stream, const Tensor& t) {
  if (!t) return nullptr;
  if (t.device().type != DeviceType::cuda || t.device().index != stream.device)
    fail_hint(ErrorCode::device, "cuda", "move it with to(device)",
              "{} is not on cuda:{}, where the other operands are", t.spec(), stream.device);
  use(stream, t.storage());
  return t.bytes();
}

}  // namespace sonde::cuda
