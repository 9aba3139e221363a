/// @file
/// Reductions. `axes` may be negative; an empty list means all axes.
#pragma once

#include "autograd/primitive.hpp"

namespace sonde {

/// Sum over `axes`. Integers and bool sum in i64.
Var sum(Operand x, const Dims& axes = {}, bool keepdim = false);

}  // namespace sonde
