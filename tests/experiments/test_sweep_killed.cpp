// Sweeps killed at random moments, twenty times: no finished run is lost or repeated.
#include "sweep_kills.hpp"

namespace sonde::experiments {
namespace {

TEST(SweepKilled, TwentyTimesAtRandomMoments) {
  kill_at_random(20);
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  return sonde::experiments::main_with_toys(argc, argv);
}
