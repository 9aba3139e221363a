#include "experiments/vision/export.hpp"

#include <algorithm>
#include <bit>

#include "experiments/vision/trainer.hpp"
#include "nn/state_dict.hpp"
#include "tensor/io_safetensors.hpp"

namespace sonde::experiments {
namespace {

// The pixels of a window in an image [C, H, W], in the order of the file.
std::vector<std::size_t> pixels_of(const Dims& image, const Window& w) {
  std::vector<std::size_t> pixels;
  for (std::int64_t c = 0; c < image[0]; ++c)
    for (std::int64_t y = w.top; y < w.top + w.height; ++y)
      for (std::int64_t x = w.left; x < w.left + w.width; ++x)
        pixels.push_back(static_cast<std::size_t>((c * image[1] + y) * image[2] + x));
  return pixels;
}

// The tensors of the file. Trials are numbered as the measurement goes through them: input by
// input, position by position, draw by draw.
class Record {
 public:
  Record(const Tensor& images, std::int64_t patch, const SensitivityOptions& o)
      : images_(images.contiguous()),
        image_{images.size(1), images.size(2), images.size(3)},
        patch_(patch),
        options_(o),
        perturbation_(patch_noise(image_[0], image_[1], image_[2], patch)),
        positions_(perturbation_->positions()),
        noise_(Tensor::empty({images.size(0), positions_, o.draws, image_[0], patch, patch})) {}

  const Perturbation& perturbation() const { return *perturbation_; }

  // A call of the classifier: the first one is on the images themselves.
  void saw(const Tensor& inputs, const Tensor& logits) {
    if (clean_)
      add_trials(inputs, logits);
    else
      clean_ = logits.to(Device{}).to(DType::f32).contiguous();
  }

  NamedTensors tensors() const {
    const std::int64_t n = images_.size(0), classes = clean_.size(1);
    const Dims trials{n, positions_, options_.draws};
    return {{"images", images_},
            {"noise", noise_},
            {"clean_logits", clean_},
            {"noisy_logits", Tensor::from<float>(noisy_, {n, positions_, options_.draws, classes})},
            {"flips", Tensor::from<std::uint8_t>(flips_, trials)}};
  }
  std::int64_t flips() const { return std::ranges::count(flips_, 1); }

 private:
  void add_trials(const Tensor& inputs, const Tensor& logits) {
    const std::vector<std::int64_t> after = predictions(logits), before = predictions(clean_);
    const std::vector<float> values = logits.to_vector<float>();
    noisy_.insert(noisy_.end(), values.begin(), values.end());
    const std::int64_t size = inputs.numel() / inputs.size(0);
    for (std::size_t k = 0; k < after.size(); ++k) {
      const auto trial = static_cast<std::int64_t>(flips_.size());
      const std::int64_t input = trial / (positions_ * options_.draws);
      flips_.push_back(after[k] != before[static_cast<std::size_t>(input)]);
      add_noise(trial, {inputs.data<float>() + static_cast<std::int64_t>(k) * size,
                        static_cast<std::size_t>(size)});
    }
  }

  // The noise of a trial, by its key; `seen` must be its image with that added.
  void add_noise(std::int64_t number, std::span<const float> seen) {
    const Trial trial{.input = number / options_.draws / positions_,
                      .position = number / options_.draws % positions_,
                      .draw = number % options_.draws};
    std::vector<float> noise(seen.size(), 0.0f);
    perturbation_->apply(noise, trial.position, options_.sigma, trial_key(options_.key, trial));
    const float* image =
        images_.data<float>() + trial.input * static_cast<std::int64_t>(seen.size());
    for (std::size_t p = 0; p < seen.size(); ++p)
      if (std::bit_cast<std::uint32_t>(image[p] + noise[p]) !=
          std::bit_cast<std::uint32_t>(seen[p]))
        fail(ErrorCode::numeric, "export", "trial {}: the image measured is not image + noise",
             number);
    float* to = noise_.mutable_data<float>() + number * image_[0] * patch_ * patch_;
    for (std::size_t p : pixels_of(image_, *perturbation_->window(trial.position)))
      *to++ = std::exchange(noise[p], 0.0f);
    if (std::ranges::any_of(noise, [](float v) { return v != 0; }))
      fail(ErrorCode::numeric, "export", "trial {}: noise outside of patch {}", number,
           trial.position);
  }

  const Tensor images_;
  const Dims image_;
  const std::int64_t patch_;
  const SensitivityOptions options_;
  const std::unique_ptr<Perturbation> perturbation_;
  const std::int64_t positions_;
  Tensor noise_, clean_;
  std::vector<float> noisy_;
  std::vector<std::uint8_t> flips_;
};

}  // namespace

Sensitivity export_measurement(const std::filesystem::path& path, const nn::Module& module,
                               const Tensor& images, std::int64_t patch,
                               const SensitivityOptions& options,
                               std::map<std::string, std::string> facts,
                               const std::function<void(double)>& pause) {
  Record record(images, patch, options);
  const Classifier classify = classifier(module);
  const Sensitivity found = sensitivity(
      [&](const Tensor& inputs) {
        Tensor logits = classify(inputs);
        record.saw(inputs, logits);
        return logits;
      },
      images, record.perturbation(), options, pause);
  if (record.flips() != found.flips)
    fail(ErrorCode::numeric, "export", "{} flips by logits, {} measured", record.flips(),
         found.flips);
  NamedTensors tensors = record.tensors();
  for (const auto& [name, value] : nn::state_dict(module)) tensors["model." + name] = value;
  facts["sigma"] = fmt::format("{}", options.sigma);
  facts["flips"] = fmt::format("{}", found.flips);
  facts["trials"] = fmt::format("{}", found.trials);
  std::filesystem::create_directories(path.parent_path());
  save_safetensors(path.string(), tensors, facts);
  return found;
}

}  // namespace sonde::experiments
