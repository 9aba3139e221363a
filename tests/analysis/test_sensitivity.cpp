// Sensitivity on classifiers whose flip probability has a closed form.
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/sensitivity.hpp"
#include "tensor/parallel.hpp"

namespace sonde {
namespace {

constexpr std::int64_t side = 8, patch = 2, patches = 16;

// Two logits (0, margin + <w, x>): predicts 1 while margin + <w, x> > 0.
Classifier linear(double margin, std::vector<float> w) {
  return [=](const Tensor& x) {
    const auto n = x.size(0), d = x.numel() / n;
    Tensor out = Tensor::zeros({n, 2}, DType::f64);
    for (std::int64_t i = 0; i < n; ++i) {
      double sum = margin;
      for (std::int64_t k = 0; k < d; ++k)
        sum += double{w[static_cast<std::size_t>(k)]} * x.data<float>()[i * d + k];
      out.data<double>()[i * 2 + 1] = sum;
    }
    return out;
  };
}

double normal_cdf(double z) {
  return 0.5 * std::erfc(-z / std::sqrt(2.0));
}

// Zero images; noise of sigma on a patch of p pixels with weights w gives <w, x> ~ N(0, sigma^2 sum
// w^2).
TEST(Sensitivity, ALinearClassifierFlipsAsTheNormalTailSays) {
  std::vector<float> w(side * side, 0.f);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      w[static_cast<std::size_t>(y * side + x)] = y < side / 2 ? 1.f : 0.f;
  const auto noise = patch_noise(1, side, side, patch);
  const Sensitivity s = sensitivity(linear(1, w), Tensor::zeros({50, 1, side, side}), *noise,
                                    {.sigma = 0.7, .draws = 40, .key = {3, 4}});
  const double tail = normal_cdf(-1 / (0.7 * 2));  // four pixels of weight one
  EXPECT_EQ(s.trials, 50 * patches * 40);
  EXPECT_NEAR(s.binomial().value, tail / 2,
              4 * *s.binomial().std_error);  // only the upper half has an effect
  for (std::size_t t = 0; t < patches; ++t) {
    if (t < patches / 2)
      EXPECT_NEAR(s.by_position[t], tail, 5 * std::sqrt(tail * (1 - tail) / 2000));
    else
      EXPECT_EQ(s.by_position[t], 0);
  }
}

TEST(Sensitivity, AConstantClassifierHasNone) {
  const Classifier constant = [](const Tensor& x) { return Tensor::ones({x.size(0), 10}); };
  const auto noise = patch_noise(1, side, side, patch);
  const Sensitivity s =
      sensitivity(constant, Tensor::zeros({3, 1, side, side}), *noise, {.sigma = 1e6});
  EXPECT_EQ(s.flips, 0);
  EXPECT_EQ(s.clustered(1).value, 0);
  EXPECT_EQ(s.trials, 3 * patches);
}

TEST(Sensitivity, WithoutNoiseNothingFlips) {
  const std::vector<float> w(side * side, 1.f);
  const auto noise = scattered_noise(1, side, side, patch);
  EXPECT_EQ(
      sensitivity(linear(0.1, w), Tensor::zeros({3, 1, side, side}), *noise, {.sigma = 0}).flips,
      0);
}

TEST(Sensitivity, BatchesAndThreadsChangeNothing) {
  const std::vector<float> w(side * side, 0.3f);
  const Tensor x =
      Tensor::arange(7 * side * side, DType::f32, -0.02, 1e-4).reshape({7, 1, side, side});
  const auto noise = patch_noise(1, side, side, patch);
  const int before = threads();
  std::vector<Sample> seen;
  for (std::int64_t batch : {1, 10, 1024})
    for (int t : {1, 2, 3}) {
      set_threads(t);
      seen.push_back(sensitivity(linear(0.2, w), x, *noise,
                                 {.sigma = 1, .draws = 3, .key = {1, 2}, .batch = batch})
                         .by_input);
    }
  set_threads(before);
  for (const Sample& s : seen) EXPECT_EQ(s, seen[0]);
  const auto other =
      sensitivity(linear(0.2, w), x, *noise, {.sigma = 1, .draws = 3, .key = {1, 3}});
  EXPECT_NE(other.by_input, seen[0]);
}

// The noise itself: which pixels it touches, and its size.
TEST(Perturbation, PatchesTileTheImage) {
  const auto noise = patch_noise(3, 4, 6, 2);
  ASSERT_EQ(noise->positions(), 6);
  std::vector<int> touched(3 * 4 * 6, 0);
  for (std::int64_t t = 0; t < 6; ++t) {
    std::vector<float> image(touched.size(), 0.f);
    noise->apply(image, t, 1, {1, 1});
    int count = 0;
    for (std::size_t i = 0; i < image.size(); ++i)
      if (image[i] != 0) ++touched[i], ++count;
    EXPECT_EQ(count, 12);
  }
  EXPECT_EQ(touched, std::vector<int>(touched.size(), 1));
}

TEST(Perturbation, ScatteredPixelsAreAtMostAPatchAndShareChannels) {
  const auto noise = scattered_noise(2, 8, 8, 2);
  EXPECT_EQ(noise->positions(), 16);
  std::vector<int> hits(64, 0);
  for (std::uint64_t k = 0; k < 2000; ++k) {
    std::vector<float> image(128, 0.f);
    noise->apply(image, 0, 1, {k, 0});
    int count = 0;
    for (std::size_t p = 0; p < 64; ++p) {
      EXPECT_EQ(image[p] != 0, image[64 + p] != 0);
      if (image[p] != 0) ++count, ++hits[p];
    }
    EXPECT_GE(count, 1);
    EXPECT_LE(count, 4);
  }
  const double expected = 2000 * (1 - std::pow(63.0 / 64, 4));
  for (int h : hits) EXPECT_NEAR(h, expected, 5 * std::sqrt(expected));
}

TEST(Perturbation, NoiseHasTheStandardDeviationAskedFor) {
  const auto noise = patch_noise(1, 4, 4, 4);
  double sum = 0, squares = 0;
  const int repeats = 2000;
  for (std::uint64_t k = 0; k < repeats; ++k) {
    std::vector<float> image(16, 0.f);
    noise->apply(image, 0, 3, {k, 7});
    for (float v : image) sum += v, squares += double{v} * v;
  }
  EXPECT_NEAR(sum / (16 * repeats), 0, 5 * 3 / std::sqrt(16.0 * repeats));
  EXPECT_NEAR(std::sqrt(squares / (16 * repeats)), 3, 0.05);
}

TEST(Sensitivity, BadInputIsATypedError) {
  EXPECT_THROW(patch_noise(1, 28, 28, 5), Error);
  EXPECT_THROW(patch_noise(1, 28, 28, 0), Error);
  const auto noise = patch_noise(1, side, side, patch);
  const Classifier c = linear(1, std::vector<float>(side * side, 1.f));
  EXPECT_THROW(sensitivity(c, Tensor::zeros({0, 1, side, side}), *noise, {}), Error);
  EXPECT_THROW(sensitivity(c, Tensor::zeros({side, side}), *noise, {}), Error);
  EXPECT_THROW(sensitivity(c, Tensor::zeros({1, 1, side, side}), *noise, {.draws = 0}), Error);
  EXPECT_THROW(sensitivity(c, Tensor::zeros({1, 1, side, side}), *noise, {.sigma = std::nan("")}),
               Error);
  const Classifier short_one = [](const Tensor&) { return Tensor::zeros({1, 2}); };
  EXPECT_THROW(sensitivity(short_one, Tensor::zeros({2, 1, side, side}), *noise, {}), Error);
  EXPECT_THROW(predictions(Tensor::zeros({3})), Error);
  EXPECT_EQ(predictions(Tensor::from<float>({1, 1, 0, 2}, {2, 2})),
            (std::vector<std::int64_t>{0, 1}));
}

TEST(Sensitivity, StopsWhenAsked) {
  struct Stop {};
  const auto noise = patch_noise(1, side, side, patch);
  int calls = 0;
  EXPECT_THROW(sensitivity(linear(1, std::vector<float>(side * side, 1.f)),
                           Tensor::zeros({4, 1, side, side}), *noise, {.batch = 16},
                           [&](double) {
                             if (++calls == 2) throw Stop();
                           }),
               Stop);
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace sonde
