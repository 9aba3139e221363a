// Sensitivity beyond images: tokens, embeddings at a tap, bits; each against a closed form.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "analysis/boolean.hpp"
#include "analysis/sensitivity.hpp"
#include "autograd/ops.hpp"
#include "nn/models/bert.hpp"
#include "tensor/parallel.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde {
namespace {

using testing::expect_code;

constexpr std::int64_t tokens = 4, features = 3, vocab = 10;

double normal_cdf(double z) {
  return 0.5 * std::erfc(-z / std::sqrt(2.0));
}

// Tokens [n, 4] to embeddings [n, 4, 3], all of them `value`, offered at "emb.out"; logits (0, 1 +
// sum over positions t of t times the sum of the embedding's deviation from `value`).
TappedFunction embedded(double value) {
  return [=](const Tensor& x, const nn::Tap& tap) {
    const std::int64_t n = x.size(0);
    const Var e = tap("emb.out", Tensor::full({n, tokens, features}, value, DType::f64));
    const Var weights = Tensor::arange(tokens, DType::f64).reshape({1, tokens});
    const Var score = sum(sum(e - value, {2}) * weights, {1}, true) + 1.0;
    return concat({Var(Tensor::zeros({n, 1}, DType::f64)), score}, 1).tensor();
  };
}

Tensor some_tokens(std::int64_t n) {
  return Tensor::zeros({n, tokens}, DType::i64);
}

// Noise on token t alone changes the score by N(0, sigma^2 t^2 features).
void expect_tails(const Sensitivity& s, double sigma, double trials_each) {
  for (std::size_t t = 0; t < tokens; ++t) {
    const double tail =
        t == 0 ? 0 : normal_cdf(-1 / (sigma * static_cast<double>(t) * std::sqrt(3.0)));
    EXPECT_NEAR(s.by_position[t], tail, 5 * std::sqrt(tail * (1 - tail) / trials_each)) << t;
  }
}

TEST(EmbeddingNoise, OnATokenFlipsAsTheNormalTailSays) {
  const SensitivityOptions o{.sigma = 0.4, .draws = 50, .key = {1, 2}};
  const auto s =
      sensitivity(embedded(7), "emb.out", some_tokens(60), *token_noise(tokens, features), o);
  EXPECT_EQ(s.trials, 60 * tokens * 50);
  expect_tails(s, 0.4, 3000);
}

TEST(EmbeddingNoise, RelativeIsInUnitsOfTheEmbeddings) {
  SensitivityOptions o{.sigma = 0.05, .draws = 50, .key = {1, 2}, .relative = true};
  const auto noise = token_noise(tokens, features);
  const auto relative = sensitivity(embedded(8), "emb.out", some_tokens(60), *noise, o);
  expect_tails(relative, 0.4, 3000);
  o = {.sigma = 0.4, .draws = 50, .key = {1, 2}};
  EXPECT_EQ(
      relative.shares.to_vector<double>(),
      sensitivity(embedded(8), "emb.out", some_tokens(60), *noise, o).shares.to_vector<double>());
}

TEST(EmbeddingNoise, OnAllTokensIsOnePosition) {
  const SensitivityOptions o{.sigma = 0.2, .draws = 500, .key = {1, 2}};
  const auto s = sensitivity(embedded(0), "emb.out", some_tokens(20), *whole_noise(), o);
  EXPECT_EQ(s.trials, 20 * 500);
  const double tail = normal_cdf(-1 / (0.2 * std::sqrt(3.0 * (1 + 4 + 9))));
  EXPECT_NEAR(s.binomial().value, tail, 4 * *s.binomial().std_error);
}

// Input i has the tokens 0 ... i mod 4; the others are padding.
Tensor lengths(std::int64_t n) {
  Tensor present = Tensor::zeros({n, tokens}, DType::boolean);
  for (std::int64_t i = 0; i < n; ++i)
    present.select(0, i)
        .slice(0, 0, i % tokens + 1)
        .copy_from(Tensor::ones({i % tokens + 1}, DType::boolean));
  return present;
}

TEST(EmbeddingNoise, PaddingIsNoPosition) {
  const SensitivityOptions o{.sigma = 0.4, .draws = 50, .key = {1, 2}, .present = lengths(60)};
  const auto s =
      sensitivity(embedded(7), "emb.out", some_tokens(60), *token_noise(tokens, features), o);
  EXPECT_EQ(s.trials, 15 * (1 + 2 + 3 + 4) * 50);
  expect_tails(s, 0.4, 15 * 50);
  EXPECT_TRUE(std::isnan(s.shares.at({0, 1})));
  const double expected =
      (s.shares.at({0, 0}) + s.shares.at({1, 1}) + s.shares.at({2, 2}) + s.shares.at({3, 3})) / 4;
  Sensitivity first = s;
  first.shares = s.shares.slice(0, 0, 4);
  EXPECT_DOUBLE_EQ(first.by_position_from_end()[0], expected);
  EXPECT_DOUBLE_EQ(first.by_position_from_end()[1],
                   (s.shares.at({1, 0}) + s.shares.at({2, 1}) + s.shares.at({3, 2})) / 3);
}

// Inputs with one position that always flips, and with nine of which a tenth does: a ratio of sums,
// whose error is that of flips - S trials, 0.81 of 5 trials up and down.
TEST(Sensitivity, OfInputsOfUnequalLengthIsARatio) {
  constexpr std::int64_t n = 40, positions = 9;
  Sensitivity s;
  s.flips = 380;
  s.trials = 2000;
  s.shares = Tensor::full({n, positions}, std::nan(""), DType::f64);
  for (std::int64_t i = 0; i < n; ++i) {
    const bool is_long = i % 2 == 1;
    s.by_input.push_back(is_long ? 0.1 : 1);
    for (std::int64_t t = 0; t < (is_long ? positions : 1); ++t)
      s.shares.data<double>()[i * positions + t] = s.by_input.back();
  }
  const double error = 0.81 / 5 / std::sqrt(40.0);
  EXPECT_EQ(s.clustered(3).value, 0.19);
  EXPECT_NEAR(*s.clustered(3).std_error, error, 0.1 * error);
}

TEST(EmbeddingNoise, PaddingDoesNotCountInTheUnit) {
  // Embeddings 2 where there is a token, 1000 where there is none.
  const Tensor present = lengths(8);
  const TappedFunction f = [&](const Tensor& x, const nn::Tap& tap) {
    const Var full = broadcast_to(Var(unsqueeze(x, 2)), {x.size(0), tokens, features});
    const Var e = tap("emb.out", to(full, DType::f64));
    const Var first = slice(select(e, 1, 0), 1, 0, 1);
    return concat({mul(first, 0.0), first}, 1).tensor();
  };
  const Tensor x = where(present, Tensor::full({8, tokens}, 2, DType::i64),
                         Tensor::full({8, tokens}, 1000, DType::i64))
                       .tensor();
  const auto noise = token_noise(tokens, features);
  const auto relative = sensitivity(
      f, "emb.out", x, *noise, {.sigma = 1.5, .draws = 9, .relative = true, .present = present});
  const auto absolute =
      sensitivity(f, "emb.out", x, *noise, {.sigma = 3, .draws = 9, .present = present});
  EXPECT_GT(absolute.flips, 0);
  EXPECT_EQ(relative.by_input, absolute.by_input);
}

// Predicts whether the first token is below 3.
TEST(TokenReplacement, DrawsEveryTokenAlike) {
  const Classifier small = [](const Tensor& x) {
    const Var first = to(lt(slice(x, 1, 0, 1), 3.0), DType::f32);
    return concat({1.0 - first, first}, 1).tensor();
  };
  Tensor x = some_tokens(200);
  x.slice(0, 100, 200).copy_from(Tensor::full({100, tokens}, 5, DType::i64));
  const auto s =
      sensitivity(small, x, *token_replacement(tokens, 0, vocab), {.draws = 30, .key = {2, 2}});
  // 0.7 of the draws leave {0, 1, 2}, 0.3 enter it
  const double low = mean(std::span(s.by_input).first(100)) * tokens,
               high = mean(std::span(s.by_input).last(100)) * tokens;
  const double reach = 5 * std::sqrt(0.21 / 3000);
  EXPECT_NEAR(low, 0.7, reach);
  EXPECT_NEAR(high, 0.3, reach);
  for (std::size_t t = 1; t < tokens; ++t) EXPECT_EQ(s.by_position[t], 0);
  std::vector<std::int64_t> hits(vocab);
  for (std::uint64_t k = 0; k < 5000; ++k) {
    std::vector<std::int64_t> sentence(tokens, -1);
    token_replacement(tokens, 2, vocab)->apply(sentence, 1, 1, {k, 9});
    EXPECT_EQ(sentence[0] + sentence[2] + sentence[3], -3);
    ASSERT_TRUE(sentence[1] >= 2 && sentence[1] < vocab);
    ++hits[static_cast<std::size_t>(sentence[1])];
  }
  for (std::size_t v = 2; v < vocab; ++v) EXPECT_NEAR(hits[v], 625, 5 * 25);
}

// On the whole cube, flips of one bit each are average sensitivity and influences.
TEST(BitFlip, OnTheCubeIsBooleanSensitivity) {
  constexpr int d = 7;
  const auto table = truth_table(
      [](std::uint32_t x) {
        return static_cast<std::int64_t>(philox::bits({3, 1}, x) & 1);
      },
      d);
  const Classifier f = [&](const Tensor& points) {
    Tensor logits = Tensor::zeros({points.size(0), 2});
    for (std::int64_t i = 0; i < points.size(0); ++i) {
      std::size_t number = 0;
      for (int k = 0; k < d; ++k) number |= std::size_t{points.at({i, k}) < 0} << k;
      logits.data<float>()[2 * i + table[number]] = 1;
    }
    return logits;
  };
  const auto s = sensitivity(f, cube_points(d), *bit_flip(d), {});
  EXPECT_EQ(static_cast<double>(s.flips) / (1 << d), average_sensitivity(table));
  EXPECT_EQ(s.by_position, influences(table));
  std::vector<std::int64_t> bits{0, 1, 1};
  bit_flip(3, 0, 1)->apply(bits, 1, 1, {});
  EXPECT_EQ(bits, (std::vector<std::int64_t>{0, 0, 1}));
}

// A network whose embeddings are known: noise at its tap is noise on the table's rows.
TEST(EmbeddingNoise, ReachesANetworkThroughItsTap) {
  nn::Bert bert(
      {3, 3}, {.vocab = 20, .dim = 8, .depth = 1, .heads = 2, .mlp_dim = 16, .max_positions = 12});
  Tensor x = Tensor::arange(6 * 5, DType::i64).reshape({6, 5});
  x = remainder(x, 18.0).tensor();
  x = add(x, 2.0).tensor().to(DType::i64);
  const std::string point = "embeddings.word_embeddings.out";
  const auto noise = token_noise(5, 8);
  const auto f = tapped(bert);
  EXPECT_EQ(sensitivity(f, point, x, *noise, {.sigma = 0, .draws = 3}).flips, 0);
  const auto s = sensitivity(f, point, x, *noise, {.sigma = 5, .draws = 20});
  EXPECT_GT(s.flips, 0);
  EXPECT_EQ(s.trials, 6 * 5 * 20);
  EXPECT_EQ(value_at(f, x, point).shape(), (Dims{6, 5, 8}));
  EXPECT_EQ(values_at(f, x, "encoder.*.norm?.in").size(), 2u);
  EXPECT_NE(expect_code(ErrorCode::names,
                        [&] { sensitivity(f, "embeddings.word_embedding.out", x, *noise, {}); })
                .find("'embeddings.word_embeddings.out'"),
            std::string::npos);
}

TEST(EmbeddingNoise, ThreadsAndBatchesChangeNothing) {
  const int before = threads();
  std::vector<std::vector<double>> seen;
  for (std::int64_t batch : {7, 1024})
    for (int t : {1, 2, 3}) {
      set_threads(t);
      seen.push_back(sensitivity(embedded(7), "emb.out", some_tokens(30),
                                 *token_noise(tokens, features),
                                 {.sigma = 0.4, .draws = 20, .key = {1, 2}, .batch = batch})
                         .shares.to_vector<double>());
    }
  set_threads(before);
  for (const auto& shares : seen) EXPECT_EQ(shares, seen[0]);
}

// Draws of one key agree in both types, so an f64 network is measured under the same noise.
TEST(Perturbations, NoiseIsTheSameInBothTypes) {
  const std::unique_ptr<Perturbation> noises[] = {
      patch_noise(1, 4, 4, 2), scattered_noise(1, 4, 4, 2), token_noise(4, 4), whole_noise()};
  for (const auto& noise : noises)
    for (std::int64_t t = 0; t < noise->positions(); ++t) {
      std::vector<float> single(16);
      std::vector<double> twice(16);
      noise->apply(single, t, 0.5, {4, 2});
      noise->apply(twice, t, 0.5, {4, 2});
      double most = 0;
      for (std::size_t i = 0; i < 16; ++i) {
        EXPECT_NEAR(single[i], twice[i], 1e-6);
        most = std::max(most, std::abs(twice[i]));
      }
      EXPECT_GT(most, 0);
    }
}

TEST(Perturbations, BadInputIsATypedError) {
  const Classifier c = [](const Tensor& x) { return Tensor::ones({x.size(0), 2}); };
  const TappedFunction f = embedded(1);
  expect_code(ErrorCode::value, [] { token_noise(0, 3); });
  expect_code(ErrorCode::value, [] { token_replacement(3, 5, 5); });
  expect_code(ErrorCode::value, [] { bit_flip(3, 1, 1); });
  expect_code(ErrorCode::dtype,
              [&] { sensitivity(c, some_tokens(2), *whole_noise(), {.sigma = 1}); });
  expect_code(ErrorCode::dtype, [&] {
    sensitivity(c, Tensor::zeros({2, 4}), *token_replacement(4, 0, 3), {});
  });
  expect_code(ErrorCode::dtype, [&] {
    sensitivity(c, Tensor::zeros({2, 4}, DType::boolean), *bit_flip(4), {});
  });
  expect_code(ErrorCode::shape, [&] { sensitivity(c, Tensor::zeros({2, 5}), *bit_flip(4), {}); });
  expect_code(ErrorCode::shape,
              [&] { sensitivity(f, "emb.out", some_tokens(2), *token_noise(3, features), {}); });
  const auto bits = bit_flip(tokens);
  expect_code(ErrorCode::shape,
              [&] { sensitivity(c, some_tokens(3), *bits, {.present = lengths(2)}); });
  expect_code(ErrorCode::value, [&] {
    sensitivity(c, some_tokens(2), *bits, {.present = Tensor::zeros({2, tokens}, DType::boolean)});
  });
  const TappedFunction twice = [&](const Tensor& x, const nn::Tap& tap) {
    f(x, tap);
    return f(x, tap);
  };
  expect_code(ErrorCode::names, [&] { value_at(twice, some_tokens(2), "emb.out"); });
  expect_code(ErrorCode::shape, [&] {
    with_value(f, some_tokens(2), "emb.out", [](const Tensor&) { return Tensor::zeros({1}); });
  });
}

}  // namespace
}  // namespace sonde
