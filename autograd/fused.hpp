/// @file
/// Fused operations: a fast forward, a fast vjp, and a decomposition in plain operations for
/// everything else.
///
/// emit keeps a fused operation whole while its inputs' boxes hold at most one reverse transform
/// and any number of vmaps; under jvp, a second reverse or a retained linearisation it is
/// decomposed before anything is recorded.
#pragma once

#include "autograd/primitive.hpp"

namespace sonde {

/// An operation whose rules of every order follow from `decompose`.
class Decomposable : public Primitive {
 public:
  Vars decompose(const Vars& in) const override = 0;
  Vars jvp(const Vars& in, const Vars& out, const Vars& tangents) const override;
  Vars vjp(const Vars& in, const Vars& out, const Vars& cotangents, Needs needs) const override;
};

/// A fused operation. Its vjp is FusedVjp, one primitive that runs `backward`; subclasses give no
/// derivative beyond it.
class Fused : public Decomposable {
 public:
  int max_reverse() const override { return 1; }
  Vars vjp(const Vars& in, const Vars& out, const Vars& cotangents, Needs needs) const override;

  /// Cotangents of the inputs that `needs` names, in order, by kernel. No cotangent is missing.
  virtual Vars backward(std::span<const Tensor> in, std::span<const Tensor> out,
                        std::span<const Tensor> cotangents, Needs needs) const = 0;
  /// Floating-point operations of `backward`, as flops() counts them.
  virtual std::int64_t backward_flops(std::span<const Tensor> in, const Vars& out) const {
    return 2 * flops(in, out);
  }
  /// `backward` on n lanes: the values of in, out and cotangents in one list, as FusedVjp has them.
  virtual Batched batch_backward(const Vars& all, std::span<const int> axes, std::int64_t n,
                                 Needs needs) const = 0;
};

/// The vjp of a fused operation as a primitive: (in..., out..., cotangents...) -> the cotangents
/// needed. Its own decomposition is the vjp of the operation's.
class FusedVjp final : public Decomposable {
 public:
  FusedVjp(Ref<const Fused> op, std::size_t inputs, std::size_t outputs, Needs needs);
  std::string_view name() const override { return name_; }
  void infer(std::span<const Var> in, Specs& out) const override;
  Vars forward(std::span<Tensor> in, const Specs& out) const override;
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override;
  Vars decompose(const Vars& in) const override;
  int max_reverse() const override { return 0; }
  std::int64_t flops(std::span<const Tensor> in, const Vars& out) const override;

 private:
  Ref<const Fused> op_;
  std::size_t inputs_, outputs_;
  Needs needs_;
  std::string name_;
};

}  // namespace sonde
