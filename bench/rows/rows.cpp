// Softmax, cross-entropy and normalisation.
#include "autograd/ops.hpp"
#include "bench/rows/workload.hpp"

namespace sonde::bench {

void add_rows(Makers& makers) {
  makers["softmax"] = differentiable([](const Json& p) -> Function {
    return [dim = p["dim"].get<std::int64_t>()](const Vars& in) { return softmax(in[0], dim); };
  });
  makers["cross_entropy"] = differentiable([](const Json&) -> Function {
    return [](const Vars& in) { return cross_entropy(in[0], in[1]); };
  });
  makers["layer_norm"] = differentiable([](const Json&) -> Function {
    return [](const Vars& in) { return layer_norm(in[0], in[1].shape(), in[1], in[2]); };
  });
  makers["batch_norm"] = differentiable([](const Json&) -> Function {
    return [](const Vars& in) { return batch_norm_train(in[0], in[1], in[2]).y; };
  });
}

}  // namespace sonde::bench
