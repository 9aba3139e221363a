// Runs the tests of the CUDA backend on the simulated device, or, with SONDE_TEST_GPU set, on a
// real one. `--schedule=forward`, `backward` or a number: the order in which simulated threads run.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "simulator/simulator.hpp"
#include "tensor/backend.hpp"
#include "tensor/cuda/register.hpp"

namespace {

void set_schedule(std::string_view name) {
  if (name == "forward")
    simulator::set_schedule(simulator::Order::forward);
  else if (name == "backward")
    simulator::set_schedule(simulator::Order::backward);
  else
    simulator::set_schedule(std::strtoull(name.data(), nullptr, 10));
}

// 77 tells CTest that the tests were skipped.
int skip() {
  try {
    sonde::device_info(sonde::to_device("cuda"));
  } catch (const sonde::Error& e) {
    std::printf("SKIPPED, NO GPU: %s\n", e.what());
  }
  return 77;
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  constexpr std::string_view option = "--schedule=";
  for (int i = 1; i < argc; ++i)
    if (std::string_view(argv[i]).starts_with(option)) set_schedule(argv[i] + option.size());
  if (!std::getenv("SONDE_TEST_GPU"))
    sonde_register_cuda();
  else if (sonde::device_count(sonde::DeviceType::cuda) == 0)
    return skip();
  return RUN_ALL_TESTS();
}
