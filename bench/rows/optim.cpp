// Optimisers.
#include <memory>

#include "bench/rows/workload.hpp"
#include "optim/adam.hpp"

namespace sonde::bench {

void add_optim(Makers& makers) {
  // Inputs: all parameters, then all gradients. Returns the parameters after the step.
  makers["adamw"] = [](const Setup& setup) -> Work {
    const std::size_t count = setup.inputs.size() / 2;
    Tensors parameters;
    Vars grads;
    for (std::size_t i = 0; i < count; ++i) {
      parameters.push_back(setup.inputs[i].tensor());
      grads.push_back(setup.inputs[count + i]);
    }
    const auto optimizer = std::make_shared<optim::AdamW>(
        parameters, optim::AdamW::Options{.lr = 1e-3, .weight_decay = 0.01});
    return [parameters, grads, optimizer] {
      optimizer->step(grads);
      Vars result;
      for (const Tensor& p : parameters) result.push_back(p);
      return result;
    };
  };
}

}  // namespace sonde::bench
