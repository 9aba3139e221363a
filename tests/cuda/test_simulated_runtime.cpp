// The simulated runtime: streams that run late, memory that is watched, limits that are refused.
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "simulator_fixture.hpp"

namespace {

using simulator::Order;

constexpr std::size_t gibibyte = std::size_t{1} << 30;

class SimulatedRuntime : public Simulator {
 protected:
  SimulatedRuntime() { cudaStreamCreateWithFlags(&other_, cudaStreamNonBlocking); }
  ~SimulatedRuntime() override {
    cudaStreamDestroy(other_);
    simulator::set_memory(4 * gibibyte);
    simulator::set_device_count(2);
  }
  cudaStream_t other_ = nullptr;
};
using SimulatedRuntimeDeath = SimulatedRuntime;

__global__ void set(int* out, int value) {
  *out = value;
}
__global__ void add_to(int* out, const int* in) {
  *out += *in;
}
__global__ void write_at(char* memory, long long offset) {
  memory[offset] = 1;
}

TEST_F(SimulatedRuntime, NothingRunsBeforeTheHostWaits) {
  simulator::set_schedule(Order::forward);
  auto* host = pinned<int>(1);
  auto* memory = device<int>(1);
  EXPECT_EQ(*host, -1);  // poison
  *host = 5;
  ASSERT_EQ(launch(1, 1, set, memory, 7), cudaSuccess);
  ASSERT_EQ(cudaMemcpyAsync(host, memory, sizeof *host, cudaMemcpyDeviceToHost, stream_),
            cudaSuccess);
  EXPECT_EQ(*host,
            -1);  // the target of a copy is poisoned, lest its old value be taken for the new
  EXPECT_EQ(cudaStreamSynchronize(other_), cudaSuccess);
  EXPECT_EQ(*host, -1);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(*host, 7);
  free(memory);
  EXPECT_EQ(cudaFreeHost(host), cudaSuccess);
}

TEST_F(SimulatedRuntime, PinnedSourcesAreReadLateAndPageableOnesAtOnce) {
  auto* host = pinned<int>(1);
  *host = 5;
  int pageable = 5;
  auto* late = device<int>(1);
  auto* early = device<int>(1);
  cudaMemcpyAsync(late, host, sizeof(int), cudaMemcpyHostToDevice, stream_);
  cudaMemcpyAsync(early, &pageable, sizeof(int), cudaMemcpyHostToDevice, stream_);
  *host = pageable = 6;
  EXPECT_EQ(download(late, 1)[0], 6);
  EXPECT_EQ(download(early, 1)[0], 5);
  free(late);
  free(early);
  EXPECT_EQ(cudaFreeHost(host), cudaSuccess);
}

TEST_F(SimulatedRuntime, AnEventOrdersStreams) {
  cudaEvent_t event = nullptr;
  ASSERT_EQ(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), cudaSuccess);
  auto* source = device<int>(1);
  auto* target = upload(std::vector<int>{1});
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  const cudaLaunchConfig_t first{1, 1, 0, stream_, nullptr, 0}, second{1, 1, 0, other_, nullptr, 0};
  cudaLaunchKernelEx(&first, set, source, 40);
  cudaEventRecord(event, stream_);
  cudaLaunchKernelEx(&first, set, source, 400);  // after the event: not waited for
  cudaStreamWaitEvent(other_, event);
  cudaLaunchKernelEx(&second, add_to, target, source);
  simulator::set_schedule(Order::forward);
  ASSERT_EQ(cudaStreamSynchronize(other_), cudaSuccess);
  EXPECT_EQ(cudaEventQuery(event), cudaSuccess);
  EXPECT_EQ(cudaStreamQuery(stream_), cudaErrorNotReady);
  EXPECT_EQ(download(target, 1)[0], 41);
  EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
  free(source);
  free(target);
}

// Without the event the kernel that reads may run before the one that writes: in some order it
// reads poison.
TEST_F(SimulatedRuntime, AMissingEventShows) {
  int wrong = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    simulator::set_schedule(seed);
    auto* source = device<int>(1);
    auto* target = upload(std::vector<int>{1});
    cudaStreamSynchronize(stream_);
    launch(1, 1, set, source, 40);
    const cudaLaunchConfig_t second{1, 1, 0, other_, nullptr, 0};
    cudaLaunchKernelEx(&second, add_to, target, source);
    cudaDeviceSynchronize();
    wrong += download(target, 1)[0] != 41;
    free(source);
    free(target);
  }
  EXPECT_GT(wrong, 0);
  EXPECT_LT(wrong, 10);
}

