// The simulated device: that it runs kernels as CUDA does, and finds the faults in them.
#include <gtest/gtest.h>

#include <numeric>
#include <thread>
#include <vector>

#include "simulator_fixture.hpp"

namespace {

using simulator::Order;
using SimulatorDeath = Simulator;

__global__ void spin_up(int* out) {
  ++*out;
}

std::vector<float> naturals(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.0F);
  return values;
}

struct Indices {
  uint3 thread, block;
};

__global__ void write_indices(Indices* out) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  out[block * blockDim.x * blockDim.y * blockDim.z + thread] = {threadIdx, blockIdx};
}

TEST_F(Simulator, EveryThreadOfEveryBlockRunsOnceWithItsIndices) {
  for (const Order order : {Order::forward, Order::backward, Order::random}) {
    simulator::set_schedule(order);
    const dim3 grid(3, 2, 2), block(5, 3, 2);
    auto* out = device<Indices>(12 * 30);
    ASSERT_EQ(launch(grid, block, write_indices, out), cudaSuccess);
    const std::vector<Indices> found = download(out, 12 * 30);
    std::size_t i = 0;
    for (unsigned b = 0; b < 12; ++b) {
      for (unsigned t = 0; t < 30; ++t, ++i) {
        EXPECT_EQ(found[i].block.x + 3 * (found[i].block.y + 2 * found[i].block.z), b);
        EXPECT_EQ(found[i].thread.x + 5 * (found[i].thread.y + 3 * found[i].thread.z), t);
      }
    }
    free(out);
  }
}

__global__ void sum_blocks(const float* in, float* out) {
  __shared__ float partial[256];
  partial[threadIdx.x] = in[blockIdx.x * blockDim.x + threadIdx.x];
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) partial[threadIdx.x] += partial[threadIdx.x + half];
  }
  if (threadIdx.x == 0) out[blockIdx.x] = partial[0];
}

TEST_F(Simulator, SumsBlocksThroughSharedMemory) {
  auto* in = upload(naturals(4 * 256));
  auto* out = device<float>(4);
  ASSERT_EQ(launch(4, 256, sum_blocks, in, out), cudaSuccess);
  const auto sums = download(out, 4);
  for (int b = 0; b < 4; ++b) {
    EXPECT_EQ(sums[b], 256.0F * (256 * b + 255 + 256 * b) / 2);
  }
  free(in);
  free(out);
}

template <class T>
__global__ void sum_warps(const T* in, T* out) {
  T sum = in[threadIdx.x];
  for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xFFFFFFFF, sum, offset);
  out[threadIdx.x] = sum;
}

TEST_F(Simulator, EveryLaneHasTheSumOfItsWarp) {
  std::vector<double> values(96);
  std::iota(values.begin(), values.end(), 0.0);
  auto* in = upload(values);
  auto* out = device<double>(96);
  ASSERT_EQ(launch(1, 96, sum_warps<double>, in, out), cudaSuccess);
  const auto sums = download(out, 96);
  for (int i = 0; i < 96; ++i) EXPECT_EQ(sums[i], 32.0 * (i / 32 * 64 + 31) / 2);
  free(in);
  free(out);
}

__global__ void shuffle_all_ways(int* out) {
  const int lane = static_cast<int>(threadIdx.x);
  out[lane] = __shfl_sync(0xFFFFFFFF, lane, 3, 8);
  out[32 + lane] = __shfl_up_sync(0xFFFFFFFF, lane, 2, 8);
  out[64 + lane] = __shfl_down_sync(0xFFFFFFFF, lane, 3, 16);
  out[96 + lane] = __shfl_xor_sync(0xFFFFFFFF, lane, 5, 8);
  out[128 + lane] = __shfl_sync(0xFFFFFFFF, lane, lane + 33);
}

TEST_F(Simulator, ShufflesKeepToTheirWidth) {
  auto* out = device<int>(160);
  ASSERT_EQ(launch(1, 32, shuffle_all_ways, out), cudaSuccess);
  const auto found = download(out, 160);
  for (int lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(found[lane], lane / 8 * 8 + 3);
    EXPECT_EQ(found[32 + lane], lane % 8 < 2 ? lane : lane - 2);
    EXPECT_EQ(found[64 + lane], lane % 16 > 12 ? lane : lane + 3);
    EXPECT_EQ(found[96 + lane], lane / 8 * 8 + (lane % 8 ^ 5));
    EXPECT_EQ(found[128 + lane], (lane + 1) % 32);
  }
  free(out);
}

