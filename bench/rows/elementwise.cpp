// Element by element, broadcast, strided, and reductions.
#include "autograd/ops.hpp"
#include "bench/rows/workload.hpp"

namespace sonde::bench {

void add_elementwise(Makers& makers) {
  const auto add = [&](const char* name, Var (*f)(const Vars&)) {
    makers[name] = differentiable(
        [f](const Json&) -> Function { return [f](const Vars& in) { return f(in); }; });
  };
  add("gelu", [](const Vars& in) { return gelu(in[0]); });
  add("add", [](const Vars& in) { return in[0] + in[1]; });
  add("tanh", [](const Vars& in) { return tanh(in[0]); });
  add("broadcast_chain", [](const Vars& in) { return sigmoid(in[0] * in[1] + in[2]) * in[0]; });
  add("strided_chain", [](const Vars& in) {
    const Var half = slice(in[2], 1, 0, in[2].size(1), 2);
    return relu(transpose(in[0]) * in[1] + half) - in[1];
  });
  makers["sum"] = differentiable([](const Json& p) -> Function {
    return [axes = to_dims(p["axes"])](const Vars& in) { return sum(in[0], axes); };
  });
  makers["var"] = differentiable([](const Json& p) -> Function {
    return [axes = to_dims(p["axes"])](const Vars& in) { return var(in[0], axes); };
  });
}

}  // namespace sonde::bench
