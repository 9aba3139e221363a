#include "experiments/vision/trainer.hpp"

#include <algorithm>
#include <cmath>

#include "autograd/ops.hpp"
#include "experiments/common/key_tensor.hpp"
#include "nn/state_dict.hpp"

namespace sonde::experiments {
namespace {

LoaderOptions loader_options(const TrainerOptions& o, std::int64_t items) {
  if (o.batch < 1 || o.batch > items)
    fail(ErrorCode::usage, "--batch", "{} images do not make a batch of {}", items, o.batch);
  return {.batch_size = o.batch,
          .shuffle = true,
          .drop_last = o.drop_last,
          .key = o.key,
          .augment = o.augment};
}

// Dropout's key at a step; the loader folds epochs into the key itself.
philox::Key dropout_key(philox::Key key, std::int64_t step) {
  return philox::fold_in(philox::child(key, 0), static_cast<std::uint64_t>(step));
}

}  // namespace

Classifier classifier(const nn::Module& module) {
  return [&module](const Tensor& x) { return module(Var(x.to(module.device()))).tensor(); };
}

double accuracy(const Classifier& classify, const ImageSet& set) {
  constexpr std::int64_t batch = 1000;  // bounds the memory of activations
  std::int64_t right = 0;
  const std::int64_t* labels = set.labels.data<std::int64_t>();
  for (std::int64_t first = 0; first < set.size(); first += batch)
    for (std::int64_t predicted :
         predictions(classify(set.images.slice(0, first, std::min(first + batch, set.size())))))
      right += predicted == *labels++;
  return static_cast<double>(right) / static_cast<double>(set.size());
}

Trainer::Trainer(nn::Module& module, const ImageSet& data, TrainerOptions options)
    : module_(module),
      schedule_(options.schedule),
      loader_({data.images, data.labels}, loader_options(options, data.size())),
      optimizer_(module, {.lr = options.lr}) {}

double Trainer::step() {
  const Batch batch = loader_.next();
  const Device device = module_.device();
  const Tensor images = batch.parts[0].to(device), labels = batch.parts[1].to(device);
  const auto result = nn::value_and_grad(
      module_,
      [&](nn::Context& ctx) { return make_vars(cross_entropy(module_(ctx, images), labels)); },
      {.mode = nn::Mode::train, .key = random_key(dropout_key(loader_.key(), steps()))});
  const double loss = result.value.item();
  if (!std::isfinite(loss))
    fail(ErrorCode::numeric, "train", "the loss is {} at step {}", loss, steps());
  optim::apply(optimizer_, schedule_, steps());
  optimizer_.step(result.grads);
  module_.commit(result.updates);
  return loss;
}

void Trainer::save(Checkpoint& checkpoint, const std::string& prefix) const {
  checkpoint.add(prefix + "model.", nn::state_dict(module_));
  checkpoint.add(prefix + "optimizer.", optimizer_.state());
  const Position at = loader_.position();
  checkpoint.state[prefix + "loader"] = {
      {"key", to_json(loader_.key())}, {"epoch", at.epoch}, {"step", at.step}};
}

void Trainer::restore(const Checkpoint& checkpoint, const std::string& prefix) {
  philox::Key key;
  Position at;
  try {
    const Json& loader = checkpoint.state.at(prefix + "loader");
    key = key_from_json(loader.at("key"));
    at = {loader.at("epoch").get<std::int64_t>(), loader.at("step").get<std::int64_t>()};
  } catch (const Json::exception& e) {
    fail(ErrorCode::format, "checkpoint", "{}", e.what());
  }
  optimizer_.load_state(checkpoint.tensors_under(prefix + "optimizer."));
  nn::load_state_dict(module_, checkpoint.tensors_under(prefix + "model."));
  loader_.reseed(key);
  loader_.seek(at);
}

}  // namespace sonde::experiments
