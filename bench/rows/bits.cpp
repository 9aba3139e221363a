// A training step of the network that learns functions of bit strings: small, so that what counts
// is what each operation costs beside its arithmetic.
#include "autograd/ops.hpp"
#include "bench/rows/models.hpp"
#include "bench/rows/workload.hpp"
#include "nn/loss.hpp"
#include "optim/adam.hpp"

namespace sonde::bench {
namespace {

// Forward, squared error, backward, AdamW. Inputs: strings i64 [B, n], labels i64 [B].
Work bits_step(const Setup& setup) {
  const auto model = make_model(setup.params["model"]);
  const auto optimizer = std::make_shared<optim::AdamW>(
      *model, optim::AdamW::Options{.lr = 1e-3, .weight_decay = 0.1});
  return [=, bits = setup.inputs[0], labels = to(setup.inputs[1], DType::f32)] {
    const nn::LossAndGrads r = nn::value_and_grad(
        *model,
        [&](nn::Context& ctx) { return make_vars(nn::mse_loss((*model)(ctx, bits), labels)); },
        {.mode = nn::Mode::train});
    optimizer->step(r.grads);
    Vars result = make_vars(r.value);
    for (const Var& g : by_name(*model, r.grads)) result.push_back(g);
    return result;
  };
}

}  // namespace

void add_bits(Makers& makers) {
  makers["bits_step"] = bits_step;
}

}  // namespace sonde::bench
