// What the simulator's own tests share: a stream and what they do with it.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "simulator/simulator.hpp"

/// A stream and what the tests do with it. The simulator is put back as it was at the start.
class Simulator : public testing::Test {
 protected:
  Simulator() {
    EXPECT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess);
  }
  ~Simulator() override {
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(cudaStreamDestroy(stream_), cudaSuccess);
    simulator::set_schedule(1);
    cudaGetLastError();
  }

  template <class T>
  T* device(std::size_t count) {
    void* memory = nullptr;
    EXPECT_EQ(cudaMallocAsync(&memory, count * sizeof(T), stream_), cudaSuccess);
    return static_cast<T*>(memory);
  }
  template <class T>
  T* pinned(std::size_t count) {
    void* memory = nullptr;
    EXPECT_EQ(cudaMallocHost(&memory, count * sizeof(T)), cudaSuccess);
    return static_cast<T*>(memory);
  }
  template <class T>
  T* upload(const std::vector<T>& values) {
    T* memory = device<T>(values.size());
    EXPECT_EQ(cudaMemcpyAsync(memory, values.data(), values.size() * sizeof(T),
                              cudaMemcpyHostToDevice, stream_),
              cudaSuccess);
    return memory;
  }
  template <class T>
  std::vector<T> download(const T* memory, std::size_t count) {
    std::vector<T> values(count);
    EXPECT_EQ(
        cudaMemcpyAsync(values.data(), memory, count * sizeof(T), cudaMemcpyDeviceToHost, stream_),
        cudaSuccess);
    return values;
  }
  void free(void* memory) { EXPECT_EQ(cudaFreeAsync(memory, stream_), cudaSuccess); }

  template <class... Parameters, class... Arguments>
  cudaError_t launch(dim3 grid, dim3 block, void (*kernel)(Parameters...), Arguments... arguments) {
    return launch_shared(grid, block, 0, kernel, arguments...);
  }
  template <class... Parameters, class... Arguments>
  cudaError_t launch_shared(dim3 grid, dim3 block, std::size_t shared,
                            void (*kernel)(Parameters...), Arguments... arguments) {
    const cudaLaunchConfig_t config{grid, block, shared, stream_, nullptr, 0};
    return cudaLaunchKernelEx(&config, kernel, arguments...);
  }

  cudaStream_t stream_ = nullptr;
};
