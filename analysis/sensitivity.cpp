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
  void apply(std::span<float> input, std::int64_t t, double sigma, philox::Key key) const override {
    const Tensor noise = normal(key, channels_ * patch_ * patch_);
    const float* n = noise.data<float>();
    const std::int64_t top = t / (width_ / patch_) * patch_, left = t % (width_ / patch_) * patch_;
    for (std::int64_t c = 0; c < channels_; ++c)
      for (std::int64_t y = top; y < top + patch_; ++y)
        for (std::int64_t x = left; x < left + patch_; ++x)
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

std::vector<std::int64_t> predict(const Classifier& classifier, const Tensor& inputs) {
  auto classes = predictions(classifier(inputs));
  if (static_cast<std::int64_t>(classes.size()) != inputs.size(0))
    fail(ErrorCode::shape, "sensitivity", "{} predictions for {} inputs", classes.size(),
         inputs.size(0));
  return classes;
}

// Trial j of all is draw j % m of position (j / m) % T of input j / (m T).
struct Trials {
  std::int64_t draws, positions;
  std::int64_t input(std::int64_t j) const { return j / (draws * positions); }
  std::int64_t position(std::int64_t j) const { return j / draws % positions; }
  std::int64_t draw(std::int64_t j) const { return j % draws; }
};

// The disturbed inputs of trials first ... first + count - 1.
Tensor disturbed(const Tensor& inputs, const Perturbation& perturbation,
                 const SensitivityOptions& o, const Trials& trials, std::int64_t first,
                 std::int64_t count) {
  const std::int64_t size = inputs.numel() / inputs.size(0);
  Dims shape = inputs.shape();
  shape[0] = count;
  Tensor out = Tensor::empty(shape);
  const float* from = inputs.data<float>();
  float* to = out.mutable_data<float>();
  parallel_for(count, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const std::int64_t j = first + k, i = trials.input(j), t = trials.position(j);
      philox::Key key = philox::fold_in(o.key, static_cast<std::uint64_t>(i));
      key = philox::fold_in(philox::fold_in(key, static_cast<std::uint64_t>(t)),
                            static_cast<std::uint64_t>(trials.draw(j)));
      std::copy_n(from + i * size, size, to + k * size);
      perturbation.apply({to + k * size, static_cast<std::size_t>(size)}, t, o.sigma, key);
    }
  });
  return out;
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
  if (inputs.rank() != 4 || inputs.size(0) < 1)
    fail(ErrorCode::shape, "sensitivity", "inputs are [n, channels, height, width], these are {}",
         inputs.spec());
  if (o.draws < 1 || o.batch < 1 || !(o.sigma >= 0 && std::isfinite(o.sigma)))
    fail(ErrorCode::value, "sensitivity", "sigma {}, {} draws, batches of {}", o.sigma, o.draws,
         o.batch);
  const Tensor clean = inputs.contiguous();
  const std::vector<std::int64_t> before = predict(classifier, clean);
  const Trials trials{o.draws, perturbation.positions()};
  const auto n = clean.size(0), total = checked_mul(checked_mul(n, trials.positions), trials.draws);
  Sensitivity s{.trials = total,
                .by_input = Sample(static_cast<std::size_t>(n)),
                .by_position = Sample(static_cast<std::size_t>(trials.positions))};
  for (std::int64_t first = 0; first < total; first += o.batch) {
    const std::int64_t count = std::min(o.batch, total - first);
    const auto after = predict(classifier, disturbed(clean, perturbation, o, trials, first, count));
    for (std::int64_t k = 0; k < count; ++k) {
      const auto i = static_cast<std::size_t>(trials.input(first + k));
      if (after[static_cast<std::size_t>(k)] == before[i]) continue;
      ++s.flips;
      ++s.by_input[i];
      ++s.by_position[static_cast<std::size_t>(trials.position(first + k))];
    }
    if (pause) pause(static_cast<double>(first + count) / static_cast<double>(total));
  }
  for (double& v : s.by_input) v /= static_cast<double>(trials.positions * trials.draws);
  for (double& v : s.by_position) v /= static_cast<double>(n * trials.draws);
  return s;
}

}  // namespace sonde
