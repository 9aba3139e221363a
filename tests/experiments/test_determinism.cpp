// The same seed gives bit-identical weights and sensitivities for any number of threads and in
// every run.
#include <gtest/gtest.h>

#include "study_data.hpp"
#include "tensor/parallel.hpp"

namespace sonde::experiments {
namespace {

struct Outcome {
  std::vector<std::vector<float>> weights;
  std::vector<double> losses;
  Sample sensitivity;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome train_and_measure(std::uint64_t seed) {
  const ImageSet data = striped_images(150, 4, 1);  // its last batch is short
  const auto module = image_model("mlp").make({1, 8, 8, 4}, {seed, 0});
  Trainer trainer(*module, data, {.batch = 40, .lr = 1e-3, .key = {seed, 1}});
  Outcome out;
  for (int i = 0; i < 12; ++i) out.losses.push_back(trainer.step());
  for (const Tensor& p : module->parameter_tensors()) out.weights.push_back(p.to_vector<float>());
  const auto noise = patch_noise(1, 8, 8, 2);
  out.sensitivity = sensitivity(classifier(*module), data.images, *noise,
                                {.sigma = 2, .draws = 2, .key = {seed, 2}})
                        .by_input;
  return out;
}

TEST(Determinism, ThreadsAndRunsChangeNoBit) {
  const int before = threads();
  set_threads(1);
  const Outcome one = train_and_measure(7);
  for (int t : {1, 2, 3}) {
    set_threads(t);
    EXPECT_TRUE(train_and_measure(7) == one) << t << " threads";
  }
  EXPECT_FALSE(train_and_measure(8).weights == one.weights);
  set_threads(before);
  EXPECT_LT(one.losses.back(), one.losses.front());
  EXPECT_GT(mean(one.sensitivity), 0);
}

TEST(Determinism, ARestoredTrainerGoesOnToTheSameBits) {
  const ImageSet data = striped_images(100, 4, 2);
  const auto first = image_model("mlp").make({1, 8, 8, 4}, {1, 0}),
             second = image_model("mlp").make({1, 8, 8, 4}, {2, 0});
  Trainer whole(*first, data, {.batch = 30}), resumed(*second, data, {.batch = 30});
  for (int i = 0; i < 6; ++i) whole.step();  // in the middle of the second epoch
  Checkpoint state;
  whole.save(state, "x.");
  resumed.restore(state, "x.");
  for (int i = 0; i < 6; ++i) EXPECT_EQ(whole.step(), resumed.step());
  for (std::size_t i = 0; i < first->parameters().size(); ++i)
    EXPECT_EQ(first->parameter_tensors()[i].to_vector<float>(),
              second->parameter_tensors()[i].to_vector<float>());
  EXPECT_THROW(resumed.restore({}, "x."), Error);
}

}  // namespace
}  // namespace sonde::experiments
