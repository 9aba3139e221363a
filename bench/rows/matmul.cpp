// Products of matrices, and the linear layer with its activation.
#include "autograd/ops.hpp"
#include "bench/rows/workload.hpp"

namespace sonde::bench {

void add_matmul(Makers& makers) {
  makers["matmul"] = differentiable([](const Json& p) -> Function {
    const Transposed stored{p.value("a_transposed", false), p.value("b_transposed", false)};
    return [stored](const Vars& in) { return matmul(in[0], in[1], stored); };
  });
  makers["linear_gelu"] = differentiable([](const Json&) -> Function {
    return [](const Vars& in) { return gelu(linear(in[0], in[1], in[2])); };
  });
}

}  // namespace sonde::bench
