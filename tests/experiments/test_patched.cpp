// Computing only what a patch can reach: the same decisions as computing every image whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "experiments/vision/models.hpp"
#include "experiments/vision/patched.hpp"
#include "experiments/vision/trainer.hpp"
#include "nn/models/cnn.hpp"
#include "nn/models/convmixer.hpp"
#include "nn/models/local.hpp"
#include "nn/models/resnet.hpp"
#include "study_data.hpp"

namespace sonde::experiments {
namespace {

struct Case {
  std::string name;
  std::unique_ptr<nn::Module> module;
};

std::vector<Case> networks(const ImageSpec& spec) {
  const philox::Key key{3, 0};
  std::vector<Case> all;
  all.push_back({"cnn", std::make_unique<nn::Cnn>(spec, key, nn::CnnOptions{.width = 5})});
  all.push_back({"resnet", std::make_unique<nn::ResNet>(
                               spec, key, nn::ResNetOptions{.widths = {4, 6}, .blocks = {1, 1}})});
  all.push_back(
      {"two local blocks",
       std::make_unique<nn::ResNet>(spec, key, nn::ResNetOptions{.widths = {4}, .blocks = {2}})});
  for (const std::int64_t kernel : {3, 4, 5})
    all.push_back(
        {"convmixer of kernel " + std::to_string(kernel),
         std::make_unique<nn::ConvMixer>(
             spec, key,
             nn::ConvMixerOptions{.dim = 6, .depth = 2, .kernel_size = kernel, .patch_size = 2})});
  return all;
}

// Trains a few steps, so that batch norms have statistics and predictions differ.
void train_a_little(nn::Module& module, const ImageSet& data) {
  Trainer trainer(module, data, {.batch = 20, .lr = 1e-2, .key = {1, 2}});
  for (int i = 0; i < 15; ++i) trainer.step();
}

// The logits of every disturbed image, sweep by sweep; each must be those of the whole image.
class Compared final : public PatchedClassifier {
 public:
  explicit Compared(const nn::Module& module)
      : whole_(classifier(module)), patched_(patched_classifier(module)) {}
  Tensor see(const Tensor& clean) override { return close(patched_->see(clean), whole_(clean)); }
  Tensor patched(const Tensor& inputs, std::span<const std::int64_t> of,
                 const Window& window) const override {
    return close(patched_->patched(inputs, of, window), whole_(inputs));
  }

 private:
  static Tensor close(const Tensor& a, const Tensor& b) {
    const auto x = a.to_vector<double>(), y = b.to_vector<double>();
    EXPECT_EQ(x.size(), y.size());
    double largest = 0;
    for (const double v : y) largest = std::max(largest, std::abs(v));
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], y[i], 1e-5 * largest);
    return a;
  }
  const Classifier whole_;
  const std::unique_ptr<PatchedClassifier> patched_;
};

TEST(Patched, EveryDisturbedImageHasTheLogitsOfTheWholeImage) {
  constexpr std::int64_t side = 16;
  const ImageSet data = striped_images(60, 4, 1, side);
  const Tensor images = data.images.slice(0, 0, 6);
  for (Case& c : networks({1, side, side, 4})) {
    SCOPED_TRACE(c.name);
    train_a_little(*c.module, data);
    ASSERT_NE(dynamic_cast<const nn::LocalFirst*>(c.module.get()), nullptr);
    Compared compared(*c.module);
    for (const std::int64_t patch : {2, 4, 8}) {
      const auto noise = patch_noise(1, side, side, patch);
      sensitivity(compared, images, *noise, {.sigma = 3, .draws = 2, .key = {4, 5}, .batch = 5});
    }
    const auto scattered = scattered_noise(1, side, side, 4);
    sensitivity(compared, images, *scattered, {.sigma = 3, .key = {4, 5}});
  }
}

TEST(Patched, TheSweepsAgreeInEveryDecision) {
  constexpr std::int64_t side = 16;
  const ImageSet data = striped_images(60, 4, 1, side);
  std::int64_t flips = 0;
  for (Case& c : networks({1, side, side, 4})) {
    SCOPED_TRACE(c.name);
    train_a_little(*c.module, data);
    const auto noise = patch_noise(1, side, side, 4);
    const SensitivityOptions options{.sigma = 3, .draws = 2, .key = {4, 5}};
    const Sensitivity plain = sensitivity(classifier(*c.module), data.images, *noise, options),
                      patched =
                          sensitivity(*patched_classifier(*c.module), data.images, *noise, options);
    EXPECT_EQ(plain.by_input, patched.by_input);
    EXPECT_EQ(plain.by_position, patched.by_position);
    EXPECT_EQ(plain.trials, patched.trials);
    flips += plain.flips;
  }
  EXPECT_GT(flips, 100);  // there was something to agree on
}

TEST(Patched, OtherNetworksAreComputedWhole) {
  const ImageSet data = striped_images(20, 4, 1);
  const auto module = image_model("vit").make({1, 8, 8, 4}, {1, 0});
  const auto noise = patch_noise(1, 8, 8, 4);
  const SensitivityOptions options{.sigma = 3, .key = {4, 5}};
  EXPECT_EQ(sensitivity(classifier(*module), data.images, *noise, options).by_input,
            sensitivity(*patched_classifier(*module), data.images, *noise, options).by_input);
}

}  // namespace
}  // namespace sonde::experiments
