#include "analysis/sensitivity.hpp"

#include <algorithm>
#include <cmath>

#include "tensor/kernels/random.hpp"
#include "tensor/parallel.hpp"

namespace sonde {
namespace {

// Standard normal numbers of one key.
Tensor normal(philox::Key key, std::int64_t count) {
  const Tensor keys = Tensor::from<std::int64_t>(
      {static_cast<std::int64_t>(key.k0), static_cast<std::int64_t>(key.k1)}, {1, 2});
  Tensor out = Tensor::empty({1, count});
  kernels::random_normal.find({}, DType::f32)(keys, {.a = 0, .b = 1}, out);
  return out;
}

class Grid : public Perturbation {
 public:
  Grid(std::int64_t channels, std::int64_t height, std::int64_t width, std::int64_t patch)
      : channels_(channels), height_(height), width_(width), patch_(patch) {
    if (channels < 1 || patch < 1 || height % patch != 0 || width % patch != 0)
      fail(ErrorCode::value, "perturbation", "patches of {} do not tile [{},{},{}]", patch,
           channels, height, width);
  }
  std::int64_t positions() const override { return (height_ / patch_) * (width_ / patch_); }

 protected:
  const std::int64_t channels_, height_, width_, patch_;
};

class PatchNoise final : public Grid {
 public:
  using Grid::Grid;
  std::optional<Window> window(std::int64_t t) const override {
    const std::int64_t across = width_ / patch_;
    return Window{t / across * patch_, t % across * patch_, patch_, patch_};
  }
  void apply(std::span<float> input, std::int64_t t, double sigma, philox::Key key) const override {
    const Tensor noise = normal(key, channels_ * patch_ * patch_);
    const float* n = noise.data<float>();
    const Window w = *window(t);
    for (std::int64_t c = 0; c < channels_; ++c)
      for (std::int64_t y = w.top; y < w.top + patch_; ++y)
        for (std::int64_t x = w.left; x < w.left + patch_; ++x)
          input[static_cast<std::size_t>((c * height_ + y) * width_ + x)] +=
              static_cast<float>(sigma) * *n++;
  }
};

class ScatteredNoise final : public Grid {
 public:
  ScatteredNoise(std::int64_t channels, std::int64_t height, std::int64_t width, std::int64_t patch,
                 std::int64_t repetitions)
      : Grid(channels, height, width, patch), repetitions_(repetitions) {
    if (repetitions < 0) fail(ErrorCode::value, "scattered_noise", "{} repetitions", repetitions);
  }
  std::int64_t positions() const override {
    return repetitions_ > 0 ? repetitions_ : Grid::positions();
  }
  // A pixel drawn twice is disturbed once, as by the authors' mask.
  void apply(std::span<float> input, std::int64_t, double sigma, philox::Key key) const override {
    const philox::Key places = philox::fold_in(key, 1);
    std::vector<std::uint64_t> pixels;
    const auto area = static_cast<std::uint64_t>(height_ * width_);
    for (std::int64_t i = 0; i < patch_ * patch_; ++i) {
      const auto index = static_cast<std::uint64_t>(i);
      pixels.push_back(philox::below(places, index, philox::bits(places, index), area));
    }
    std::ranges::sort(pixels);
    pixels.erase(std::unique(pixels.begin(), pixels.end()), pixels.end());
    const Tensor noise = normal(key, channels_ * patch_ * patch_);
    const float* n = noise.data<float>();
    for (std::int64_t c = 0; c < channels_; ++c)
      for (std::uint64_t p : pixels)
        input[static_cast<std::size_t>(c) * area + p] += static_cast<float>(sigma) * *n++;
  }

 private:
  const std::int64_t repetitions_;
};

using Trials = std::vector<Trial>;

Tensor disturbed(const Tensor& inputs, const Perturbation& perturbation,
                 const SensitivityOptions& o, const Trials& trials) {
  const std::int64_t size = inputs.numel() / inputs.size(0);
  const auto count = static_cast<std::int64_t>(trials.size());
  Dims shape = inputs.shape();
  shape[0] = count;
  Tensor out = Tensor::empty(shape);
  const float* from = inputs.data<float>();
  float* to = out.mutable_data<float>();
  parallel_for(count, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const Trial& trial = trials[static_cast<std::size_t>(k)];
      std::copy_n(from + trial.input * size, size, to + k * size);
      perturbation.apply({to + k * size, static_cast<std::size_t>(size)}, trial.position, o.sigma,
                         trial_key(o.key, trial));
    }
  });
  return out;
}

// Counts the trials whose prediction differs from that for the clean input.
class Tally {
 public:
  Tally(const Tensor& clean_logits, const Perturbation& perturbation, const SensitivityOptions& o)
      : before_(predictions(clean_logits)), positions_(perturbation.positions()), draws_(o.draws) {
    const auto inputs = static_cast<std::int64_t>(before_.size());
    found_ = {.trials = checked_mul(checked_mul(inputs, positions_), draws_),
              .by_input = Sample(before_.size()),
              .by_position = Sample(static_cast<std::size_t>(positions_))};
  }

  std::int64_t trials() const { return found_.trials; }

