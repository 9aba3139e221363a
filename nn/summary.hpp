/// @file
/// What each part of a module is and costs.
#pragma once

#include "nn/module.hpp"

namespace sonde::nn {

/// One module of the tree, with everything below it.
struct SummaryRow {
  std::string path;         ///< empty for the root
  std::string description;  ///< such as "Linear(784, 512)"
  Dims in, out;             ///< shapes of the first call's input and output; rank 0 if never called
  std::int64_t calls = 0;
  std::int64_t parameters = 0;  ///< elements, shared ones counted in each module that holds them
  std::int64_t flops = 0;       ///< of matrix products, convolutions, attention, recurrence
  std::int64_t bytes = 0;       ///< of all results computed within, views left out
};

/// Runs the module on `x` in eval mode and measures each part, parents before children.
std::vector<SummaryRow> summary(const Module& module, const Var& x);
/// The rows as a table.
std::string to_string(const std::vector<SummaryRow>& rows);

}  // namespace sonde::nn
