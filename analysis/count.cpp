#include "analysis/count.hpp"

#include <algorithm>
#include <cmath>

#include "autograd/interpreter.hpp"

namespace sonde {
namespace {

bool shares_storage(const Tensor& t, std::span<const Tensor> others) {
  return std::ranges::any_of(others, [&](const Tensor& o) { return &o.storage() == &t.storage(); });
}

// The outermost transform of the run: boxes carry nothing but the mark that a value depends on the
// arguments. It poses as forward mode, under which fused operations are expanded.
class Counter final : public Interpreter {
 public:
  explicit Counter(Site where) : Interpreter(TransformKind::jvp, where) {}

  Var box(Var value) const {
    if (!is_differentiable(value.dtype())) return value;
    const Spec spec = value.spec();
    return Var(new_box(spec, std::move(value)));
  }

  Vars process(const PrimitivePtr& p, const Vars& in, Site where) override {
    Vars values;
    for (const Var& v : in) {
      const Box* b = mine(v);
      values.push_back(b ? b->value : v);
    }
    Vars out = emit(p, values, where);
    count(*p, values, out);
    if (!p->differentiable()) return out;
    for (Var& v : out) v = box(std::move(v));
    return out;
  }

  double flops = 0, bytes = 0, log_bytes = 0;
  std::int64_t operations = 0;

 private:
  void count(const Primitive& p, const Vars& in, const Vars& out) {
    Tensors tensors;
    for (const Var& v : in) tensors.push_back(v.tensor());
    flops += static_cast<double>(p.flops(tensors, out));
    double made = 0;
    for (const Var& v : out)  // views take no memory
      if (const Tensor t = v.tensor(); !shares_storage(t, tensors))
        made += static_cast<double>(t.numel() * size_of(t.dtype()));
    if (made == 0) return;
    bytes += made;
    log_bytes += std::log(made);
    ++operations;
  }
};

}  // namespace

FunctionCount counted(const Function& f, const Vars& x, Site where) {
  Counter counter(where);
  TransformScope scope(counter);
  Vars in;
  for (const Var& v : x) in.push_back(counter.box(v));
  FunctionCount result;
  for (const Var& y : f(in)) {
    const Box* b = counter.mine(y);
    result.out.push_back(b ? b->value : y);
    result.depend.push_back(b != nullptr);
  }
  result.flops = counter.flops;
  result.bytes = counter.bytes;
  result.operations = counter.operations;
  if (counter.operations > 0)
    result.typical_bytes = std::exp(counter.log_bytes / static_cast<double>(counter.operations));
  return result;
}

}  // namespace sonde
