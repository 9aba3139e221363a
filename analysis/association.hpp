/// @file
/// How two measured quantities hang together by their ranks. Their regression line: regression.hpp.
#pragma once

#include <span>
#include <vector>

#include "analysis/estimate.hpp"

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
/// The same correlation with a 95 % interval by Fisher's transformation, whose variance is (1 +
/// rho^2 / 2) / (n - 3) (Bonett and Wright, "Sample size requirements for estimating Pearson,
/// Kendall and Spearman correlations", 2000); none below four pairs, nor for a
/// correlation of -1 or 1, where it would have no width. Errors as spearman().
Estimate rank_correlation(std::span<const double> x, std::span<const double> y);
/// Wilcoxon's rank-sum test (Mann and Whitney's U of `a`). Without ties and with a sample of at
/// most 8, p counts all arrangements; else it is normal, with the correction for ties and that for
/// continuity, as SciPy's mannwhitneyu. Error(value) on an empty sample.
RankTest rank_sum(std::span<const double> a, std::span<const double> b);
/// By how much `a` lies above `b`: the median of all differences (Hodges and Lehmann), with the 95
/// % interval of those shifts that rank_sum() does not refuse, as if without ties; so it excludes 0
/// where p < .05. None if both samples are too small to refuse any. n counts the items of both.
/// Error(value) on an empty sample.
Estimate shift(std::span<const double> a, std::span<const double> b);

}  // namespace sonde
