// What the simulated device finds in kernels that report their accesses to memory. Compiled with
// -fsanitize=thread.
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "simulator_fixture.hpp"

namespace {

class SimulatedAccesses : public Simulator {
 protected:
  /// Runs the kernel and waits for it.
  template <class... Arguments, class... Values>
  void run(dim3 grid, dim3 block, void (*kernel)(Arguments...), Values... values) {
    EXPECT_EQ(launch_shared(grid, block, 64, kernel, values...), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  }
  float* memory_ = device<float>(256);
  ~SimulatedAccesses() override { free(memory_); }
};
using SimulatedAccessesDeath = SimulatedAccesses;

// ------------------------------------------------------------------------------------------- what
// is allowed

struct Pair {
  float* memory;
  int offset;
};

__global__ void sum_with_barriers(float* out, Pair pair) {
  __shared__ float partial[128];
  float local[4] = {1, 2, 3, 4};
  partial[threadIdx.x] = local[(threadIdx.x + static_cast<unsigned>(pair.offset)) % 4];
  for (unsigned half = 64; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) partial[threadIdx.x] += partial[threadIdx.x + half];
  }
  if (threadIdx.x == 0) out[blockIdx.x] = partial[0];
  atomicAdd(pair.memory + 255, partial[127]);
}

TEST_F(SimulatedAccesses, BarriersAndAtomicsMakeNoRace) {
  ASSERT_EQ(cudaMemsetAsync(memory_, 0, 1024, stream_), cudaSuccess);
  run(4, 128, sum_with_barriers, memory_, Pair{memory_, 0});
  run(4, 128, sum_with_barriers, memory_, Pair{memory_, 1});
  const auto sums = download(memory_, 256);
  EXPECT_EQ(sums[3], 320);
  EXPECT_EQ(sums[255], 4 * 128 * (4 + 1));
}

__global__ void exchange_in_warp(unsigned char* out) {
  __shared__ unsigned char values[64];
  values[threadIdx.x] = static_cast<unsigned char>(threadIdx.x);
  __syncwarp();
  out[threadIdx.x] = values[threadIdx.x ^ 31];
}

TEST_F(SimulatedAccesses, SyncwarpOrdersAWarpAndBytesAreApart) {
  auto* out = device<unsigned char>(64);
  run(1, 64, exchange_in_warp, out);
  const auto found = download(out, 64);
  for (int i = 0; i < 64; ++i) EXPECT_EQ(found[i], i ^ 31);
  free(out);
}

__global__ void read_host(int* pinned) {
  ++*pinned;
}

TEST_F(SimulatedAccesses, PinnedMemoryIsTheDevicesToo) {
  auto* host = pinned<int>(1);
  *host = 4;
  run(1, 1, read_host, host);
  EXPECT_EQ(*host, 5);
  EXPECT_EQ(cudaFreeHost(host), cudaSuccess);
}

// ------------------------------------------------------------------------------------------- what
// is found

__global__ void lacks_a_barrier(float* out) {
  __shared__ float values[64];
  values[threadIdx.x] = 1;
  out[threadIdx.x] = values[threadIdx.x ^ 32];
}

__global__ void lacks_a_second_barrier(float* out) {
  __shared__ float value;
  for (int i = 0; i < 2; ++i) {
    if (threadIdx.x == 0) value = 1;
    __syncthreads();
    out[threadIdx.x] = value;
  }
}

// Shuffles make lanes wait for each other, but do not order what they write to memory.
__global__ void trusts_a_shuffle(float* out) {
  __shared__ float values[32];
  values[threadIdx.x] = 1;
  const float sum = __shfl_down_sync(0xFFFFFFFF, 1.0F, 1);
  out[threadIdx.x] = sum + values[threadIdx.x ^ 1];
}

__global__ void blocks_add(float* out) {
  out[threadIdx.x] += 1;
}
__global__ void mixes_atomics(float* out) {
  if (blockIdx.x == 0) {
    atomicAdd(out, 1.0F);
  } else {
    *out = 0;
  }
}

TEST_F(SimulatedAccessesDeath, FindsRacesInEveryOrder) {
  using simulator::Order;
  for (const Order order : {Order::forward, Order::backward, Order::random}) {
    simulator::set_schedule(order);
    EXPECT_DEATH(run(1, 64, lacks_a_barrier, memory_),
                 "at .*test_simulated_accesses.cpp.*(a race|has written)");
    EXPECT_DEATH(run(1, 64, lacks_a_second_barrier, memory_), "a race, .* no barrier is between");
    EXPECT_DEATH(run(1, 32, trusts_a_shuffle, memory_), "a race");
    EXPECT_DEATH(run(2, 64, blocks_add, memory_),
                 "of block [01] (reads|writes) 4 bytes .* a race, as thread .* of block [01] "
                 "(reads|writes) it at .*byte [0-9]+ of 1024 bytes.*last kernel.*blocks_add");
    EXPECT_DEATH(run(2, 1, mixes_atomics, memory_), "a race, as .* atomically changes|a race");
  }
}

__global__ void trusts_shared_memory(float* out) {
  __shared__ float values[64];
  if (threadIdx.x > 5) values[threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = values[threadIdx.x];
}
__global__ void overruns_dynamic_memory(float* out) {
  *out = static_cast<float*>(simulator::dynamic_shared())[16];
}

TEST_F(SimulatedAccessesDeath, FindsSharedMemoryThatNobodyWrote) {
  EXPECT_DEATH(run(1, 64, trusts_shared_memory, memory_),
               "that no thread of the block has written");
  EXPECT_DEATH(run(1, 1, overruns_dynamic_memory, memory_), "neither memory of the device");
}

__global__ void overruns_shared_memory(float* out, int index) {
  __shared__ float values[64];
  values[index] = 1;
  *out = values[0];
}

TEST_F(SimulatedAccessesDeath, FindsIndicesOutsideOfSharedArrays) {
  EXPECT_DEATH(run(1, 1, overruns_shared_memory, memory_, 64),
               "the index lies outside of the array at .*test_simulated_accesses.cpp");
}

__global__ void set_float(float* out) {
  *out = 1;
}
__global__ void set_vector(float4* out) {
  *out = make_float4(1, 2, 3, 4);
}

TEST_F(SimulatedAccessesDeath, FindsMemoryThatIsNotTheKernels) {
  float host = 0;
  EXPECT_DEATH(run(1, 1, set_float, memory_ + 256), "outside of its block of memory");
  EXPECT_DEATH(run(1, 1, set_float, memory_ - 1), "neither memory of the device");
  EXPECT_DEATH(run(1, 1, set_float, &host), "neither memory of the device");
  EXPECT_DEATH(run(1, 1, set_float, static_cast<float*>(nullptr)), "neither memory of the device");
  EXPECT_DEATH(run(1, 1, set_vector, reinterpret_cast<float4*>(memory_ + 1)),
               "a misaligned pointer is used at .*test_simulated_accesses.cpp");
  auto* freed = device<float>(1);
  free(freed);
  cudaStreamSynchronize(stream_);
  EXPECT_DEATH(run(1, 1, set_float, freed), "or freed");
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  void* elsewhere = nullptr;
  ASSERT_EQ(cudaMalloc(&elsewhere, 4), cudaSuccess);
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  EXPECT_DEATH(run(1, 1, set_float, static_cast<float*>(elsewhere)), "memory of another device");
  EXPECT_EQ(cudaFree(elsewhere), cudaSuccess);
}

}  // namespace
