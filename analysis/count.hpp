/// @file
/// Counting the work of a function by running it once.
#pragma once

#include <vector>

#include "autograd/transforms.hpp"

namespace sonde {

/// What one run of a function took, counted operation by operation.
struct FunctionCount {
  Vars out;                     ///< the function's results
  std::vector<bool> depend;     ///< whether a result depends on the arguments differentiably
  double flops = 0;             ///< as Primitive::flops counts them
  double bytes = 0;             ///< of all intermediate values: what a linearisation keeps
  std::int64_t operations = 0;  ///< without views
  /// Bytes of an operation's results, the geometric mean: few large ones do not hide many small.
  double typical_bytes = 0;
};
/// Runs f at x. Seen is what depends on x, inside gradients too, fused operations in plain ones
/// as a linearisation records them. Needs the memory of one run, not that of a record.
FunctionCount counted(const Function& f, const Vars& x, Site where = Site::current());

}  // namespace sonde