__global__ void vote(unsigned* out, int* block_votes) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  if (lane < 16) {  // the other half of the warp does something else
    out[threadIdx.x] = __ballot_sync(0xFFFF, lane % 3 == 0);
    out[threadIdx.x] += static_cast<unsigned>(__any_sync(0xFFFF, lane == 5)) << 16;
    out[threadIdx.x] += static_cast<unsigned>(__all_sync(0xFFFF, lane != 5)) << 17;
  } else {
    out[threadIdx.x] = static_cast<unsigned>(__all_sync(0xFFFF0000, lane > 15));
  }
  const int some = __syncthreads_or(threadIdx.x == 40);
  const int all = __syncthreads_and(threadIdx.x < 63);
  const int count = __syncthreads_count(threadIdx.x % 5 == 0);
  if (threadIdx.x == 0) *block_votes = some + 10 * all + 100 * count;
}

TEST_F(Simulator, LanesAndBlocksVote) {
  auto* out = device<unsigned>(64);
  auto* block_votes = device<int>(1);
  ASSERT_EQ(launch(1, 64, vote, out, block_votes), cudaSuccess);
  const auto found = download(out, 64);
  for (unsigned i = 0; i < 64; ++i) {
    EXPECT_EQ(found[i], i % 32 < 16 ? 0b1001001001001001U + (1U << 16) : 1U);
  }
  EXPECT_EQ(download(block_votes, 1)[0], 1 + 10 * 0 + 100 * 13);
  free(out);
  free(block_votes);
}

// The last warp has 8 lanes, and one thread ends before the barrier and the shuffle.
__global__ void leave_early(int* out) {
  if (threadIdx.x == 7) return;
  __shared__ int seen[40];
  seen[threadIdx.x] = 1;
  __syncthreads();
  const int one = __shfl_sync(0xFFFFFFFF, 1, 0);
  if (threadIdx.x == 39) *out = seen[0] + seen[38] + one;
}

TEST_F(Simulator, NobodyWaitsForThreadsThatEnded) {
  auto* out = device<int>(1);
  ASSERT_EQ(launch(1, 40, leave_early, out), cudaSuccess);
  EXPECT_EQ(download(out, 1)[0], 3);
  free(out);
}

__global__ void add_all(int* integers, float* floats, unsigned long long* least) {
  atomicAdd(integers, 2);
  atomicAdd(floats, 0.5);
  atomicMin(least, 1000 + (threadIdx.x ^ 21));
  atomicCAS(integers + 1, 0, 7);
  atomicMax(integers + 2, static_cast<int>(threadIdx.x));
}

TEST_F(Simulator, AddsAtomically) {
  auto* integers = upload(std::vector<int>{0, 0, 0});
  auto* floats = upload(std::vector<float>{1});
  auto* least = upload(std::vector<unsigned long long>{~0ULL});
  ASSERT_EQ(launch(3, 50, add_all, integers, floats, least), cudaSuccess);
  EXPECT_EQ(download(integers, 3), (std::vector<int>{300, 7, 49}));
  EXPECT_EQ(download(floats, 1)[0], 76);
  EXPECT_EQ(download(least, 1)[0], 1000);
  free(integers);
  free(floats);
  free(least);
}

__global__ void read_shared(unsigned* out, int words) {
  auto* shared = static_cast<unsigned*>(simulator::dynamic_shared());
  for (int i = 0; i < words; ++i) out[blockIdx.x] &= shared[i];
  shared[0] = 0;
}

TEST_F(Simulator, DynamicSharedMemoryStartsPoisonedInEachBlock) {
  auto* out = upload(std::vector<unsigned>(3, ~0U));
  ASSERT_EQ(launch_shared(3, 1, 128, read_shared, out, 32), cudaSuccess);
  EXPECT_EQ(download(out, 3), std::vector<unsigned>(3, ~0U));
  free(out);
}

