// The estimators on the exact blocks that hessian_heterogeneity measures, and on the whole matrix,
// at the study's size: queries, values, all 3836 parameters of the transformer.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "analysis/lanczos.hpp"
#include "analysis/norms.hpp"
#include "analysis/slq.hpp"
#include "analysis/trace.hpp"
#include "autograd/ops.hpp"
#include "experiments/hessian/heterogeneity.hpp"

namespace sonde::experiments {
namespace {

// The map as Lanczos wants it, symmetric to the last bit, and what is true of it.
struct Subject {
  explicit Subject(const Tensor& a)
      : map(matrix_map(((Var(a) + transpose(a)) * 0.5).tensor())),
        size(a.size(0)),
        trace(sum(diagonal(Var(a))).item()),
        squares(sum(square(Var(a))).item()),
        values(eigh(a).values.tensor().to_vector<double>()) {}
  LinearMap map;
  std::int64_t size;
  double trace, squares;
  std::vector<double> values;
};

const Subject& subject(const std::string& block) {
  static const WholeHessian whole = whole_hessian({}, 1, [](double) {});
  static std::map<std::string, Subject> all;
  if (const auto found = all.find(block); found != all.end()) return found->second;
  if (block == "whole") return all.emplace(block, whole.matrix).first->second;
  std::int64_t begin = 0;
  for (const auto& [name, size] : whole.blocks) {
    if (name.ends_with(block)) {
      const Tensor part = whole.matrix.slice(0, begin, begin + size).slice(1, begin, begin + size);
      return all.emplace(block, part).first->second;
    }
    begin += size;
  }
  throw std::logic_error("no block " + block);
}

class OnBlocks : public ::testing::TestWithParam<const char*> {
 protected:
  const Subject& s_ = subject(GetParam());
};

double frobenius_by(const Subject& s, std::int64_t vectors, std::uint64_t key) {
  return std::sqrt(squared_frobenius_norm(s.map, {.products = vectors, .key = {key, 9}}).value /
                   s.squares);
}

TEST_P(OnBlocks, TwentyVectorsGiveTheFrobeniusNormToAQuarter) {
  EXPECT_NEAR(frobenius_by(s_, 20, 1), 1, 0.25);
}

// The mean of ten estimates of 200 vectors each: a block of 256 has no 2000 directions, and would
// be taken exactly.
TEST_P(OnBlocks, TwoThousandGiveItToThreePercent) {
  double squares = 0;
  for (std::uint64_t key = 0; key < 10; ++key) squares += std::pow(frobenius_by(s_, 200, key), 2);
  EXPECT_NEAR(std::sqrt(squares / 10), 1, 0.03);
}

TEST_P(OnBlocks, Traces) {
  EXPECT_NEAR(exact_trace(s_.map), s_.trace, 1e-10 * std::abs(s_.trace));
  const Sampling o{.products = 100, .key = {3, 9}};
  for (const Estimate& e :
       {hutchinson_trace(s_.map, o), hutch_pp_trace(s_.map, o), xtrace(s_.map, o)})
    EXPECT_LE(std::abs(e.value - s_.trace), 3 * *e.std_error);
}

// Each relative to itself. But the value block has no functional part, so that its least eigenvalue
// is 0 or nearly: that one relative to the norm.
TEST_P(OnBlocks, ExtremesOfTheSpectrum) {
  const Spectrum found = lanczos(s_.map, {.largest = 1, .smallest = 1});
  const double least = s_.values.front(), greatest = s_.values.back();
  const bool semidefinite = GetParam() == std::string("W_V");
  EXPECT_EQ(least < -1e-3 * greatest, !semidefinite);
  EXPECT_NEAR(found.largest.values[0], greatest, 1e-8 * greatest);
  EXPECT_NEAR(found.smallest.values[0], least, 1e-8 * (semidefinite ? greatest : -least));
}

TEST_P(OnBlocks, SpectralDensity) {
  const Slq slq(s_.map, {.probes = 20, .steps = 60, .key = {4, 9}});
  for (const Quadrature& q : slq.probes())
    EXPECT_NEAR(std::accumulate(q.weights.begin(), q.weights.end(), 0.0), 1, 1e-12);
  const Estimate first = slq.moment(1), second = slq.moment(2);
  const auto n = static_cast<double>(s_.size);
  EXPECT_LE(std::abs(first.value - s_.trace / n), 3 * *first.std_error);
  EXPECT_LE(std::abs(second.value - s_.squares / n), 3 * *second.std_error);
}

INSTANTIATE_TEST_SUITE_P(Blocks, OnBlocks, ::testing::Values("W_Q", "W_V", "whole"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace sonde::experiments
