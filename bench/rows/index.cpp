// Gather and scatter.
#include "autograd/ops.hpp"
#include "bench/rows/workload.hpp"

namespace sonde::bench {

void add_index(Makers& makers) {
  makers["embedding"] = differentiable([](const Json&) -> Function {
    return [](const Vars& in) { return embedding(in[0], in[1]); };
  });
  makers["index_add"] = differentiable([](const Json&) -> Function {
    return [](const Vars& in) { return index_add(in[0], 0, in[1], in[2]); };
  });
  makers["gather"] = differentiable([](const Json& p) -> Function {
    return [axis = p["axis"].get<std::int64_t>()](const Vars& in) {
      return gather(in[0], axis, in[1]);
    };
  });
}

}  // namespace sonde::bench
