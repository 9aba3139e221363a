#include "tensor/backend.hpp"

#include <memory>
#include <vector>

#include "tensor/cuda/pool.hpp"
#include "tensor/cuda/register.hpp"

namespace sonde::cuda {
namespace {

std::string version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

// Everything earlier of any stream comes before later work of `stream`.
void follow_all(Stream& stream) {
  for_each_stream(
      stream.device,
      [](Stream& other, void* mine) {
        if (&other != mine) static_cast<Stream*>(mine)->follow(other);
      },
      &stream);
}

class CudaBackend final : public Backend {
 public:
  CudaBackend() {
    status_ = cudaGetDeviceCount(&count_);
    if (status_ != cudaSuccess) {
      cudaGetLastError();
      count_ = 0;
    }
    pools_.resize(static_cast<std::size_t>(count_));
  }

  int device_count() override { return count_; }
  std::string why_none() override { return cudaGetErrorString(status_); }

  DeviceInfo info(int index) override {
    cudaDeviceProp device{};
    check(cudaGetDeviceProperties(&device, index), "device_info");
    int driver = 0, runtime = 0;
    check(cudaDriverGetVersion(&driver), "device_info");
    check(cudaRuntimeGetVersion(&runtime), "device_info");
    std::size_t free = 0, total = 0;
    stream_of({DeviceType::cuda, static_cast<std::int8_t>(index)});
    check(cudaMemGetInfo(&free, &total), "device_info");
    return {.name = device.name,
            .capability = fmt::format("{}.{}", device.major, device.minor),
            .driver = version_text(driver),
            .runtime = version_text(runtime),
            .memory_bytes = static_cast<std::int64_t>(total),
            .memory_free_bytes = static_cast<std::int64_t>(free),
            .multiprocessors = device.multiProcessorCount};
  }

  void* allocate(Storage& storage) override {
    Stream& stream = stream_of(storage.device());
    use(stream, storage);
    return pool(stream.device).allocate(stream, storage.bytes());
  }

  void deallocate(Storage& storage) noexcept override {
    try {
      auto* last = static_cast<Stream*>(storage.stream_use().last.load());
      if (storage.stream_use().shared.load()) follow_all(*last);
      pool(last->device).free(*last, storage.data(), storage.bytes());
    } catch (const Error&) {  // a failed device; its next use tells
    }
  }

  void copy(Storage& to, std::int64_t to_offset, Storage& from, std::int64_t from_offset,
            std::int64_t bytes) override {
    const auto n = static_cast<std::size_t>(bytes);
    std::byte *target = to.data() + to_offset, *source = from.data() + from_offset;
    if (to.device().type == DeviceType::cpu) {
      Stream& stream = stream_of(from.device());
      use(stream, from);
      detail::observe_sync("copy to the host");
      stream.staging.download(stream.handle, target, source, n);
      stream.faults.rethrow(stream.handle);
      return;
    }
    Stream& stream = stream_of(to.device());
    use(stream, to);
    if (from.device().type == DeviceType::cpu)
      return stream.staging.upload(stream.handle, target, source, n);
    use(stream, from);
    check(cudaMemcpyPeerAsync(target, to.device().index, source, from.device().index, n,
                              stream.handle),
          "copy");
  }

  void synchronize(int index) override { stream_of(at(index)).wait("synchronize"); }
  MemoryStats memory_stats(int index) override { return pool(index).stats(); }
  void reset_peak_bytes(int index) override { pool(index).reset_peak(); }
  void set_memory_limit(int index, std::int64_t bytes) override { pool(index).set_limit(bytes); }
  void empty_cache(int index) override {
    synchronize(index);
    pool(index).trim();
  }

 private:
  static Device at(int index) { return {DeviceType::cuda, static_cast<std::int8_t>(index)}; }

  Pool& pool(int index) {
    std::lock_guard lock(mutex_);
    auto& p = pools_[static_cast<std::size_t>(index)];
    if (!p) p = std::make_unique<Pool>(index);
    return *p;
  }

  int count_ = 0;
  cudaError_t status_ = cudaSuccess;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Pool>> pools_;
};

}  // namespace
}  // namespace sonde::cuda

void sonde_register_cuda() {
  static auto* backend = new sonde::cuda::CudaBackend;  // never destroyed: tensors may outlive main
  sonde::cuda::register_attention();
  sonde::cuda::register_attention_grad();
  sonde::cuda::register_conv();
  sonde::cuda::register_copy();
  sonde::cuda::register_cross_entropy();
  sonde::cuda::register_deviance();
  sonde::cuda::register_elementwise();
  sonde::cuda::register_gather();
  sonde::cuda::register_linalg();
  sonde::cuda::register_lstm();
  sonde::cuda::register_lstm_cell();
  sonde::cuda::register_lstm_grad();
  sonde::cuda::register_matmul();
  sonde::cuda::register_matmul_integer();
  sonde::cuda::register_normalize();
  sonde::cuda::register_optim();
  sonde::cuda::register_pool();
  sonde::cuda::register_random();
  sonde::cuda::register_reduce_arg();
  sonde::cuda::register_reduce_extremes();
  sonde::cuda::register_reduce_logic();
  sonde::cuda::register_reduce_totals();
  sonde::cuda::register_scan();
  sonde::cuda::register_scatter();
  sonde::cuda::register_softmax();
  sonde::cuda::register_sort();
  sonde::cuda::register_sum_of_squares();
  sonde::cuda::register_take();
  sonde::cuda::register_take_add();
  sonde::register_backend(sonde::DeviceType::cuda, *backend);
}
