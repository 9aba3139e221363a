/// @file
/// The stack of active transforms. A box belongs to a transform if level and id agree.
#pragma once

#include "autograd/primitive.hpp"

namespace sonde {

/// What an operation means inside one transform.
class Interpreter {
 public:
  Interpreter(TransformKind kind, std::source_location where) : kind_(kind), where_(where) {}
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;
  virtual ~Interpreter() = default;
  /// Runs `p`; at least one of `in` is a box of this transform, and none is of a higher level.
  virtual Vars process(const PrimitivePtr& p, const Vars& in, std::source_location where) = 0;
  /// Must fused operations be decomposed before they are recorded?
  virtual bool expands() const { return kind_ == TransformKind::jvp; }

  TransformKind kind() const { return kind_; }
  int level() const { return level_; }
  std::uint64_t id() const { return id_; }
  std::source_location where() const { return where_; }

  /// The box behind `v` if it is one of this transform, else null. Error(escaped) for a box of a
  /// finished transform.
  const Box* mine(const Var& v) const;

 protected:
  Ref<Box> new_box(const Spec& spec, Var value) const {
    return make_ref<Box>(spec, level_, id_, kind_, where_, std::move(value));
  }

 private:
  friend class TransformScope;
  TransformKind kind_;
  int level_ = 0;
  std::uint64_t id_ = 0;
  std::source_location where_;
};

/// Makes `it` the innermost transform of this thread for the lifetime of the object.
class TransformScope {
 public:
  explicit TransformScope(Interpreter& it);
  ~TransformScope();
  TransformScope(const TransformScope&) = delete;
  TransformScope& operator=(const TransformScope&) = delete;
};

/// Number of active transforms of this thread.
int transform_depth();
/// The active transform a box belongs to; Error(escaped) if it is finished or of another thread.
Interpreter& owner(const Box& box);

/// While it lives, a box of a level in (low, high] is an Error(closure): it entered a function
/// through its closure instead of as an argument, and its derivative would be lost.
class ClosureBarrier {
 public:
  ClosureBarrier(std::string_view op, int low, int high = transform_depth());
  ~ClosureBarrier();
  ClosureBarrier(const ClosureBarrier&) = delete;
  ClosureBarrier& operator=(const ClosureBarrier&) = delete;

 private:
  friend void check_barriers(const Box& box);
  std::string_view op_;
  int low_, high_;
  ClosureBarrier* outer_;
};
void check_barriers(const Box& box);

/// While it lives, errors inside derivative rules name the user's forward call site instead of the
/// rule's own line.
class RuleSite {
 public:
  explicit RuleSite(std::source_location where);
  ~RuleSite();
  RuleSite(const RuleSite&) = delete;
  RuleSite& operator=(const RuleSite&) = delete;
  /// The site in force, or `where` outside of rules.
  static std::source_location current(std::source_location where);

 private:
  std::source_location where_;
  const RuleSite* outer_;
};

/// Highest level among `vars`.
int max_level(std::span<const Var> vars);

}  // namespace sonde
