// Failures of the runtime, which the simulated device can be told to have.
#include "autograd/ops.hpp"
#include "simulator/simulator.hpp"
#include "tensor/backend.hpp"
#include "tests/cuda/both.hpp"

namespace sonde::testing {
namespace {

void expect_words(const std::string& message, std::initializer_list<const char*> words) {
  for (const char* word : words)
    EXPECT_NE(message.find(word), std::string::npos) << "'" << word << "' is not in: " << message;
}

TEST(CudaFailures, AFailedLaunchNamesOpAndShapes) {
  const Var x = Tensor::ones({3, 4}, DType::f32, gpu);
  mul(x, x);                                        // kernels are registered, the stream is made
  simulator::fail_next(cudaErrorLaunchFailure, 1);  // the result's memory is had
  const std::string message = message_of([&] { mul(x, x); });
  expect_words(message, {"S1051", "mul", "cudaErrorLaunchFailure", "f32[3,4]@cuda:0",
                         "test_cuda_failures.cpp"});
  EXPECT_EQ(mul(x, 2.0).tensor().at({2, 3}), 2) << "all is usable as before";
}

TEST(CudaFailures, OutOfMemorySaysWhatWasAskedAndHeld) {
  const Tensor held = Tensor::empty({1 << 20}, DType::u8, gpu);
  simulator::set_memory(std::size_t{64} << 20);
  const std::string message = message_of([] { Tensor::zeros({1 << 27}, DType::u8, gpu); });
  simulator::set_memory(std::size_t{4} << 30);
  expect_words(message, {"S1050", "out of memory", "134217728 bytes asked", "held by tensors",
                         "cached", "free"});
  EXPECT_EQ(Tensor::zeros({1 << 20}, DType::u8, gpu).at({5}), 0);
}

// A full pool whose blocks are free only once other work is done: waited for, then had.
TEST(CudaFailures, MemoryThatIsBeingFreedIsWaitedFor) {
  synchronize(gpu);
  empty_cache(gpu);
  simulator::set_memory(std::size_t{64} << 20);
  for (int i = 0; i < 8; ++i) Tensor::zeros({40 << 20}, DType::u8, gpu);
  simulator::set_memory(std::size_t{4} << 30);
}

TEST(CudaFailures, OperandsOfTwoDevicesAreRefused) {
  const Var here = Tensor::ones({3}), there = Tensor::ones({3}, DType::f32, gpu);
  expect_words(message_of([&] { add(here, there); }), {"S1003", "add", "f32[3]", "cuda:0"});
  EXPECT_EQ(add(there, Tensor::scalar(2)).tensor().at({1}), 3) << "a number may stand beside them";
}

}  // namespace
}  // namespace sonde::testing
