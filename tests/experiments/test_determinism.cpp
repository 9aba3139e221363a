// The same seed gives bit-identical weights and sensitivities for any number of threads and in
// every run.
#include <gtest/gtest.h>

#include <cstring>

#include "promise_figure.hpp"
#include "small_models.hpp"
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

// Everything a trainer takes its randomness from: order, augmentation, dropout.
Trainer small_trainer(nn::Module& module, const ImageSet& data) {
  return {module,
          data,
          {.batch = 30,
           .schedule = optim::step_lr(4),
           .augment = compose({random_crop(1), random_horizontal_flip()}),
           .key = {3, 0}}};
}

NamedTensors trained(const char* model, int thread_count) {
  set_threads(thread_count);
  const ImageSet data = striped_images(100, 4, 2);
  const auto module = small_model(model, {1, 0});
  Trainer trainer = small_trainer(*module, data);
  for (int i = 0; i < 6; ++i) trainer.step();
  Checkpoint state;
  trainer.save(state, "");
  return state.tensors;
}

void expect_same_bits(const NamedTensors& a, const NamedTensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) {
    const Tensor& other = b.at(name);
    const auto bytes = static_cast<std::size_t>(tensor.numel() * size_of(tensor.dtype()));
    ASSERT_EQ(tensor.spec(), other.spec()) << name;
    EXPECT_EQ(std::memcmp(tensor.bytes(), other.bytes(), bytes), 0) << name;
  }
}

TEST(Determinism, ThreadsChangeNoBitOfAnyModelsState) {
  const int before = threads();
  for (const char* model : small_models) {
    const NamedTensors one = trained(model, 1);
    for (int t : {2, 3}) {
      SCOPED_TRACE(fmt::format("{}, {} threads", model, t));
      expect_same_bits(trained(model, t), one);
    }
    promise_figure("{}: 1, 2 and 3 threads, the same bits", model);
  }
  set_threads(before);
}

TEST(Determinism, ARestoredTrainerGoesOnToTheSameBits) {
  const ImageSet data = striped_images(100, 4, 2);
  for (const char* model : small_models) {
    SCOPED_TRACE(model);
    const auto first = small_model(model, {1, 0}), second = small_model(model, {2, 0});
    Trainer whole = small_trainer(*first, data), resumed = small_trainer(*second, data);
    for (int i = 0; i < 6; ++i) whole.step();  // in the middle of the second epoch
    Checkpoint state;
    whole.save(state, "x.");
    resumed.restore(state, "x.");
    EXPECT_EQ(resumed.steps(), 6);
    for (int i = 0; i < 6; ++i) EXPECT_EQ(whole.step(), resumed.step());
    Checkpoint a, b;
    whole.save(a, "");
    resumed.save(b, "");
    expect_same_bits(a.tensors, b.tensors);
    EXPECT_EQ(a.state, b.state);
    EXPECT_THROW(resumed.restore({}, "x."), Error);
  }
}

}  // namespace
}  // namespace sonde::experiments
