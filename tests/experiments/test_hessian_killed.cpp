// The programs on attention's Hessian, killed after each of their checkpoints and resumed.
#include <gtest/gtest.h>

#include "experiments/hessian/programs.hpp"
#include "program_run.hpp"

namespace sonde::experiments {
namespace {

TEST(HessianHeterogeneity, KilledAtEachCheckpointItResumesToTheSameBits) {
  expect_resumes(hessian_heterogeneity, "hessian_heterogeneity",
                 {"--studies", "blocks", "contrast", "training", "--width", "4", "--sequences", "2",
                  "--seeds", "1", "--last-step", "30", "--cells", "8", "--threads", "2"},
                 6);
}

TEST(HessianGrowth, KilledAtEachCheckpointItResumesToTheSameBits) {
  expect_resumes(hessian_growth, "hessian_growth",
                 {"--quick", "--studies", "exact", "mlp", "--threads", "1"}, 12);
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  using namespace sonde::experiments;
  return programs_or_tests(
      argc, argv,
      {{"hessian_heterogeneity", hessian_heterogeneity}, {"hessian_growth", hessian_growth}});
}