  void add(const Trials& trials, const Tensor& logits) {
    const std::vector<std::int64_t> after = predictions(logits);
    if (after.size() != trials.size())
      fail(ErrorCode::shape, "sensitivity", "{} predictions for {} inputs", after.size(),
           trials.size());
    for (std::size_t k = 0; k < after.size(); ++k) {
      const auto input = static_cast<std::size_t>(trials[k].input);
      if (after[k] == before_[input]) continue;
      ++found_.flips;
      ++found_.by_input[input];
      ++found_.by_position[static_cast<std::size_t>(trials[k].position)];
    }
    done_ += static_cast<std::int64_t>(trials.size());
  }
  double share_done() const {
    return static_cast<double>(done_) / static_cast<double>(found_.trials);
  }

  // Counts to shares.
  Sensitivity shares() && {
    for (double& v : found_.by_input) v /= static_cast<double>(positions_ * draws_);
    for (double& v : found_.by_position)
      v /= static_cast<double>(static_cast<std::int64_t>(before_.size()) * draws_);
    return std::move(found_);
  }

 private:
  const std::vector<std::int64_t> before_;
  const std::int64_t positions_, draws_;
  Sensitivity found_;
  std::int64_t done_ = 0;
};

Tensor checked(const Tensor& inputs, const SensitivityOptions& o) {
  if (inputs.rank() != 4 || inputs.size(0) < 1)
    fail(ErrorCode::shape, "sensitivity", "inputs are [n, channels, height, width], these are {}",
         inputs.spec());
  if (o.draws < 1 || o.batch < 1 || !(o.sigma >= 0 && std::isfinite(o.sigma)))
    fail(ErrorCode::value, "sensitivity", "sigma {}, {} draws, batches of {}", o.sigma, o.draws,
         o.batch);
  return inputs.contiguous();
}

Tensor checked_logits(Tensor logits, const Tensor& inputs) {
  if (logits.rank() != 2 || logits.size(0) != inputs.size(0))
    fail(ErrorCode::shape, "sensitivity", "logits {} for {} inputs", logits.shape(),
         inputs.size(0));
  return logits;
}

}  // namespace

std::vector<std::int64_t> predictions(const Tensor& logits) {
  if (logits.rank() != 2 || logits.size(1) < 1)
    fail(ErrorCode::shape, "predictions", "logits are [n, classes], these are {}", logits.spec());
  const std::int64_t classes = logits.size(1);
  std::vector<std::int64_t> out;
  const std::vector<double> values = logits.to_vector<double>();
  for (auto row = values.begin(); row != values.end(); row += classes)
    out.push_back(std::max_element(row, row + classes) - row);
  return out;
}

philox::Key trial_key(philox::Key key, const Trial& trial) {
  for (const std::int64_t part : {trial.input, trial.position, trial.draw})
    key = philox::fold_in(key, static_cast<std::uint64_t>(part));
  return key;
}

std::unique_ptr<Perturbation> patch_noise(std::int64_t channels, std::int64_t height,
                                          std::int64_t width, std::int64_t patch) {
  return std::make_unique<PatchNoise>(channels, height, width, patch);
}

std::unique_ptr<Perturbation> scattered_noise(std::int64_t channels, std::int64_t height,
                                              std::int64_t width, std::int64_t patch,
                                              std::int64_t repetitions) {
  return std::make_unique<ScatteredNoise>(channels, height, width, patch, repetitions);
}

Estimate Sensitivity::clustered(std::uint64_t seed) const {
  Estimate e = bootstrap_mean({&by_input, 1}, seed);
  e.value = static_cast<double>(flips) /
            static_cast<double>(trials);  // the same number without rounding of means
  return e;
}

Estimate Sensitivity::binomial() const {
  return proportion(flips, trials);
}

Sensitivity sensitivity(const Classifier& classifier, const Tensor& inputs,
                        const Perturbation& perturbation, const SensitivityOptions& o,
                        const std::function<void(double)>& pause) {
  const Tensor clean = checked(inputs, o);
  Tally tally(checked_logits(classifier(clean), clean), perturbation, o);
  const std::int64_t positions = perturbation.positions();
  for (std::int64_t first = 0; first < tally.trials(); first += o.batch) {
    Trials trials;  // input by input
    for (std::int64_t j = first; j < std::min(first + o.batch, tally.trials()); ++j)
      trials.push_back({j / o.draws / positions, j / o.draws % positions, j % o.draws});
    tally.add(trials, classifier(disturbed(clean, perturbation, o, trials)));
    if (pause) pause(tally.share_done());
  }
  return std::move(tally).shares();
}

Sensitivity sensitivity(PatchedClassifier& classifier, const Tensor& inputs,
                        const Perturbation& perturbation, const SensitivityOptions& o,
                        const std::function<void(double)>& pause) {
  const Tensor clean = checked(inputs, o);
  Tally tally(checked_logits(classifier.see(clean), clean), perturbation, o);
  const Window whole{0, 0, clean.size(2), clean.size(3)};
  const std::int64_t at_position = clean.size(0) * o.draws;
  for (std::int64_t t = 0; t < perturbation.positions(); ++t)
    for (std::int64_t first = 0; first < at_position; first += o.batch) {
      Trials trials;
      std::vector<std::int64_t> of;
      for (std::int64_t j = first; j < std::min(first + o.batch, at_position); ++j) {
        trials.push_back({j / o.draws, t, j % o.draws});
        of.push_back(j / o.draws);
      }
      const Tensor inputs_now = disturbed(clean, perturbation, o, trials);
      tally.add(trials, classifier.patched(inputs_now, of, perturbation.window(t).value_or(whole)));
      if (pause) pause(tally.share_done());
    }
  return std::move(tally).shares();
}

}  // namespace sonde
