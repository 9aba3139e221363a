// Attention.
#include "autograd/ops.hpp"
#include "bench/rows/workload.hpp"

namespace sonde::bench {

void add_attention(Makers& makers) {
  makers["attention"] = differentiable([](const Json& p) -> Function {
    return [causal = p["causal"].get<bool>()](const Vars& in) {
      return scaled_dot_product_attention(in[0], in[1], in[2], {}, causal);
    };
  });
}

}  // namespace sonde::bench
