#include "autograd/jvp.hpp"

#include "autograd/observe.hpp"

namespace sonde {

Var Jvp::box(Var value, Var tangent) const {
  if (!tangent || !is_differentiable(value.dtype())) return value;
  const Spec spec = value.spec();
  Ref<Box> b = new_box(spec, std::move(value));
  b->tangent = std::move(tangent);
  return Var(std::move(b));
}

Vars Jvp::process(const PrimitivePtr& p, const Vars& in, std::source_location where) {
  Vars values, tangents;
  for (const Var& v : in) {
    const Box* b = mine(v);
    values.push_back(b ? b->value : v);
    tangents.push_back(b ? b->tangent : Var());
  }
  Vars out = emit(p, values, where);
  if (!p->differentiable()) return out;
  detail::note(*p, Rule::jvp);
  RuleSite site(where);
  Vars out_tangents = p->jvp(values, out, tangents);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out_tangents[i] && !(out_tangents[i].spec() == out[i].spec()))
      fail(ErrorCode::rule, p->name(), "jvp gave a tangent {} for output {} of {}",
           out_tangents[i].spec(), i, out[i].spec());
    out[i] = box(std::move(out[i]), std::move(out_tangents[i]));
  }
  return out;
}

}  // namespace sonde
