/// @file
/// The quotient of two means.
#pragma once

#include <span>

#include "analysis/estimate.hpp"

namespace sonde {

/// mean(over) / mean(under) of paired items, with Fieller's 95 % interval ("Some problems in
/// interval estimation", 1954): the r for which the mean of over - r under does not differ from 0
/// by Student's t. For normal items it covers the quotient of the expectations 95 times in 100,
/// which an interval of the items' own quotients, whose means need not exist, does not. There is no
/// interval where mean(under) itself does not differ from 0. Error(value) unless there are as many
/// of both, some, and mean(under) is not 0.
Estimate ratio_of_means(std::span<const double> over, std::span<const double> under);

}  // namespace sonde
