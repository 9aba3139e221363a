/// @file
/// The least-squares line through points, and whether its slope differs from 0.
#pragma once

#include <span>

#include "analysis/estimate.hpp"

namespace sonde {

struct LinearRegression {
  Estimate slope;  ///< with standard error and Student's t interval; n counts the points
  double intercept = 0;
  double r = 0;  ///< Pearson's correlation; 0 where all y are the same
  double p = 1;  ///< of a slope of 0, two-sided, by Student's t with n - 2 degrees of freedom
};

/// Of the points (x, y), with independent normal errors of one variance in y (Draper and Smith,
/// "Applied Regression Analysis", chapter 1). Error(value) unless there are as many x as y, three
/// or more, not all the same x.
LinearRegression linear_regression(std::span<const double> x, std::span<const double> y);

}  // namespace sonde
