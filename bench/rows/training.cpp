// Whole training steps, and what else takes derivatives of a whole model.
#include "autograd/ops.hpp"
#include "bench/rows/models.hpp"
#include "bench/rows/workload.hpp"
#include "optim/adam.hpp"

namespace sonde::bench {

namespace {

// The loss, and what belongs to the parameters in the order of their names.
Vars loss_and(const nn::Module& model, const Var& loss, const Vars& of_parameters) {
  Vars result = make_vars(loss);
  for (const Var& v : by_name(model, of_parameters)) result.push_back(v);
  return result;
}

// Forward, backward, AdamW. Inputs: x, labels.
Work training_step(const Setup& setup) {
  const auto model = make_model(setup.params["model"]);
  const auto optimizer = std::make_shared<optim::AdamW>(*model);
  return [=, x = setup.inputs[0], labels = setup.inputs[1]] {
    const auto loss = [&](nn::Context& ctx) {
      return make_vars(model_loss(*model, ctx, x, labels));
    };
    const nn::LossAndGrads r = nn::value_and_grad(*model, loss);
    optimizer->step(r.grads);
    model->commit(r.updates);
    return loss_and(*model, r.value, r.grads);
  };
}

// The gradient of each sample's loss: vmap of grad.
Work per_sample(const Setup& setup) {
  const auto model = make_model(setup.params["model"]);
  const Function gradient_of_sample = [model](const Vars& sample) {
    const Function loss =
        loss_of_parameters(model, unsqueeze(sample[0], 0), unsqueeze(sample[1], 0));
    return grad(loss)(model->parameters());
  };
  const Function gradients = vmap(gradient_of_sample);
  return [=, in = setup.inputs] { return by_name(*model, gradients(in)); };
}

// Logits of copies of every image, each with noise added to one of its patches. Inputs: images
// [N,C,H,W] and noise of that shape, of which a copy takes its patch.
Work sensitivity_sweep(const Setup& setup) {
  const auto model = make_model(setup.params["model"]);
  const auto patch = setup.params["patch"].get<std::int64_t>();
  const Tensor x = setup.inputs[0].tensor();
  const std::int64_t rows = x.size(2) / patch, columns = x.size(3) / patch;
  Tensor mask = Tensor::zeros({rows * columns, 1, x.size(2), x.size(3)});
  for (std::int64_t t = 0; t < rows * columns; ++t)
    mask.select(0, t)
        .slice(1, t / columns * patch, (t / columns + 1) * patch)
        .slice(2, t % columns * patch, (t % columns + 1) * patch)
        .copy_from(Tensor::ones({1, patch, patch}));
  return [=, noise = setup.inputs[1]] {
    const Var copies = unsqueeze(Var(x), 1) + unsqueeze(noise, 1) * Var(mask);
    return make_vars((*model)(flatten(copies, 0, 1)));
  };
}

}  // namespace

void add_training(Makers& makers) {
  makers["training_step"] = training_step;
  makers["per_sample"] = per_sample;
  makers["sensitivity"] = sensitivity_sweep;
}

}  // namespace sonde::bench
