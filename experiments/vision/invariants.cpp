#include "experiments/vision/invariants.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "nn/state_dict.hpp"

namespace sonde::experiments {
namespace {

constexpr std::int64_t few_images = 20;

Sensitivity measured(const Classifier& classify, const ImageSet& set, const StudyOptions& o,
                     std::int64_t batch) {
  const auto noise =
      patch_noise(set.images.size(1), set.images.size(2), set.images.size(3), o.patch);
  return sensitivity(classify, set.images, *noise,
                     {.sigma = o.sigmas.back(), .key = {o.seed, 1}, .batch = batch});
}

// Logits that say class `c` whatever the image.
Classifier always(std::int64_t c, std::int64_t classes) {
  return [=](const Tensor& x) {
    Tensor logits = Tensor::zeros({x.size(0), classes});
    for (std::int64_t i = 0; i < x.size(0); ++i) logits.mutable_data<float>()[i * classes + c] = 1;
    return logits;
  };
}

Claim constant_predictors(const StudyOptions& o, const ImageSet& set) {
  std::int64_t flips = 0, trials = 0;
  for (std::int64_t c = 0; c < set.classes; ++c) {
    const Sensitivity s = measured(always(c, set.classes), set, o, 1024);
    flips += s.flips;
    trials += s.trials;
  }
  return check("constant-predictor",
               fmt::format("A predictor that always says the same has sensitivity 0, whichever of "
                           "the {} classes it says",
                           set.classes),
               "flips = 0", Estimate::exact(static_cast<double>(flips), 1, trials), flips == 0);
}

Claim image_independent_network(const StudyOptions& o, const ImageSet& set) {
  const auto module = image_model(o.models.front()).make(spec_of(set), {o.seed, 0});
  const Classifier network = classifier(*module);
  const Sensitivity s =
      measured([&](const Tensor& x) { return network(Tensor::zeros(x.shape())); }, set, o, 1024);
  return check("image-independent-network",
               "A network that sees zeros in the place of its image has sensitivity 0", "flips = 0",
               Estimate::exact(static_cast<double>(s.flips), 1, s.trials), s.flips == 0);
}

Claim same_in_other_batches(const StudyOptions& o, const ImageSet& set) {
  const auto module = image_model(o.models.front()).make(spec_of(set), {o.seed, 0});
  const Sensitivity a = measured(classifier(*module), set, o, 1024),
                    b = measured(classifier(*module), set, o, 100);
  std::int64_t different = 0;
  for (std::size_t i = 0; i < a.by_input.size(); ++i) different += a.by_input[i] != b.by_input[i];
  return check("same-measurement", "The same measurement in batches of another size is the same",
               "differences = 0", Estimate::exact(static_cast<double>(different), 1, set.size()),
               different == 0);
}

// Of parameters and buffers.
std::int64_t different_bytes(const nn::Module& a, const nn::Module& b) {
  std::int64_t count = 0;
  const NamedTensors other = nn::state_dict(b);
  for (const auto& [name, x] : nn::state_dict(a))
    for (std::int64_t k = 0; k < x.numel() * size_of(x.dtype()); ++k)
      count += x.bytes()[k] != other.at(name).bytes()[k];
  return count;
}

Claim resumed_training(const StudyOptions& o, const ImageSet& train) {
  constexpr int steps = 3;
  const ImageModel& model = image_model(o.models.front());
  auto first = model.make(spec_of(train), {o.seed, 0}),
       second = model.make(spec_of(train), {o.seed + 1, 0});
  const TrainerOptions options{.batch = o.batch, .lr = o.lr, .key = {o.seed, 2}};
  Trainer whole(*first, train, options), resumed(*second, train, options);
  for (int i = 0; i < steps; ++i) whole.step();
  Checkpoint saved;
  whole.save(saved, "");
  resumed.restore(saved, "");
  for (int i = 0; i < steps; ++i) whole.step(), resumed.step();
  const std::int64_t different = different_bytes(*first, *second);
  return check("resume", "Training from a saved state gives the same weights as training on",
               "different bytes = 0",
               Estimate::exact(static_cast<double>(different), 1, first->parameter_count()),
               different == 0);
}

}  // namespace

std::vector<Claim> invariants(const StudyOptions& o, const ImageSet& train) {
  const ImageSet set = first_of(train, few_images);
  return {constant_predictors(o, set), image_independent_network(o, set),
          same_in_other_batches(o, set), resumed_training(o, train)};
}

}  // namespace sonde::experiments
