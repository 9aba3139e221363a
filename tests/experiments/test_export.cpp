// An exported measurement holds all that it was made from, and nothing else.
#include <gtest/gtest.h>

#include "experiments/vision/export.hpp"
#include "experiments/vision/trainer.hpp"
#include "nn/state_dict.hpp"
#include "small_models.hpp"
#include "study_data.hpp"
#include "temp_folder.hpp"
#include "tensor/io_safetensors.hpp"

namespace sonde::experiments {
namespace {

constexpr std::int64_t images = 6, patches = 4, draws = 2, side = 8, patch = 4;

struct Exported {
  TempFolder folder;
  std::unique_ptr<nn::Module> module = small_model(small_models[0], {5, 0});
  ImageSet set = striped_images(images, 4, 1);
  SensitivityOptions options{.sigma = 3, .draws = draws, .key = {1, 2}, .batch = 7};
  Sensitivity found = export_measurement(folder.path() / "new" / "m.safetensors", *module,
                                         set.images, patch, options, {{"model", "small"}});
  Safetensors file = load_safetensors(folder / "new/m.safetensors");
};

TEST(Export, IsTheMeasurementItself) {
  Exported e;
  const auto noise = patch_noise(1, side, side, patch);
  const Sensitivity plain = sensitivity(classifier(*e.module), e.set.images, *noise, e.options);
  EXPECT_EQ(e.found.by_input, plain.by_input);
  EXPECT_GT(plain.flips, 0);
  EXPECT_EQ(e.file.metadata.at("model"), "small");
  EXPECT_EQ(e.file.metadata.at("flips"), std::to_string(plain.flips));
  EXPECT_EQ(e.file.metadata.at("trials"), std::to_string(images * patches * draws));
  const auto flips = e.file.tensors.at("flips").to_vector<std::int64_t>();
  for (std::int64_t i = 0; i < images; ++i) {
    std::int64_t count = 0;
    for (std::int64_t k = 0; k < patches * draws; ++k)
      count += flips[static_cast<std::size_t>(i * patches * draws + k)];
    EXPECT_EQ(static_cast<double>(count) / (patches * draws),
              plain.by_input[static_cast<std::size_t>(i)]);
  }
}

// From the file alone: weights into another module, noise onto images, the same logits up to
// rounding (batches of one row are multiplied in another order).
TEST(Export, CanBeRepeatedFromTheFile) {
  Exported e;
  const NamedTensors& t = e.file.tensors;
  NamedTensors state;
  for (const auto& [name, value] : t)
    if (name.starts_with("model.")) state[name.substr(6)] = value;
  const auto other = small_model(small_models[0], {99, 0});
  nn::load_state_dict(*other, state);
  ASSERT_EQ(t.at("noise").shape(), (Dims{images, patches, draws, 1, patch, patch}));
  for (std::int64_t i = 0; i < images; ++i)
    for (std::int64_t p = 0; p < patches; ++p)
      for (std::int64_t d = 0; d < draws; ++d) {
        Tensor image = Tensor::empty({1, 1, side, side});
        for (std::int64_t y = 0; y < side; ++y)
          for (std::int64_t x = 0; x < side; ++x) {
            const bool inside = p == y / patch * (side / patch) + x / patch;
            const float added = inside ? t.at("noise").at({i, p, d, 0, y % patch, x % patch}) : 0.0;
            image.data<float>()[y * side + x] =
                static_cast<float>(t.at("images").at({i, 0, y, x})) + added;
          }
        const auto logits = classifier(*other)(image).to_vector<float>();
        for (std::size_t c = 0; c < logits.size(); ++c)
          EXPECT_NEAR(logits[c], t.at("noisy_logits").at({i, p, d, static_cast<std::int64_t>(c)}),
                      1e-5);
      }
}

TEST(Export, BadInputIsAnErrorAndLeavesNoFile) {
  TempFolder folder;
  const auto module = small_model(small_models[0], {5, 0});
  const ImageSet set = striped_images(images, 4, 1);
  EXPECT_THROW(export_measurement(folder / "m", *module, set.images, 5, {}, {}), Error);
  write_bytes(folder / "file", "");
  EXPECT_ANY_THROW(export_measurement(folder / "file/m", *module, set.images, patch, {}, {}));
  EXPECT_EQ(folder.count(), 1u);
}

}  // namespace
}  // namespace sonde::experiments