TEST_F(Simulator, HostThreadsLaunchAtOnce) {
  auto work = [] {
    cudaStream_t stream = nullptr;
    void* memory = nullptr;
    EXPECT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
    EXPECT_EQ(cudaMallocAsync(&memory, sizeof(int), stream), cudaSuccess);
    EXPECT_EQ(cudaMemsetAsync(memory, 0, sizeof(int), stream), cudaSuccess);
    const cudaLaunchConfig_t config{1, 1, 0, stream, nullptr, 0};
    for (int i = 0; i < 200; ++i) {
      EXPECT_EQ(cudaLaunchKernelEx(&config, spin_up, static_cast<int*>(memory)), cudaSuccess);
    }
    int count = 0;
    EXPECT_EQ(cudaMemcpyAsync(&count, memory, sizeof count, cudaMemcpyDefault, stream),
              cudaSuccess);
    EXPECT_EQ(count, 200);
    EXPECT_EQ(cudaFreeAsync(memory, stream), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
}

// Reads the neighbour's value without waiting for it.
__global__ void lacks_a_barrier(int* out) {
  __shared__ int values[128];
  values[threadIdx.x] = static_cast<int>(blockIdx.x * 128 + threadIdx.x);
  out[blockIdx.x * 128 + threadIdx.x] = values[threadIdx.x ^ 1];
}

TEST_F(Simulator, AMissingBarrierShows) {
  for (const Order order : {Order::forward, Order::backward, Order::random}) {
    simulator::set_schedule(order);
    auto* out = device<int>(256);
    ASSERT_EQ(launch(2, 128, lacks_a_barrier, out), cudaSuccess);
    const auto found = download(out, 256);
    int wrong = 0;
    for (int i = 0; i < 256; ++i) wrong += found[i] != (i ^ 1);
    EXPECT_GT(wrong, 0);
    free(out);
  }
}

// Right if threads run forward, as a simulation in plain order would have them.
__global__ void looks_back(int* out) {
  __shared__ int values[128];
  values[threadIdx.x] = 1;
  out[threadIdx.x] = values[threadIdx.x / 2];
  __syncthreads();
  values[threadIdx.x] = 0;
}

TEST_F(Simulator, SeedsOrderTheThreadsInOtherWays) {
  auto* out = device<int>(128);
  int seeds_that_show = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    simulator::set_schedule(seed);
    ASSERT_EQ(launch(1, 128, looks_back, out), cudaSuccess);
    const auto found = download(out, 128);
    seeds_that_show += std::accumulate(found.begin(), found.end(), 0) != 128;
  }
  EXPECT_GT(seeds_that_show, 8);
  simulator::set_schedule(Order::forward);
  ASSERT_EQ(launch(1, 128, looks_back, out), cudaSuccess);
  EXPECT_EQ(download(out, 128), std::vector<int>(128, 1));
  free(out);
}

TEST_F(Simulator, TheSameSeedGivesTheSameOrder) {
  const auto run = [&] {
    simulator::set_schedule(77);
    auto* out = device<int>(128);
    EXPECT_EQ(launch(1, 128, looks_back, out), cudaSuccess);
    auto found = download(out, 128);
    free(out);
    cudaStreamSynchronize(stream_);
    return found;
  };
  EXPECT_EQ(run(), run());
}

__global__ void waits_forever() {
  if (threadIdx.x == 3) {
    __syncwarp();
  } else {
    __syncthreads();
  }
}

TEST_F(SimulatorDeath, ThreadsThatWaitForEachOtherEndTheProgram) {
  const auto run = [&] {
    launch(1, 32, waits_forever);
    cudaStreamSynchronize(stream_);
  };
  EXPECT_DEATH(run(),
               "block \\(0, 0, 0\\): 31 of 32 threads wait at __syncthreads, thread 3 waits for "
               "lanes 0xfffffff7");
}

__global__ void masks_differ() {
  __syncwarp(threadIdx.x == 0 ? 0b011 : 0b111);
}
__global__ void lacks_itself() {
  __syncwarp(0b10);
}
__global__ void intrinsics_differ(int* out) {
  *out = threadIdx.x == 0 ? __any_sync(0b111, 1) : __shfl_sync(0b111, 1, 0);
}

TEST_F(SimulatorDeath, WrongMasksEndTheProgram) {
  const auto run = [&](auto kernel, auto... arguments) {
    launch(1, 3, kernel, arguments...);
    cudaStreamSynchronize(stream_);
  };
  EXPECT_DEATH(run(masks_differ), "different intrinsics or masks");
  EXPECT_DEATH(run(lacks_itself), "mask lacks the lane that calls it, [02]");
  int out = 0;
  EXPECT_DEATH(run(intrinsics_differ, &out), "lanes 0 and 1 of a warp wait for each other");
}

__global__ void traps() {
  __trap();
}

TEST_F(SimulatorDeath, ATrapEndsTheProgram) {
  const auto run = [&] {
    launch(1, 1, traps);
    cudaDeviceSynchronize();
  };
  EXPECT_DEATH(run(), "__trap\\(\\)");
}

}  // namespace