TEST_F(SimulatedRuntime, AWaitEndsThoughAllStreamsWaitForOne) {
  for (const Order order : {Order::forward, Order::backward, Order::random}) {
    simulator::set_schedule(order);
    cudaEvent_t event = nullptr;
    cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
    auto* memory = device<int>(1);
    for (int i = 0; i < 5; ++i) launch(1, 1, set, memory, i);
    cudaEventRecord(event, stream_);
    for (int i = 0; i < 3; ++i) cudaStreamWaitEvent(other_, event);
    cudaStreamWaitEvent(nullptr, event);
    EXPECT_EQ(cudaStreamSynchronize(other_), cudaSuccess);
    EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
    free(memory);
  }
}

TEST_F(SimulatedRuntime, AskingAgainAndAgainComesToAnEnd) {
  cudaEvent_t event = nullptr;
  ASSERT_EQ(cudaEventCreateWithFlags(&event, cudaEventDefault), cudaSuccess);
  EXPECT_EQ(cudaEventQuery(event), cudaSuccess);  // never recorded
  auto* memory = device<int>(1);
  launch(1, 1, set, memory, 1);
  cudaEventRecord(event, stream_);
  EXPECT_EQ(cudaEventQuery(event), cudaErrorNotReady);
  int asked = 0;
  while (cudaEventQuery(event) == cudaErrorNotReady) ASSERT_LT(++asked, 10);
  float milliseconds = -1;
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, event, event), cudaSuccess);
  EXPECT_EQ(milliseconds, 0);
  free(memory);
  EXPECT_EQ(cudaStreamQuery(stream_), cudaErrorNotReady);
  asked = 0;
  while (cudaStreamQuery(stream_) == cudaErrorNotReady) ASSERT_LT(++asked, 10);
  EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
}

TEST_F(SimulatedRuntime, AHostFunctionRunsInTheStreamAndMayNotCallTheRuntime) {
  cudaError_t seen = cudaSuccess;
  const auto function = [](void* out) {
    *static_cast<cudaError_t*>(out) = cudaDeviceSynchronize();
  };
  ASSERT_EQ(cudaLaunchHostFunc(stream_, function, &seen), cudaSuccess);
  EXPECT_EQ(seen, cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(seen, cudaErrorNotPermitted);
}

TEST_F(SimulatedRuntime, AStreamThatIsDestroyedStillDoesItsWork) {
  auto* memory = device<int>(1);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  cudaStream_t brief = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&brief, cudaStreamNonBlocking), cudaSuccess);
  const cudaLaunchConfig_t config{1, 1, 0, brief, nullptr, 0};
  ASSERT_EQ(cudaLaunchKernelEx(&config, set, memory, 9), cudaSuccess);
  ASSERT_EQ(cudaStreamDestroy(brief), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(brief), cudaErrorInvalidResourceHandle);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(download(memory, 1)[0], 9);
  free(memory);
}

TEST_F(SimulatedRuntime, MemoryStartsPoisonedAndCopiesStayInside) {
  auto* memory = device<float>(3);
  for (const float value : download(memory, 3)) EXPECT_NE(value, value);
  float host[4] = {};
  EXPECT_EQ(cudaMemcpyAsync(memory, host, 16, cudaMemcpyHostToDevice, stream_),
            cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpyAsync(memory, host, 12, cudaMemcpyDeviceToHost, stream_),
            cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemsetAsync(memory, 0, 16, stream_), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemsetAsync(memory, 0, 12, stream_), cudaSuccess);
  EXPECT_EQ(download(memory, 3), std::vector<float>(3, 0));
  free(memory);
  EXPECT_EQ(cudaFreeAsync(memory, stream_), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemsetAsync(memory, 0, 12, stream_), cudaErrorInvalidValue);
}

