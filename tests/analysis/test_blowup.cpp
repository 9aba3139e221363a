// Blow-up of norms whose inputs have a known deviation.
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/blowup.hpp"
#include "autograd/ops.hpp"
#include "nn/init.hpp"
#include "nn/transformer.hpp"

namespace sonde {
namespace {

// Tokens (c - d, c + d) of deviation d for each of [n, tokens]: variance d^2, unbiased 2 d^2.
Tensor tokens(const std::vector<double>& deviations, const Dims& shape) {
  Tensor out = Tensor::empty({shape[0], shape[1], 2}, DType::f64);
  for (std::size_t i = 0; i < deviations.size(); ++i) {
    out.data<double>()[2 * i] = 3 - deviations[i];
    out.data<double>()[2 * i + 1] = 3 + deviations[i];
  }
  return out;
}

void expect_near(const Sample& found, const Sample& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 1e-12 * std::abs(expected[i]));
}

const TappedValues two_norms{{"a", tokens({1, 0.5, 2, 4}, {2, 2})},
                             {"b", tokens({0.1, 0.2, 5, 0.25}, {2, 2})}};

TEST(Blowup, OfTheoryIsOnePlusTheInverseDeviation) {
  // Greatest of 1 + 1/d over tokens, multiplied: (1 + 2)(1 + 10) and (1 + 1/2)(1 + 4).
  expect_near(layer_norm_blowup(two_norms, {.eps = 0}), {33, 7.5});
  const double eps = 0.07;
  auto n = [&](double d) { return 1 + 1 / std::sqrt(d * d + eps); };
  expect_near(layer_norm_blowup(two_norms, {.eps = eps}), {n(0.5) * n(0.1), n(2) * n(0.25)});
}

TEST(Blowup, AsMeasuredIsTheInverseUnbiasedDeviation) {
  const BlowupOptions o{.form = BlowupForm::measured};
  expect_near(layer_norm_blowup(two_norms, o), {2 * 10 / 2.0, 0.5 * 4 / 2.0});
  BlowupOptions other = o;
  other.tokens = OverTokens::mean;
  expect_near(layer_norm_blowup(two_norms, other), {1.5 * 7.5 / 2, 0.375 * 2.1 / 2});
  other = o;
  other.norms = OverNorms::sum;
  expect_near(layer_norm_blowup(two_norms, other), {12 / std::sqrt(2.0), 4.5 / std::sqrt(2.0)});
  other = o;
  other.read_at_last_token = 1;  // of the second norm
  expect_near(layer_norm_blowup(two_norms, other), {2 * 5 / 2.0, 0.5 * 4 / 2.0});
}

TEST(Blowup, IsMeasuredInARunningNetwork) {
  nn::TransformerEncoder net(8, 2, 2, {1, 2},
                             {.layer = {.dim_feedforward = 16, .dropout = 0, .batch_first = true}});
  net.convert(DType::f64);
  const Tensor x = nn::normal_init({3, 4, 8}, 0, 1, {5, 5}, DType::f64);
  const TappedValues entering = values_at(tapped(net), x, "layers.*.norm?.in");
  ASSERT_EQ(entering.size(), 4u);
  Sample expected(3, 1);
  for (const auto& [path, value] : entering)
    for (std::int64_t i = 0; i < 3; ++i) {
      double greatest = 0;
      for (std::int64_t t = 0; t < 4; ++t) {
        double mean = 0, square = 0;
        for (std::int64_t k = 0; k < 8; ++k) mean += value.at({i, t, k}) / 8;
        for (std::int64_t k = 0; k < 8; ++k) square += std::pow(value.at({i, t, k}) - mean, 2);
        greatest = std::max(greatest, 1 / std::sqrt(square / 7));
      }
      expected[static_cast<std::size_t>(i)] *= greatest;
    }
  expect_near(layer_norm_blowup(entering, {.form = BlowupForm::measured}), expected);
}

TEST(Blowup, BadInputIsATypedError) {
  auto code = [](const TappedValues& v, const BlowupOptions& o) {
    try {
      layer_norm_blowup(v, o);
    } catch (const Error& e) {
      return e.code();
    }
    return ErrorCode::usage;
  };
  EXPECT_EQ(code({}, {}), ErrorCode::value);
  EXPECT_EQ(code(two_norms, {.eps = -1}), ErrorCode::value);
  EXPECT_EQ(code(two_norms, {.read_at_last_token = 3}), ErrorCode::value);
  EXPECT_EQ(code({{"a", Tensor::ones({2, 3})}}, {}), ErrorCode::shape);
  EXPECT_EQ(code({two_norms[0], {"b", tokens({1, 1}, {2, 1})}}, {}), ErrorCode::shape);
}

}  // namespace
}  // namespace sonde
