// Whether the errors that an estimate reports are true.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "analysis/statistics.hpp"
#include "tensor/philox.hpp"

namespace sonde::testing {

/// Over 100 seeds: at least 95 estimates lie within three of their errors of the truth, and the
/// mean error is within a factor 2 of the spread.
template <class F>
void expect_honest(double truth, F estimate) {
  std::vector<double> values, errors;
  int held = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Estimate e = estimate(philox::Key{.k0 = seed});
    held += std::abs(e.value - truth) <= 3 * *e.std_error;
    values.push_back(e.value);
    errors.push_back(*e.std_error);
  }
  EXPECT_GE(held, 95);
  const double ratio = mean(errors) / std::sqrt(variance(values));
  EXPECT_GT(ratio, 0.5);
  EXPECT_LT(ratio, 2);
}

}  // namespace sonde::testing
