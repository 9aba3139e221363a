#include "autograd/batch.hpp"

#include "autograd/observe.hpp"

namespace sonde {

Var Batch::box(Var value, int axis) const {
  if (axis < 0) return value;
  Spec spec = value.spec();
  spec.shape.erase(axis);
  Ref<Box> b = new_box(spec, std::move(value));
  b->axis = axis;
  return Var(std::move(b));
}

Vars Batch::process(const PrimitivePtr& p, const Vars& in, std::source_location where) {
  Specs specs;
  p->infer(in, specs);  // so that errors speak of one lane
  Vars values;
  LaneAxes axes;
  for (const Var& v : in) {
    const Box* b = mine(v);
    values.push_back(b ? b->value : v);
    axes.push_back(b ? b->axis : -1);
  }
  detail::note(*p, Rule::batch);
  RuleSite site(where);
  Batched result = p->batch(values, axes, lanes_);
  for (std::size_t i = 0; i < result.out.size(); ++i)
    result.out[i] = box(std::move(result.out[i]), result.axes[i]);
  return std::move(result.out);
}

}  // namespace sonde
