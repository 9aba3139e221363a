// Runs the tests of the CUDA backend on the simulated device, or, with SONDE_TEST_GPU set, on a
// real one.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "tensor/backend.hpp"
#include "tensor/cuda/register.hpp"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (!std::getenv("SONDE_TEST_GPU")) {
    sonde_register_cuda();
  } else if (sonde::device_count(sonde::DeviceType::cuda) == 0) {
    try {
      sonde::device_info(sonde::to_device("cuda"));
    } catch (const sonde::Error& e) {
      std::printf("SKIPPED, NO GPU: %s\n", e.what());
    }
    return 77;
  }
  return RUN_ALL_TESTS();
}
