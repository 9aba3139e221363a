// What an operation costs beside its kernel.
#include "autograd/ops.hpp"
#include "bench/rows/workload.hpp"

namespace sonde::bench {

void add_overhead(Makers& makers) {
  makers["eager"] = [](const Setup& setup) -> Work {
    const std::string op = setup.params["of"];
    const Var x = setup.inputs[0], y = setup.inputs[1];
    if (op == "neg") return [x] { return make_vars(neg(x)); };
    if (op == "add") return [x, y] { return make_vars(x + y); };
    return [x] { return make_vars(sum(x, {0})); };
  };
  // A chain of additions, recorded and taken back.
  makers["recorded"] = [](const Setup& setup) -> Work {
    const auto length = setup.params["length"].get<int>();
    return [length, x = setup.inputs[0], y = setup.inputs[1]] {
      const auto chain = [&](const Vars& in) {
        Var z = in[0];
        for (int i = 0; i < length; ++i) z = z + y;
        return z;
      };
      VjpResult r = vjp(chain, make_vars(x));
      const Vars grads = r.pullback.consume(make_vars(y));
      return make_vars(r.out[0], grads[0]);
    };
  };
}

}  // namespace sonde::bench