TEST_F(SimulatedRuntime, DevicesCopyToEachOther) {
  auto* here = upload(std::vector<int>{1, 2, 3});
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  void* there = nullptr;
  ASSERT_EQ(cudaMalloc(&there, 3 * sizeof(int)), cudaSuccess);
  EXPECT_EQ(launch(1, 1, set, here, 1), cudaErrorInvalidResourceHandle);  // a stream of device 0
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  EXPECT_EQ(cudaMemcpyPeerAsync(there, 0, here, 0, 12, stream_), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpyPeerAsync(there, 2, here, 0, 12, stream_), cudaErrorInvalidDevice);
  ASSERT_EQ(cudaMemcpyPeerAsync(there, 1, here, 0, 12, stream_), cudaSuccess);
  EXPECT_EQ(download(static_cast<int*>(there), 3), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(cudaFree(there), cudaSuccess);
  free(here);
}

TEST_F(SimulatedRuntime, MemoryRunsOutAndIsCountedByItsPool) {
  simulator::set_memory(1 << 20);
  void* first = nullptr;
  void* second = nullptr;
  EXPECT_EQ(cudaMallocAsync(&first, 3 << 20, stream_), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&first, (1 << 20) + 1), cudaErrorMemoryAllocation);
  ASSERT_EQ(cudaMallocAsync(&first, 600000, stream_), cudaSuccess);
  EXPECT_EQ(cudaMallocAsync(&second, 600000, stream_), cudaErrorMemoryAllocation);
  free(first);
  ASSERT_EQ(cudaMallocAsync(&second, 600000, stream_), cudaSuccess);  // freed before in the stream
  free(second);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  std::size_t left = 0, total = 0;
  ASSERT_EQ(cudaMemGetInfo(&left, &total), cudaSuccess);
  EXPECT_EQ(left, total);
  EXPECT_EQ(total, 1 << 20);
}

std::size_t attribute_of(cudaMemPool_t pool, cudaMemPoolAttr attribute) {
  std::size_t value = 0;
  EXPECT_EQ(cudaMemPoolGetAttribute(pool, attribute, &value), cudaSuccess);
  return value;
}

TEST_F(SimulatedRuntime, APoolKeepsMemoryUpToItsThreshold) {
  cudaMemPoolProps properties{};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location = {cudaMemLocationTypeDevice, 0};
  cudaMemPool_t pool = nullptr;
  ASSERT_EQ(cudaMemPoolCreate(&pool, &properties), cudaSuccess);
  std::size_t threshold = 2048;
  ASSERT_EQ(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold),
            cudaSuccess);
  void* block = nullptr;
  ASSERT_EQ(cudaMallocFromPoolAsync(&block, 5000, pool, stream_), cudaSuccess);
  EXPECT_EQ(attribute_of(pool, cudaMemPoolAttrUsedMemCurrent), 5120);  // a multiple of 512
  free(block);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(attribute_of(pool, cudaMemPoolAttrUsedMemCurrent), 0);
  EXPECT_EQ(attribute_of(pool, cudaMemPoolAttrUsedMemHigh), 5120);
  EXPECT_EQ(attribute_of(pool, cudaMemPoolAttrReservedMemCurrent), 2048);
  EXPECT_EQ(attribute_of(pool, cudaMemPoolAttrReservedMemHigh), 5120);
  ASSERT_EQ(cudaMemPoolTrimTo(pool, 0), cudaSuccess);
  EXPECT_EQ(attribute_of(pool, cudaMemPoolAttrReservedMemCurrent), 0);
  EXPECT_EQ(cudaMemPoolDestroy(pool), cudaSuccess);
  EXPECT_EQ(cudaMallocFromPoolAsync(&block, 8, pool, stream_), cudaErrorInvalidValue);
}

TEST_F(SimulatedRuntime, RefusesWhatADeviceRefuses) {
  auto* memory = device<int>(1);
  EXPECT_EQ(launch(1, 1025, set, memory, 1), cudaErrorInvalidConfiguration);
  EXPECT_EQ(launch(1, dim3(1, 1, 65), set, memory, 1), cudaErrorInvalidConfiguration);
  EXPECT_EQ(launch(0, 1, set, memory, 1), cudaErrorInvalidConfiguration);
  EXPECT_EQ(launch(dim3(1, 65536), 1, set, memory, 1), cudaErrorInvalidConfiguration);
  EXPECT_EQ(launch(dim3(1, 1, 65536), 1, set, memory, 1), cudaErrorInvalidConfiguration);
  EXPECT_EQ(launch_shared(1, 1, 48 * 1024 + 1, add_to, memory, memory), cudaErrorInvalidValue);
  const auto allow = [](int bytes) {
    return cudaFuncSetAttribute(add_to, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
  };
  EXPECT_EQ(allow(227 * 1024 + 1), cudaErrorInvalidValue);
  EXPECT_EQ(allow(227 * 1024), cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(memory, 0, sizeof(int), stream_), cudaSuccess);
  EXPECT_EQ(launch_shared(1, 1, 227 * 1024, add_to, memory, memory), cudaSuccess);
  int blocks = 0;
  EXPECT_EQ(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, add_to, 256, 64 * 1024),
            cudaSuccess);
  EXPECT_EQ(blocks, 3);
  free(memory);
}

