// The studies of ntk_boolean: spectra against the kernel itself, verdicts of known courses, and a
// network that learns.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "analysis/boolean.hpp"
#include "analysis/ntk.hpp"
#include "autograd/ops.hpp"
#include "experiments/cube/programs.hpp"
#include "experiments/cube/study.hpp"
#include "program_run.hpp"

namespace sonde::experiments {
namespace {

// The eigenvalues' sum is the kernel's trace: of each degree as many as it has monomials.
TEST(DegreeSpectra, SumToTheKernelsTrace) {
  constexpr int bits = 4;
  constexpr double points = 1 << bits, monomials[] = {1, 4, 6, 4, 1};
  for (const std::string& name : cube_network_names()) {
    const CubeSubject s{name, {.bits = bits, .width = 4, .group = 2}};
    const std::vector<double> spectrum = degree_spectrum(s, 4);
    ASSERT_EQ(spectrum.size(), bits + 1u);
    const auto net = cube_network(name, s.options, {4, 1});
    net->convert(DType::f64);
    const ParameterPoint at(*net);
    const Tensor kernel = ntk(rows_of(at), at, cube_points(bits).to(DType::f64), {.trace = true});
    double total = 0;
    for (std::size_t k = 0; k <= bits; ++k) total += monomials[k] * spectrum[k];
    EXPECT_NEAR(total / (sum(diagonal(Var(kernel))).item() / points), 1, 1e-12) << name;
  }
}

TEST(CubeNetworks, RefuseWhatDoesNotFit) {
  EXPECT_THROW(cube_network("softmax", {.bits = 10, .group = 3}, {1, 1}), Error);
  EXPECT_THROW(cube_network("none", {}, {1, 1}), Error);
  EXPECT_THROW(MonomialTraining({"mlp", {.bits = 8}}, {}, 1), Error);
}

TEST(WeakBias, HoldsUpToTwoErrors) {
  const CubeSubject s{"linear-attention"};
  const auto verdict = [&](double last) {
    return weak_bias_claim(s,
                           {{4, 3, 2, 1, last}, {4.1, 3, 2.1, 1.1, last + 0.1}, {4, 3, 2, 1, last}})
        .verdict;
  };
  EXPECT_EQ(verdict(1), Verdict::reproduced);
  EXPECT_EQ(verdict(2), Verdict::reproduced);
  EXPECT_EQ(verdict(3), Verdict::not_reproduced);
  EXPECT_EQ(weak_bias_claim(s, {{4, 3, 2, 1, 1}}).verdict, Verdict::inconclusive);
}

// Coefficients that reach 1 at these epochs; -1: never.
Coefficients course(std::array<int, greatest_degree> epochs) {
  Coefficients out;
  for (int e = 0; e < 10; ++e) {
    out.emplace_back();
    for (std::size_t k = 0; k < greatest_degree; ++k)
      out.back()[k] = epochs[k] >= 0 && e >= epochs[k] ? 0.9 : 0.1;
  }
  return out;
}

TEST(Order, OfKnownCourses) {
  const CubeSubject s{"softmax"};
  const auto verdict = [&](const std::vector<Coefficients>& courses) {
    return order_claim(s, courses).verdict;
  };
  EXPECT_EQ(learnt_at(course({1, 4, -1, 9}), 2), 4);
  EXPECT_EQ(learnt_at(course({1, 4, -1, 9}), 3), -1);
  EXPECT_EQ(verdict({course({1, 2, 5, 8}), course({0, 1, 2, 3})}), Verdict::reproduced);
  EXPECT_EQ(verdict({course({1, 2, 5, 8}), course({1, 2, 5, -1})}), Verdict::inconclusive);
  EXPECT_EQ(verdict({course({1, 2, 5, 8}), course({1, 2, -1, 8})}), Verdict::not_reproduced);
  EXPECT_EQ(verdict({course({1, 5, 5, 8})}), Verdict::not_reproduced);
  EXPECT_EQ(verdict({course({2, 1, 5, -1})}), Verdict::not_reproduced);
}

Coefficients learnt(const CubeSubject& s, const LearningOptions& o, std::uint64_t seed) {
  MonomialTraining training(s, o, seed);
  while (!training.over()) training.epoch();
  return training.course();
}

TEST(MonomialTraining, FindsTheFirstAndMovesTowardsIt) {
  const CubeSubject s{"mlp", {.width = 16}};
  const Coefficients found = learnt(s, {.epochs = 40, .batch = 64, .lr = 0.003}, 1);
  ASSERT_EQ(found.size(), 41u);
  EXPECT_LT(std::abs(found.front()[0]), 0.5);
  EXPECT_GT(learnt_at(found, 1), 0);
  EXPECT_LT(learnt_at(found, 1), learnt_at(found, 4));
  // The same again, and from another seed something else.
  EXPECT_EQ(learnt(s, {.epochs = 2, .lr = 0.003}, 1)[2], found[2]);
  EXPECT_NE(learnt(s, {.epochs = 2, .lr = 0.003}, 2)[2], found[2]);
}

TEST(MonomialTraining, GoesOnToTheSameBits) {
  const CubeSubject s{"softmax", {.width = 4, .group = 2}};
  const LearningOptions o{.epochs = 3};
  MonomialTraining first(s, o, 5);
  first.epoch();
  Checkpoint state;
  first.save(state);
  MonomialTraining second(s, o, 5);
  second.restore(state);
  while (!second.over()) second.epoch();
  EXPECT_EQ(second.course(), learnt(s, o, 5));
  EXPECT_THROW(second.restore(Checkpoint{}), Error);
}

TEST(MonomialTraining, TellsWhenItDiverges) {
  MonomialTraining training({"mlp", {.width = 4}}, {.epochs = 5, .lr = 1e30}, 1);
  EXPECT_THROW(while (!training.over()) training.epoch(), Error);
}

// Worlds by number, in which 1,000 studies are simulated.
double uniform(std::uint64_t world, std::uint64_t& count) {
  return philox::unit(philox::bits({world, 0x6e746b}, count++));
}
double normal(std::uint64_t world, std::uint64_t& count) {
  const double u = 1 - uniform(world, count);
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * uniform(world, count));
}
constexpr int worlds = 1000;

// Seeds' spectra about one mean for each degree, with a standard deviation of 5 %.
DegreeSpectra spectra_about(const std::vector<double>& means, std::uint64_t world,
                            std::uint64_t& count) {
  DegreeSpectra out(10, means);
  for (std::vector<double>& mu : out)
    for (double& v : mu) v *= 1 + 0.05 * normal(world, count);
  return out;
}

// Equal eigenvalues do not increase: they are no world without the effect. That is a kernel whose
// preferences have nothing to do with the degree, or one of which a single eigenvalue rises.
TEST(WeakBias, IsRarelyFoundWhereItIsNot) {
  int by_chance = 0, rising = 0;
  for (std::uint64_t world = 0; world < worlds; ++world) {
    std::uint64_t count = 0;
    std::vector<double> means(11), falling(11);
    for (double& v : means) v = std::exp(normal(world, count));
    for (std::size_t k = 0; k < falling.size(); ++k)
      falling[k] = std::pow(0.5, static_cast<double>(k));
    // Four standard errors of a difference of two means over ten seeds.
    falling[6] = falling[4] * (1 + 4 * 0.05 * std::sqrt(2.0 / 10));
    const CubeSubject s{"linear-attention"};
    const auto found = [&](const std::vector<double>& of) {
      return weak_bias_claim(s, spectra_about(of, world, count)).verdict == Verdict::reproduced;
    };
    by_chance += found(means);
    rising += found(falling);
  }
  EXPECT_LE(by_chance, worlds / 20);
  EXPECT_LE(rising, worlds / 20);
}

// Without the effect the four degrees are learnt in any order.
TEST(Order, IsRarelyFoundWhereItIsNot) {
  for (const std::size_t repetitions : {1, 3}) {
    int found = 0;
    for (std::uint64_t world = 0; world < worlds; ++world) {
      std::uint64_t count = 0;
      std::vector<Coefficients> courses;
      for (std::size_t r = 0; r < repetitions; ++r) {
        std::array<int, greatest_degree> epochs;
        for (int& e : epochs) e = static_cast<int>(10 * uniform(world, count));
        courses.push_back(course(epochs));
      }
      found += order_claim({"softmax"}, courses).verdict == Verdict::reproduced;
    }
    EXPECT_LE(found, worlds / 20) << repetitions;
  }
}

TEST(NtkBoolean, KilledAtEachCheckpointItResumesToTheSameBits) {
  expect_resumes(
      ntk_boolean, "ntk_boolean",
      {"--seeds", "2", "--courses", "1", "--width", "4", "--epochs", "5", "--threads", "2"}, 3);
}

TEST(NtkBoolean, BadOptionsAreToldInALine) {
  expect_told(run_program_with(ntk_boolean, {"--bits", "9"}), 2, {"--bits", "10"});
  TempFolder folder;
  expect_told(run_program_with(ntk_boolean, {"--bits", "11", "--quiet", "--out", folder / "odd"}),
              2, {"--bits"});
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  return sonde::experiments::programs_or_tests(argc, argv,
                                               {{"ntk_boolean", sonde::experiments::ntk_boolean}});
}
