/// @file
/// Jvp: forward mode. A box carries a value and its tangent.
#pragma once

#include "autograd/interpreter.hpp"

namespace sonde {

class Jvp final : public Interpreter {
 public:
  explicit Jvp(std::source_location where) : Interpreter(TransformKind::jvp, where) {}
  /// A box with this tangent; `value` itself if the tangent is zero (empty).
  Var box(Var value, Var tangent) const;
  Vars process(const PrimitivePtr& p, const Vars& in, std::source_location where) override;
};

}  // namespace sonde