TEST_F(SimulatedRuntime, FailsOnDemand) {
  auto* memory = device<int>(1);
  simulator::fail_next(cudaErrorIllegalAddress, 1);
  EXPECT_EQ(launch(1, 1, set, memory, 1), cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(memory, 0, 4, stream_), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaMemsetAsync(memory, 0, 4, stream_), cudaSuccess);
  free(memory);
}

TEST_F(SimulatedRuntime, DevicesAndDriversCanBeMissing) {
  int count = -1;
  simulator::set_device_count(0);
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorNoDevice);
  EXPECT_EQ(count, 0);
  EXPECT_STREQ(cudaGetErrorName(cudaErrorNoDevice), "cudaErrorNoDevice");
  simulator::set_device_count(2);
  simulator::set_driver_error(cudaErrorInsufficientDriver);
  EXPECT_EQ(cudaSetDevice(0), cudaErrorInsufficientDriver);
  simulator::set_driver_error(cudaSuccess);
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  EXPECT_EQ(count, 2);
  cudaDeviceProp properties{};
  int value = 0;
  ASSERT_EQ(cudaGetDeviceProperties(&properties, 1), cudaSuccess);
  ASSERT_EQ(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 1), cudaSuccess);
  EXPECT_EQ(value, properties.multiProcessorCount);
  EXPECT_EQ(cudaGetDeviceProperties(&properties, 2), cudaErrorInvalidDevice);
}

TEST_F(SimulatedRuntime, CountsWhatIsAskedFor) {
  const auto before = simulator::counters();
  auto* memory = upload(std::vector<int>{1});
  launch(1, 1, set, memory, 1);
  EXPECT_EQ(download(memory, 1)[0], 1);
  EXPECT_EQ(simulator::counters().live_blocks, before.live_blocks + 1);
  free(memory);
  cudaStreamSynchronize(stream_);
  const auto after = simulator::counters();
  EXPECT_EQ(after.launches, before.launches + 1);
  EXPECT_EQ(after.copies, before.copies + 2);
  EXPECT_EQ(after.pageable_copies, before.pageable_copies + 2);
  EXPECT_EQ(after.synchronisations, before.synchronisations + 1);
  EXPECT_EQ(after.allocations, before.allocations + 1);
  EXPECT_EQ(after.frees, before.frees + 1);
  EXPECT_EQ(after.live_blocks, before.live_blocks);
}

TEST_F(SimulatedRuntimeDeath, AWriteOutsideABlockEndsTheProgram) {
  const auto write = [&](long long offset) {
    auto* memory = device<char>(100);
    launch(1, 1, write_at, memory, offset);
    free(memory);
    cudaStreamSynchronize(stream_);
  };
  EXPECT_DEATH(write(100),
               "past the end of device memory of 100 bytes.*last kernel|AddressSanitizer");
  EXPECT_DEATH(write(-1), "before the start of device memory of 100 bytes|AddressSanitizer");
}

TEST_F(SimulatedRuntimeDeath, AWriteToFreedMemoryEndsTheProgram) {
  const auto write = [&] {
    auto* memory = device<char>(100);
    free(memory);
    launch(1, 1, write_at, memory, 5);
    cudaDeviceSynchronize();
  };
  EXPECT_DEATH(write(),
               "written to device memory of 100 bytes after it was freed|AddressSanitizer");
}

TEST_F(SimulatedRuntimeDeath, ACopyThatComesAfterTheFreeEndsTheProgram) {
  simulator::set_schedule(Order::forward);
  const auto copy = [&] {
    auto* memory = device<int>(1);
    auto* host = pinned<int>(1);
    cudaMemcpyAsync(host, memory, 4, cudaMemcpyDefault, other_);
    free(memory);
    cudaStreamSynchronize(stream_);
    cudaStreamSynchronize(other_);
  };
  EXPECT_DEATH(copy(), "a copy or memset of 4 bytes came to its turn after .* freed the memory");
}

TEST_F(SimulatedRuntimeDeath, FreeingPinnedMemoryThatACopyUsesEndsTheProgram) {
  const auto copy = [&] {
    auto* host = pinned<int>(2);
    cudaMemcpyAsync(device<int>(1), host + 1, 4, cudaMemcpyDefault, stream_);
    cudaFreeHost(host);
  };
  EXPECT_DEATH(copy(), "cudaFreeHost of memory that a copy not yet waited for will use");
}

}  // namespace
