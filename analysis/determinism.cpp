#include "analysis/determinism.hpp"

#include <algorithm>

#include "autograd/ops.hpp"

namespace sonde {
namespace {

using Cause = NondeterminismCause;

std::string_view sentence(Cause cause) {
  switch (cause) {
    case Cause::data:
      return "the batch differs from one call to the next: take the data in a fixed order, without "
             "augmentation.";
    case Cause::dropout:
      return "random layers (dropout) draw other numbers each time, or have no key: use eval mode, "
             "or one key for all calls.";
    case Cause::batch_norm:
      return "batch norm is in training mode, so that the loss depends on which samples meet in a "
             "batch and buffers change: use eval mode.";
    case Cause::unknown:
      return "the same batch in the same mode and with the same key gives other numbers: the loss "
             "itself keeps state or draws numbers without the Context's key.";
  }
  return {};
}

bool same(const Var& a, const Var& b) {
  if (!(a.spec() == b.spec())) return false;
  const Var both_nan = is_differentiable(a.dtype()) ? logical_and(isnan(a), isnan(b)) : eq(0.0, a);
  return all(is_differentiable(a.dtype()) ? logical_or(eq(a, b), both_nan) : eq(a, b)).item() != 0;
}

bool same(const Vars& a, const Vars& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!same(a[i], b[i])) return false;
  return true;
}

// The versions of the module's buffers.
std::vector<std::uint32_t> buffer_versions(const nn::Module& module) {
  std::vector<std::uint32_t> versions;
  for (const nn::NamedEntry& e : module.named_buffers())
    versions.push_back(e.handle->value.storage().version());
  return versions;
}

class Check {
 public:
  Check(const ParameterPoint& at, const LossRun& run) : at_(at), run_(run) {
    for (std::size_t i = 0; i < at.values.size(); ++i) {
      const Var& p = at.values[i];
      const Var key = fold_in(random_key(0).to(p.device()), static_cast<std::int64_t>(i));
      direction_.push_back(normal(key, p.shape(), 0, 1, p.dtype()));
    }
  }

  std::vector<Cause> causes() {
    const auto buffers = buffer_versions(at_.module());
    const Vars batch = run_.batch();
    const nn::CallOptions call = options();
    try {
      const Vars first = computed(batch, call);
      if (buffer_versions(at_.module()) != buffers) return {Cause::batch_norm};
      if (const Vars again = run_.batch(); !same(batch, again))
        return updates_ ? std::vector{Cause::data, Cause::batch_norm} : std::vector{Cause::data};
      if (same(first, computed(batch, options()))) return {};
      return {same(first, computed(batch, call)) ? Cause::dropout : Cause::unknown};
    } catch (const Error& e) {
      if (e.code() == ErrorCode::value && e.op() == "context") return {Cause::dropout};  // no key
      if (e.code() == ErrorCode::stale && buffer_versions(at_.module()) != buffers)
        return {Cause::batch_norm};
      throw;
    }
  }

 private:
  nn::CallOptions options() const { return run_.call ? run_.call() : nn::CallOptions{}; }

  // Loss, gradient and product.
  Vars computed(const Vars& batch, const nn::CallOptions& call) {
    const Function loss = [&](const Vars& chosen) {
      nn::Context ctx = at_.context(chosen, call);
      Var value = run_.loss(ctx, batch);
      updates_ = updates_ || !ctx.updates().empty();
      return value;
    };
    const ValueAndGrad r = value_and_grad(loss, at_.values);
    Vars all = hvp(loss, at_.values, direction_);
    all.push_back(r.value);
    for (const Var& g : r.grads) all.push_back(g);
    return all;
  }

  const ParameterPoint& at_;
  const LossRun& run_;
  Vars direction_;
  bool updates_ = false;  // did a layer ask for new buffers?
};

}  // namespace

Determinism check_deterministic(const ParameterPoint& at, const LossRun& run) {
  Determinism result;
  result.causes = Check(at, run).causes();
  result.deterministic = result.causes.empty();
  for (const Cause cause : result.causes) {
    if (!result.message.empty()) result.message += ' ';
    result.message += sentence(cause);
  }
  return result;
}

void require_deterministic(const ParameterPoint& at, const LossRun& run) {
  const Determinism found = check_deterministic(at, run);
  if (!found.deterministic)
    fail(ErrorCode::numeric, "determinism", "two runs of the loss differ: {}", found.message);
}

}  // namespace sonde
