/// @file
/// Batch: vmap. A box carries a value in which one axis holds the lanes.
#pragma once

#include "autograd/interpreter.hpp"

namespace sonde {

class Batch final : public Interpreter {
 public:
  Batch(std::int64_t lanes, std::source_location where)
      : Interpreter(TransformKind::batch, where), lanes_(lanes) {}
  /// A box whose lanes lie along `axis` of `value`; `value` itself if axis is -1.
  Var box(Var value, int axis) const;
  Vars process(const PrimitivePtr& p, const Vars& in, std::source_location where) override;
  std::int64_t lanes() const { return lanes_; }

 private:
  std::int64_t lanes_;
};

}  // namespace sonde
