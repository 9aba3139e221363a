/// @file
/// Small-sample statistics: intervals over seeds, proportions, the two-level bootstrap.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "analysis/estimate.hpp"

namespace sonde {

/// Arithmetic mean; Error(value) on an empty sample.
double mean(std::span<const double> sample);
/// Unbiased variance (divisor n - 1); Error(value) on fewer than two items.
double variance(std::span<const double> sample);
/// The p-quantile by linear interpolation between order statistics (Hyndman and Fan's type 7,
/// NumPy's default); Error(value) on an empty sample or p outside [0, 1].
double quantile(std::span<const double> sample, double p);
/// Slope of the least-squares line through the points (x, y): of logarithms, the exponent of a
/// power law. Error(value) unless there are as many x as y, two or more, not all the same x.
double slope(std::span<const double> x, std::span<const double> y);

/// Regularised incomplete beta function I_x(a, b), a, b > 0, x in [0, 1], by Lentz's continued
/// fraction.
double incomplete_beta(double a, double b, double x);
/// Pr(T <= t) for Student's t with `dof` > 0 degrees of freedom.
double student_t_cdf(double t, double dof);
/// The t with student_t_cdf(t, dof) = p; Error(value) unless 0 < p < 1 and dof > 0.
double student_t_quantile(double p, double dof);

/// Mean over independent units (seeds) with Student's t interval. One unit has a mean and no
/// interval.
Estimate mean_over_units(std::span<const double> values, std::int64_t items_each = 1);

/// A statistic of independent units, `whole`, with the interval of the jackknife that leaves out
/// one unit at a time, `without`: Student's t of the pseudo-values n whole - (n - 1) without_i
/// (Tukey 1958; Efron and Tibshirani, "An Introduction to the Bootstrap", chapter 11). For smooth
/// statistics; of a mean it is mean_over_units(). Error(value) if `without` is empty.
Estimate jackknife(double whole, std::span<const double> without);

/// A proportion of `successes` in `trials` (> 0) independent draws: binomial standard error sqrt(p
/// (1 - p) / trials), and Wilson's 95 % interval, which stays honest at p = 0 and p = 1.
Estimate proportion(std::int64_t successes, std::int64_t trials);

/// One unit's items: the mean sensitivities of a seed's images, say.
using Sample = std::vector<double>;

/// Mean over units of the means over their items, with the 95 % percentile interval of the
/// two-level bootstrap: each replicate draws the units with replacement, then the items of each
/// drawn unit. With one unit only the items are drawn, so that the interval covers the items and
/// not the seeds (the Estimate says n = 1). A pure function of its arguments. Error(value) if a
/// unit is empty.
Estimate bootstrap_mean(std::span<const Sample> units, std::uint64_t seed, int replicates = 2000);

}  // namespace sonde
