/// @file
/// Value: what a handle points to. Level 0 is data (tensor/); higher levels are boxes of a
/// transform (autograd/).
#pragma once

#include "tensor/dtype.hpp"
#include "tensor/ref.hpp"

namespace sonde {

enum class ValueKind : std::uint8_t {
  tensor,  ///< data
  ghost,   ///< shape and dtype of something that was not kept
  box      ///< a value inside a transform
};

class Value : public Counted {
 public:
  Value(Spec s, ValueKind k, int l) : spec(s), level(l), kind(k) {}
  const Spec spec;
  const std::int32_t level;  ///< depth of the transform the value belongs to; 0 outside all
  const ValueKind kind;
};

/// A value of which only the spec was kept.
struct Ghost final : Value, Pooled<Ghost> {
  explicit Ghost(const Spec& s) : Value(s, ValueKind::ghost, 0) {}
};

}  // namespace sonde
