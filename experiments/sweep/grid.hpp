/// @file
/// The file of a sweep: which values of which options.
#pragma once

#include <string>
#include <vector>

#include "experiments/common/json.hpp"

namespace sonde::experiments {

/// One configuration: options by name, without their dashes.
using Configuration = Json;

/// All configurations of a sweep's file, in order. The file is an object with these keys, all
/// optional:
///
/// - "experiment": the program the file is for;
/// - "fixed": options that all have in common;
/// - "grid": options with lists of values, of which every combination is taken; the last option
///   changes fastest;
/// - "random": options with a distribution each, {"uniform": [low, high]}, {"log-uniform": [low,
///   high]}, {"integers": [low, high]} (both taken) or {"choice": [values]}; with "draws", their
///   number, and "seed" (0). Each combination of the grid meets the same draws. A draw is a
///   function of seed, option and its number alone: more draws, or another option, change none;
/// - "blocks": in place of grid and random, a list of such objects with their own fixed options,
///   for parts that differ.
///
/// Error(usage), naming `what` and the key, if it is anything else.
std::vector<Configuration> configurations(const Json& file, const std::string& what);

}  // namespace sonde::experiments
