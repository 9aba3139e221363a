#include "autograd/fused.hpp"

#include "autograd/bases.hpp"
#include "autograd/transforms.hpp"

namespace sonde {

// --- Decomposable

Vars Decomposable::jvp(const Vars& in, const Vars&, const Vars& tangents) const {
  return sonde::jvp([this](const Vars& x) { return decompose(x); }, in, tangents).tangents;
}

Vars Decomposable::vjp(const Vars& in, const Vars&, const Vars& cotangents, Needs) const {
  return sonde::vjp([this](const Vars& x) { return decompose(x); }, in)
      .pullback.consume(cotangents);
}

// --- Fused

namespace {

// Stands for a value that nobody reads: zeros that take no memory.
Var unread(const Spec& spec) {
  return broadcast_to(Tensor::zeros({}, spec.dtype, spec.device), spec.shape);
}

}  // namespace

Vars Fused::vjp(const Vars& in, const Vars& out, const Vars& cotangents, Needs needs) const {
  Needs wanted{0};
  for (std::size_t i = 0; i < in.size(); ++i)
    if (needs[i] && is_differentiable(in[i].dtype())) wanted.mask |= std::uint64_t{1} << i;
  Vars all = in;
  for (const Var& y : out) all.push_back(y.get()->kind == ValueKind::ghost ? unread(y.spec()) : y);
  for (std::size_t i = 0; i < out.size(); ++i)
    all.push_back(cotangents[i] ? cotangents[i] : unread(out[i].spec()));
  const auto p = make_ref<FusedVjp>(Ref<const Fused>(this), in.size(), out.size(), wanted);
  Vars some = emit(p, std::move(all)), grads;
  for (std::size_t i = 0, k = 0; i < in.size(); ++i)
    grads.push_back(wanted[i] ? std::move(some[k++]) : Var());
  return grads;
}

// --- FusedVjp

FusedVjp::FusedVjp(Ref<const Fused> op, std::size_t inputs, std::size_t outputs, Needs needs)
    : op_(std::move(op)),
      inputs_(inputs),
      outputs_(outputs),
      needs_(needs),
      name_(std::string(op_->name()) + "_vjp") {}

void FusedVjp::infer(std::span<const Var> in, Specs& out) const {
  for (std::size_t i = 0; i < inputs_; ++i)
    if (needs_[i]) out.push_back(in[i].spec());
}

Vars FusedVjp::forward(std::span<Tensor> in, const Specs&) const {
  return op_->backward(in.first(inputs_), in.subspan(inputs_, outputs_),
                       in.subspan(inputs_ + outputs_), needs_);
}

Batched FusedVjp::batch(const Vars& in, std::span<const int> axes, std::int64_t n) const {
  return op_->batch_backward(in, axes, n, needs_);
}

std::int64_t FusedVjp::flops(std::span<const Tensor> in, const Vars&) const {
  Vars out;
  for (const Tensor& t : in.subspan(inputs_, outputs_)) out.push_back(t);
  return op_->backward_flops(in.first(inputs_), out);
}

Vars FusedVjp::decompose(const Vars& in) const {
  Vars x, cotangents;
  for (std::size_t i = 0; i < inputs_; ++i) x.push_back(in[i]);
  for (std::size_t i = inputs_ + outputs_; i < in.size(); ++i) cotangents.push_back(in[i]);
  const Function plain = [this](const Vars& y) { return op_->decompose(y); };
  Vars all = sonde::vjp(plain, x).pullback.consume(cotangents), some;
  for (std::size_t i = 0; i < inputs_; ++i)
    if (needs_[i]) some.push_back(std::move(all[i]));
  return some;
}

}  // namespace sonde
