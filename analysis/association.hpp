/// @file
/// How two measured quantities hang together by their ranks. Their regression line: regression.hpp.
#pragma once

#include <span>
#include <vector>

namespace sonde {

/// Ranks from 1; equal items share the mean of theirs.
std::vector<double> ranks(std::span<const double> sample);

/// A statistic and the two-sided p-value of there being no association.
struct RankTest {
  double statistic = 0, p = 1;
};
/// Spearman's rank correlation, ties as ranks() has them; p from Student's t with n - 2 degrees, as
/// in SciPy. Error(value) unless there are as many x as y, three or more, neither all the same.
RankTest spearman(std::span<const double> x, std::span<const double> y);
/// Wilcoxon's rank-sum test (Mann and Whitney's U of `a`). Without ties and with a sample of at
/// most 8, p counts all arrangements; else it is normal, with the correction for ties and that for
/// continuity, as SciPy's mannwhitneyu. Error(value) on an empty sample.
RankTest rank_sum(std::span<const double> a, std::span<const double> b);

}  // namespace sonde
