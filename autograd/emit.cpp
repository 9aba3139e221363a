#include <chrono>
#include <cmath>

#include "autograd/interpreter.hpp"
#include "autograd/observe.hpp"
#include "autograd/promote.hpp"

namespace sonde {
namespace {

bool all_finite(const Tensor& t) {
  if (!is_differentiable(t.dtype())) return true;
  for (double v : t.to_vector<double>())
    if (!std::isfinite(v)) return false;
  return true;
}

void check_finite(const Primitive& p, std::span<const bool> was_finite, const Vars& out) {
  for (bool finite : was_finite)
    if (!finite) return;
  for (const Var& v : out)
    if (!all_finite(v.tensor()))
      fail_hint(ErrorCode::anomaly, p.name(), "look at this operation's inputs",
                "NaN or Inf out of finite inputs; result {}", v.spec());
}

// The slow way through forward, with observer and anomaly mode.
Vars run_observed(const PrimitivePtr& p, std::span<Tensor> in, const Specs& specs,
                  std::source_location where) {
  const bool anomaly = detail::anomaly.load(std::memory_order_relaxed) > 0;
  const Tensors kept(in);  // also keeps forward from overwriting an input
  SmallVector<bool, 4> finite;
  if (anomaly)
    for (const Tensor& t : kept) finite.push_back(all_finite(t));
  const auto start = std::chrono::steady_clock::now();
  Vars out = p->forward(in, specs);
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::steady_clock::now() - start);
  if (Observer* o = detail::observer.load(std::memory_order_relaxed)) {
    o->on_rule(*p, Rule::forward);
    o->on_kernel(*p, kept, out, where, ns.count());
  }
  if (anomaly) check_finite(*p, finite, out);
  return out;
}

// Numbers of the host go to the device of the other inputs. A kernel that takes them as they are
// has its devices looked at by infer.
void meet_on_one_device(const Primitive& p, Vars& in) {
  if (in.size() < 2 || p.takes_numbers()) return;
  const Device device = common_device(in, p.name());
  for (Var& v : in)
    if (v && !(v.device() == device)) v = Var(v.tensor().to(device));
}

// The failure of a device or of its memory, with what the kernel was given.
[[noreturn]] void fail_with_inputs(const Error& e, std::span<const Tensor> in) {
  std::string specs;
  for (const Tensor& t : in)
    if (t) specs += (specs.empty() ? "" : ", ") + to_string(t.spec());
  throw Error(e.code(), e.op(), fmt::format("{} (inputs {})", e.message(), specs), e.hint());
}

Vars run_on_device(const Primitive& p, std::span<Tensor> in, const Specs& specs) {
  try {
    return p.forward(in, specs);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::backend && e.code() != ErrorCode::memory) throw;
    fail_with_inputs(e, in);
  }
}

// Level 0: no transform among the inputs.
Vars run_kernel(const PrimitivePtr& p, Vars&& in, std::source_location where) {
  meet_on_one_device(*p, in);
  Specs specs;
  p->infer(in, specs);
  Tensors tensors;
  for (Var& v : in) tensors.push_back(std::move(v).tensor());
  const ClosureBarrier barrier(p->name(), 0);  // a kernel gets all it uses as inputs
  if (detail::observer.load(std::memory_order_relaxed) ||
      detail::anomaly.load(std::memory_order_relaxed)) [[unlikely]]
    return run_observed(p, tensors, specs, where);
  if (!specs.empty() && specs[0].device.type != DeviceType::cpu)
    return run_on_device(*p, tensors, specs);
  return p->forward(tensors, specs);
}

// Decision 6 of docs/design.md: may a fused operation stay fused under the transforms of its
// inputs?
bool must_expand(const Primitive& p, const Vars& in) {
  SmallVector<std::uint64_t, 8> tapes;
  for (const Var& v : in)
    for (const Box* box = as_box(v); box; box = as_box(box->value)) {
      if (box->transform == TransformKind::batch) continue;
      if (owner(*box).expands()) return true;
      bool seen = false;
      for (std::uint64_t id : tapes) seen |= id == box->id;
      if (!seen) tapes.push_back(box->id);
    }
  return static_cast<int>(tapes.size()) > p.max_reverse();
}

Vars dispatch(const PrimitivePtr& p, Vars&& in, std::source_location where) {
  const Box* top = nullptr;
  int level = 0;
  for (const Var& v : in)
    if (v.level() > level) {
      level = v.level();
      top = static_cast<const Box*>(v.get());
    }
  if (!top) return run_kernel(p, std::move(in), where);
  Interpreter& it = owner(*top);
  if (p->max_reverse() >= 0 && must_expand(*p, in)) {
    counters().expansions.fetch_add(1, std::memory_order_relaxed);
    return p->decompose(in);
  }
  return it.process(p, in, where);
}

}  // namespace

Vars emit(const PrimitivePtr& p, Vars in, std::source_location where) {
  where = RuleSite::current(where);
  try {
    return dispatch(p, std::move(in), where);
  } catch (Error& e) {
    e.at(where);
    throw;
  }
}

Vars Primitive::decompose(const Vars&) const {
  fail(ErrorCode::rule, name(), "is no fused operation and has no decomposition");
}

}  // namespace sonde
