/// @file
/// How operands of different types meet (docs/design.md, "Conventions").
#pragma once

#include "autograd/primitive.hpp"

namespace sonde {

/// The operand as a Var; a bare number becomes an f32 scalar.
Var as_var(Operand x);
/// Both operands as Vars of one dtype: numbers take the other's dtype (an integer tensor beside a
/// fraction becomes f32), integers take the float's, narrower integers the wider's. Error(dtype)
/// for two different float types.
std::pair<Var, Var> promote(Operand a, Operand b, std::string_view op);
/// As f32 if it is an integer or bool.
Var as_float(Var x);

/// The device on which all of `in` lie (empty Vars aside); numbers of the host (rank 0) may stand
/// beside tensors of any device. Error(device).
Device common_device(std::span<const Var> in, std::string_view op);

}  // namespace sonde
