#include "autograd/reverse.hpp"

#include "autograd/observe.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

bool kept(std::uint64_t mask, std::size_t i) {
  return i >= 64 || ((mask >> i) & 1u) != 0;
}

Vars keep(const Vars& values, std::uint64_t mask) {
  Vars out;
  for (std::size_t i = 0; i < values.size(); ++i)
    out.push_back(kept(mask, i) ? values[i] : Var::ghost(values[i].spec()));
  return out;
}

std::uint32_t version_of(const Var& v) {
  return v.is_tensor() ? static_cast<TensorData*>(v.get())->storage->version() : 0;
}

void record_versions(Node& node) {
  for (const Var& v : node.in) node.versions.push_back(version_of(v));
  for (const Var& v : node.out) node.versions.push_back(version_of(v));
}

// sum += term, in place if nobody else holds the sum
void accumulate(Var& sum, Var term) {
  sum = sum ? add(std::move(sum), std::move(term)) : std::move(term);
}

bool any(const Vars& values) {
  for (const Var& v : values)
    if (v) return true;
  return false;
}

// For each node the last one that takes a value of it: 0 if none does, past the end if it gives an
// output.
std::vector<std::size_t> last_uses(const std::deque<Node>& nodes, std::span<const Parent> outputs) {
  std::vector<std::size_t> last(nodes.size(), 0);
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (const Parent& parent : nodes[i].parents)
      if (parent.node >= 0) last[static_cast<std::size_t>(parent.node)] = i;
  for (const Parent& parent : outputs)
    if (parent.node >= 0) last[static_cast<std::size_t>(parent.node)] = nodes.size();
  return last;
}

// The cotangent of input i. That of a number of the host which stood beside tensors of a device
// goes home.
Var checked_cotangent(const Primitive& p, Var given, const Var& input, std::size_t i) {
  if (input.rank() == 0 && !(given.device() == input.device()))
    given = to(std::move(given), input.device());
  if (!(given.spec() == input.spec()))
    fail(ErrorCode::rule, p.name(), "vjp gave a cotangent {} for input {} of {}", given.spec(), i,
         input.spec());
  return given;
}

}  // namespace

void check_versions(const Node& node) {
  if (node.in.size() != node.parents.size())
    fail_hint(ErrorCode::stale, node.primitive->name(),
              "call the pullback instead of consume to keep it",
              "what was recorded at {}:{} was consumed", node.where.file_name(), node.where.line());
  std::size_t k = 0;
  for (const Vars* values : {&node.in, &node.out})
    for (const Var& v : *values)
      if (version_of(v) != node.versions[k++])
        fail_hint(ErrorCode::stale, node.primitive->name(), "clone the tensor before recording",
                  "a saved tensor {} was modified after it was recorded at {}:{}", v.spec(),
                  node.where.file_name(), node.where.line());
}

std::int32_t Tape::add(Node node) {
  nodes_.push_back(std::move(node));
  return static_cast<std::int32_t>(nodes_.size() - 1);
}

Vars Tape::sweep(std::span<const Parent> outputs, const Vars& cotangents, std::size_t leaves,
                 bool release) {
  std::vector<SmallVector<Var, 1>> pending(nodes_.size());
  auto slot = [&](Parent parent) -> Var& {
    auto& slots = pending[static_cast<std::size_t>(parent.node)];
    if (slots.size() <= static_cast<std::size_t>(parent.output))
      slots.resize(static_cast<std::size_t>(parent.output) + 1);
    return slots[static_cast<std::size_t>(parent.output)];
  };
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i].node >= 0 && cotangents[i]) accumulate(slot(outputs[i]), cotangents[i]);

  for (std::size_t i = nodes_.size(); i-- > leaves;) {
    Node& node = nodes_[i];
    Vars given;
    for (Var& v : pending[i]) given.push_back(std::move(v));
    pending[i].clear();
    if (any(given)) {
      given.resize(node.out.size());
      check_versions(node);
      Needs needs{0};
      for (std::size_t k = 0; k < node.parents.size() && k < 64; ++k)
        if (node.parents[k].node >= 0) needs.mask |= std::uint64_t{1} << k;
      detail::note(*node.primitive, Rule::vjp);
      RuleSite site(node.where);
      Vars result = node.primitive->vjp(node.in, node.out, given, needs);
      given.clear();
      for (std::size_t k = 0; k < result.size(); ++k)
        if (result[k] && node.parents[k].node >= 0)
          accumulate(slot(node.parents[k]),
                     checked_cotangent(*node.primitive, std::move(result[k]), node.in[k], k));
    }
    if (release) {
      node.in.clear();
      node.out.clear();
    }
  }
  Vars grads;
  for (std::size_t i = 0; i < leaves; ++i)
    grads.push_back(pending[i].empty() ? Var() : std::move(pending[i][0]));
  return grads;
}

Vars Tape::replay(std::span<const Parent> outputs, const Vars& leaf_tangents) const {
  const std::vector<std::size_t> last = last_uses(nodes_, outputs);
  std::vector<Vars> tangents(nodes_.size());
  for (std::size_t i = 0; i < leaf_tangents.size(); ++i) tangents[i].push_back(leaf_tangents[i]);
  for (std::size_t i = leaf_tangents.size(); i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    Vars in;
    for (const Parent& parent : node.parents)
      in.push_back(parent.node >= 0 && !tangents[static_cast<std::size_t>(parent.node)].empty()
                       ? tangents[static_cast<std::size_t>(parent.node)]
                                 [static_cast<std::size_t>(parent.output)]
                       : Var());
    for (const Parent& parent : node.parents)
      if (parent.node >= 0 && last[static_cast<std::size_t>(parent.node)] == i)
        tangents[static_cast<std::size_t>(parent.node)].clear();
    if (!any(in) || last[i] == 0) continue;
    check_versions(node);
    detail::note(*node.primitive, Rule::jvp);
    RuleSite site(node.where);
    tangents[i] = node.primitive->jvp(node.in, node.out, in);
  }
  Vars out;
  for (const Parent& parent : outputs)
    out.push_back(parent.node >= 0 && !tangents[static_cast<std::size_t>(parent.node)].empty()
                      ? tangents[static_cast<std::size_t>(parent.node)]
                                [static_cast<std::size_t>(parent.output)]
                      : Var());
  return out;
}

Var Reverse::box(Var value, std::int32_t node, std::int32_t output) const {
  if (!is_differentiable(value.dtype())) return value;
  const Spec spec = value.spec();
  Ref<Box> b = new_box(spec, std::move(value));
  b->node = node;
  b->output = output;
  return Var(std::move(b));
}

Var Reverse::leaf(Var value) {
  const std::int32_t node = tape_->add(Node{});
  return box(std::move(value), node, 0);
}

Vars Reverse::process(const PrimitivePtr& p, const Vars& in, std::source_location where) {
  Node node;
  Vars values;
  for (const Var& v : in) {
    const Box* b = mine(v);
    values.push_back(b ? b->value : v);
    node.parents.push_back(b ? Parent{b->node, b->output} : Parent{});
  }
  Vars out = emit(p, values, where);
  if (!p->differentiable()) return out;
  const Saves saves = keep_all_ ? Saves{} : p->saves();
  node.primitive = p;
  node.in = keep(values, saves.inputs);
  node.out = keep(out, saves.outputs);
  node.where = where;
  record_versions(node);
  const std::int32_t index = tape_->add(std::move(node));
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = box(std::move(out[i]), index, static_cast<std::int32_t>(i));
  return out;
}

}  // namespace sonde
