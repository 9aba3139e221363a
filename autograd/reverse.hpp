/// @file
/// Reverse: reverse mode. Operations are recorded on a Tape in order of creation; the sweep walks
/// it backwards.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "autograd/interpreter.hpp"

namespace sonde {

/// Who made an input: output `output` of node `node`; -1 for a constant.
struct Parent {
  std::int32_t node = -1, output = 0;
};

/// One recorded operation. A leaf (an input of the function) has no primitive.
struct Node {
  PrimitivePtr primitive;
  Vars in, out;
  SmallVector<Parent, 4> parents;
  SmallVector<std::uint32_t, 6> versions;  ///< of the storages behind in and out, when recorded
  std::source_location where;
};

/// The record of one run of a function.
class Tape {
 public:
  std::int32_t add(Node node);
  std::size_t size() const { return nodes_.size(); }
  const Node& operator[](std::size_t i) const { return nodes_[i]; }

  /// Cotangents of the first `leaves` nodes, given those of some outputs. With `release`, saved
  /// values are freed as the sweep passes, and the tape is spent.
  Vars sweep(std::span<const Parent> outputs, const Vars& cotangents, std::size_t leaves,
             bool release);
  /// Tangents of `outputs`, given those of the leaves: replays the jvp rules (needs a tape that
  /// kept everything).
  Vars replay(std::span<const Parent> outputs, const Vars& tangents) const;

 private:
  std::deque<Node> nodes_;
};

/// Throws Error(stale) if a tensor saved in `node` was modified since.
void check_versions(const Node& node);

class Reverse final : public Interpreter {
 public:
  /// With `keep_all`, fused operations are decomposed and every value is kept, for repeated use in
  /// both directions.
  explicit Reverse(std::source_location where, bool keep_all = false)
      : Interpreter(TransformKind::reverse, where),
        tape_(std::make_shared<Tape>()),
        keep_all_(keep_all) {}
  /// The box of a new leaf; `value` itself if it cannot carry a derivative.
  Var leaf(Var value);
  Vars process(const PrimitivePtr& p, const Vars& in, std::source_location where) override;
  bool expands() const override { return keep_all_; }
  const std::shared_ptr<Tape>& tape() const { return tape_; }

 private:
  Var box(Var value, std::int32_t node, std::int32_t output) const;
  std::shared_ptr<Tape> tape_;
  bool keep_all_;
};

}  // namespace sonde
