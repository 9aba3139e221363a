// How often a 95 % interval holds the truth, where the truth is known.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>

#include "analysis/statistics.hpp"
#include "promise_figure.hpp"

namespace sonde {
namespace {

constexpr int repeats = 2000;

// Random numbers that are the same with every standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : bits_(seed) {}
  double uniform() { return (static_cast<double>(bits_() >> 11) + 0.5) * 0x1p-53; }
  double normal() {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }
  std::int64_t binomial(std::int64_t trials, double p) {
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < trials; ++i) count += uniform() < p;
    return count;
  }

 private:
  std::mt19937_64 bits_;
};

// Share of the repeats whose interval holds the truth; `draw` makes one estimate.
template <class Draw>
double coverage(const char* what, double truth, Draw draw) {
  Random random(20240607);
  int covered = 0;
  for (int r = 0; r < repeats; ++r) {
    const Estimate e = draw(random, static_cast<std::uint64_t>(r));
    covered += e.ci95->low <= truth && truth <= e.ci95->high;
  }
  const double share = static_cast<double>(covered) / repeats;
  promise_figure("{}: {:.1f} % of {}", what, 100 * share, repeats);
  return share;
}

void expect_honest(double share) {
  EXPECT_GE(share, 0.93);
  EXPECT_LE(share, 0.97);
}

TEST(Coverage, OfStudentsIntervalOverSeeds) {
  for (int seeds : {3, 5, 10})
    expect_honest(coverage(fmt::format("t, {} seeds", seeds).c_str(), 0.3,
                           [&](Random& random, std::uint64_t) {
                             Sample s;
                             for (int i = 0; i < seeds; ++i)
                               s.push_back(0.3 + 0.05 * random.normal());
                             return mean_over_units(s);
                           }));
}

TEST(Coverage, OfWilsonsIntervalOfAProportion) {
  for (double p : {0.02, 0.1, 0.5})
    expect_honest(coverage(
        fmt::format("Wilson, p = {}", p).c_str(), p,
        [&](Random& random, std::uint64_t) { return proportion(random.binomial(1000, p), 1000); }));
}

// Images differ in how often they flip; the trials of one image share its probability u^2, whose
// mean is 1/3.
Sample flip_shares(Random& random, int images, double shift = 0) {
  constexpr std::int64_t trials = 10;
  Sample shares;
  for (int i = 0; i < images; ++i) {
    const double p = std::pow(random.uniform(), 2);
    shares.push_back(static_cast<double>(random.binomial(trials, p)) / trials + shift);
  }
  return shares;
}

TEST(Coverage, OfTheBootstrapOverImages) {
  expect_honest(
      coverage("bootstrap over 100 images", 1.0 / 3, [](Random& random, std::uint64_t seed) {
        const Sample shares = flip_shares(random, 100);
        return bootstrap_mean({&shares, 1}, seed, 500);
      }));
}

// Seeds differ more than chance over a seed's images would make them.
TEST(Coverage, OfTheTwoLevelBootstrap) {
  expect_honest(coverage("two-level bootstrap, 30 seeds of 20 images", 1.0 / 3,
                         [](Random& random, std::uint64_t seed) {
                           std::vector<Sample> units;
                           for (int u = 0; u < 30; ++u)
                             units.push_back(flip_shares(random, 20, 0.3 * random.normal()));
                           return bootstrap_mean(units, seed, 300);
                         }));
}

}  // namespace
}  // namespace sonde
