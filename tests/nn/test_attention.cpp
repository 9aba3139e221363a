// MultiHeadAttention: masks that hide everything, dropout, taps, names, bad input, derivatives.
#include <gtest/gtest.h>

#include <map>

#include "nn/attention.hpp"
#include "tests/nn/expect_code.hpp"
#include "tests/nn/second_order.hpp"

namespace sonde::testing {
namespace {

using nn::AttentionInputs;
using nn::AttentionScore;
using nn::CallOptions;
using nn::Context;
using nn::Mode;
using nn::MultiHeadAttention;
using nn::MultiHeadAttentionOptions;
using nn::QkvWeights;

constexpr AttentionScore all_scores[] = {AttentionScore::softmax, AttentionScore::relu,
                                         AttentionScore::relu2_l1, AttentionScore::linear};

Var call(const MultiHeadAttention& attention, const AttentionInputs& in, CallOptions options = {}) {
  Context ctx(attention, attention.parameters(), std::move(options));
  return attention.attend(ctx, in);
}

Var bools(std::initializer_list<std::int64_t> values, const Dims& shape) {
  return Tensor::from<std::int64_t>(values, shape).to(DType::boolean);
}

double largest(const Var& x) {
  return amax(abs(x)).item();
}

TEST(Attention, AQueryThatSeesNothingGetsZeros) {
  for (const AttentionScore score : all_scores)
    for (const bool need_weights : {false, true}) {
      MultiHeadAttention attention(
          4, 2, {1, 0},
          {.score = score, .out_proj = false, .batch_first = true, .need_weights = need_weights});
      fill(attention);
      const Var x = uniform_values("x", {1, 3, 4});
      // Query 1 sees nothing, by booleans or by -inf.
      const Var hidden = bools({0, 0, 1, 1, 1, 1, 0, 1, 0}, {3, 3});
      const Var floats = where(hidden, Tensor::scalar(-INFINITY, DType::f64), 0.0);
      for (const Var& mask : {hidden, floats}) {
        const Function y = [&](const Vars& v) {
          Context ctx(attention, attention.parameters());
          return attention.attend(ctx, {.query = v[0], .attn_mask = mask});
        };
        VjpResult r = vjp(y, make_vars(x));
        EXPECT_EQ(largest(select(r.out[0], 1, 1)), 0) << to_string(score);
        EXPECT_GT(largest(r.out[0]), 0.01) << to_string(score);
        // Only query 1 has a cotangent, so nothing depends on x.
        const Var first = Tensor::from<double>({0, 1, 0}, {1, 3, 1});
        const Vars g = r.pullback.consume(make_vars(mul(uniform_values("g", {1, 3, 4}), first)));
        EXPECT_EQ(largest(g[0]), 0) << to_string(score);
      }
    }
}

TEST(Attention, PaddingIsNotSeen) {
  for (const AttentionScore score : all_scores) {
    MultiHeadAttention attention(4, 2, {1, 0}, {.score = score, .batch_first = true});
    fill(attention);
    const Var x = uniform_values("x", {1, 5, 4});
    const Var whole = call(attention, {.query = slice(x, 1, 0, 3)});
    const Var padded = call(
        attention,
        {.query = slice(x, 1, 0, 3), .key = x, .key_padding_mask = bools({0, 0, 0, 1, 1}, {1, 5})});
    EXPECT_LE(largest(sub(whole, padded)), 1e-15) << to_string(score);
  }
}

TEST(Attention, EmptySequencesAndBatches) {
  for (const AttentionScore score : all_scores) {
    const MultiHeadAttention attention(4, 2, {1, 0}, {.score = score});
    const Var x = Tensor::ones({3, 2, 4});
    EXPECT_EQ(largest(call(attention, {.query = x, .key = Tensor::ones({0, 2, 4})})), 0);
    EXPECT_EQ(attention(Tensor::ones({3, 0, 4})).shape(), (Dims{3, 0, 4}));
    EXPECT_EQ(attention(Tensor::ones({0, 2, 4})).shape(), (Dims{0, 2, 4}));
  }
}

TEST(Attention, SinglePrecisionFollowsDouble) {
  for (const AttentionScore score : all_scores) {
    MultiHeadAttention wide(8, 2, {1, 0}, {.score = score}), narrow(8, 2, {1, 0}, {.score = score});
    fill(wide);
    fill(narrow);
    narrow.convert(DType::f32);
    const Var x = uniform_values("x", {5, 2, 8}), mask = uniform_values("mask", {5, 5});
    const Var y = call(wide, {.query = x, .attn_mask = mask, .is_causal = true});
    const Var single = call(narrow, {.query = x.tensor().to(DType::f32),
                                     .attn_mask = mask.tensor().to(DType::f32),
                                     .is_causal = true});
    EXPECT_EQ(single.dtype(), DType::f32);
    EXPECT_LE(largest(sub(to(single, DType::f64), y)), 1e-6 * largest(y)) << to_string(score);
  }
}

TEST(Attention, LearnedTemperatureBeginsAtTheScale) {
  const MultiHeadAttention fixed(8, 2, {1, 0}),
      learned(8, 2, {1, 0}, {.learned_temperature = true});
  const Var x = uniform_values("x", {3, 2, 8}).to(DType::f32);
  EXPECT_LE(largest(sub(fixed(x), learned(x))), 1e-6);
  EXPECT_EQ(learned.named_parameters()[0].path, "temperature");
  EXPECT_FLOAT_EQ(static_cast<float>(Var(learned.named_parameters()[0].handle->value).item()),
                  std::log(0.5f));
}

// With all values 1, the output is the sum of a query's weights after dropout.
TEST(Attention, DropoutIsOfTheWeights) {
  constexpr double p = 0.25;
  MultiHeadAttention attention(64, 1, {1, 0}, {.out_proj = false, .dropout = p});
  attention.convert(DType::f64);
  const auto named = attention.named_parameters();
  named[0].handle->value.copy_from(Tensor::zeros({192, 64}, DType::f64));
  Tensor bias = Tensor::zeros({192}, DType::f64);
  for (int i = 128; i < 192; ++i) bias.data<double>()[i] = 1;
  named[1].handle->value.copy_from(bias);
  constexpr std::int64_t keys = 10, queries = 1000;
  const Var x = Tensor::zeros({keys, queries, 64}, DType::f64);  // queries in the batch
  auto draw = [&](std::uint64_t seed) {
    return call(attention, {.query = x}, {.mode = Mode::train, .key = random_key(seed)});
  };
  const Var y = draw(1);
  const auto sums = select(y, 2, 0).tensor().to_vector<double>();
  double mean = 0, squares = 0;
  for (const double s : sums) {
    const double kept = s * keys * (1 - p);  // a whole number of weights 1 / keys
    EXPECT_NEAR(kept, std::round(kept), 1e-12);
    mean += kept;
    squares += kept * kept;
  }
  const double n = static_cast<double>(sums.size()), variance = keys * p * (1 - p);
  mean /= n;
  EXPECT_NEAR(mean, keys * (1 - p), 5 * std::sqrt(variance / n));
  EXPECT_NEAR(squares / n - mean * mean, variance, 0.1 * variance);
  EXPECT_EQ(largest(sub(y, draw(1))), 0);
  EXPECT_GT(largest(sub(y, draw(2))), 0);
  EXPECT_LE(largest(sub(call(attention, {.query = x}), 1.0)), 1e-12);
  expect_code(ErrorCode::value, [&] { call(attention, {.query = x}, {.mode = Mode::train}); });
}

TEST(Attention, TapsSeeAndReplace) {
  const MultiHeadAttention attention(4, 2, {1, 0}, {.batch_first = true, .need_weights = true});
  const Var x = uniform_values("x", {1, 3, 4}).to(DType::f32);
  std::map<std::string, Dims> seen;
  const nn::Tap look = [&](const std::string& path, Var v) {
    seen[path] = v.shape();
    return v;
  };
  call(attention, {.query = x, .key = x}, {.tap = &look});
  const Dims heads{1, 2, 3, 2}, batch{1, 3, 4};
  EXPECT_EQ(seen, (std::map<std::string, Dims>{{"in", batch},
                                               {"q", heads},
                                               {"k", heads},
                                               {"v", heads},
                                               {"weights", {1, 2, 3, 3}},
                                               {"dropout.in", {1, 2, 3, 3}},
                                               {"dropout.out", {1, 2, 3, 3}},
                                               {"heads", heads},
                                               {"out_proj.in", batch},
                                               {"out_proj.out", batch},
                                               {"out", batch}}));
  const nn::Tap silence = [](const std::string& path, Var v) {
    return path == "weights" ? mul(v, 0.0) : v;
  };
  EXPECT_EQ(largest(call(attention, {.query = x}, {.tap = &silence})), 0);  // zero bias
  EXPECT_GT(largest(call(attention, {.query = x})), 0.01);
}

TEST(Attention, NamesAndInitialValues) {
  auto names = [](const MultiHeadAttention& a) {
    std::string text;
    for (const auto& p : a.named_parameters())
      text += fmt::format("{}{} ", p.path, sonde::to_string(p.handle->value.shape()));
    return text;
  };
  const MultiHeadAttention packed(6, 2, {1, 0}), sizes(6, 2, {1, 0}, {.vdim = 5});
  EXPECT_EQ(names(packed),
            "in_proj_weight[18,6] in_proj_bias[18] out_proj.weight[6,6] out_proj.bias[6] ");
  EXPECT_EQ(names(sizes),
            "q_proj_weight[6,6] k_proj_weight[6,6] v_proj_weight[6,5] in_proj_bias[18] "
            "out_proj.weight[6,6] out_proj.bias[6] ");
  EXPECT_EQ(names({6, 2, {1, 0}, {.head_dim = 4, .weights = QkvWeights::qkv, .qkv_bias = false}}),
            "qkv.weight[24,6] proj.weight[6,8] proj.bias[6] ");
  EXPECT_EQ(names({6, 2, {1, 0}, {.weights = QkvWeights::separate, .out_proj = false}}),
            "q_proj.weight[6,6] q_proj.bias[6] k_proj.weight[6,6] k_proj.bias[6] "
            "v_proj.weight[6,6] v_proj.bias[6] ");
  const auto p = packed.named_parameters();
  EXPECT_EQ(largest(p[1].handle->value), 0);
  EXPECT_EQ(largest(p[3].handle->value), 0);
  EXPECT_LE(largest(p[0].handle->value), 0.5);  // sqrt(6 / (18 + 6))
  EXPECT_GT(largest(p[0].handle->value), 0.45);
  EXPECT_EQ(packed.description(), "MultiHeadAttention(6, 2 heads of 3)");
  EXPECT_EQ(MultiHeadAttention(6, 2, {}, {.score = AttentionScore::relu}).description(),
            "MultiHeadAttention(6, 2 heads of 3, relu)");
}

TEST(Attention, BadSizesAreErrors) {
  auto make = [](std::int64_t width, std::int64_t heads, MultiHeadAttentionOptions options = {}) {
    return [=] { MultiHeadAttention(width, heads, {}, options); };
  };
  expect_code(ErrorCode::value, make(0, 1));
  expect_code(ErrorCode::value, make(4, 0));
  expect_code(ErrorCode::value, make(5, 2));
  expect_code(ErrorCode::value, make(4, 2, {.head_dim = -1}));
  expect_code(ErrorCode::value, make(4, 2, {.kdim = -1}));
  expect_code(ErrorCode::value, make(4, 2, {.dropout = 1.5}));
  expect_code(ErrorCode::value, make(4, 2, {.kdim = 4, .weights = QkvWeights::qkv}));
}

TEST(Attention, BadInputIsAnError) {
  for (const bool need_weights : {false, true}) {
    const MultiHeadAttention a(4, 2, {}, {.need_weights = need_weights});
    const MultiHeadAttention qkv(4, 2, {}, {.weights = QkvWeights::qkv});
    auto with = [&](const AttentionInputs& in) { return [&a, in] { call(a, in); }; };
    const Var x = Tensor::ones({3, 2, 4}), memory = Tensor::ones({5, 2, 4});
    expect_code(ErrorCode::shape, with({.query = Tensor::ones({4})}));
    expect_code(ErrorCode::shape, with({.query = Tensor::ones({3, 2, 5})}));
    expect_code(ErrorCode::shape, with({.query = x, .key = Tensor::ones({5, 2, 3})}));
    expect_code(ErrorCode::shape, with({.query = x, .key = Tensor::ones({5, 1, 4})}));
    expect_code(ErrorCode::shape, with({.query = x, .key = Tensor::ones({5, 4})}));
    expect_code(ErrorCode::shape, with({.query = x, .key = memory, .value = x}));
    expect_code(ErrorCode::value, [&] { call(qkv, {.query = x, .key = memory}); });
    expect_code(ErrorCode::broadcast, with({.query = x, .attn_mask = Tensor::ones({3, 4})}));
    expect_code(ErrorCode::broadcast, with({.query = x, .attn_mask = Tensor::ones({3})}));
    expect_code(ErrorCode::broadcast,
                with({.query = x, .attn_mask = Tensor::ones({1, 2, 2, 3, 3})}));
    expect_code(ErrorCode::shape, with({.query = x, .attn_mask = Tensor::ones({3, 3, 3})}));
    expect_code(ErrorCode::shape, with({.query = x, .key_padding_mask = bools({0, 1}, {1, 2})}));
    expect_code(ErrorCode::dtype,
                with({.query = x, .attn_mask = Tensor::ones({3, 3}, DType::f64)}));
    expect_code(ErrorCode::dtype,
                with({.query = x, .attn_mask = Tensor::ones({3, 3}, DType::i64)}));
  }
}

// What is differentiated a second time: every score, with masks and without.
TEST(Attention, SecondDerivatives) {
  for (const AttentionScore score : all_scores) {
    SCOPED_TRACE(to_string(score));
    MultiHeadAttention attention(4, 2, {1, 0},
                                 {.score = score, .learned_temperature = true, .dropout = 0.3});
    fill(attention);
    for (const Mode mode : {Mode::eval, Mode::train}) {
      const CallOptions options{.mode = mode, .key = random_key(3)};
      const Subject causal{attention,
                           [&](Context& ctx, const Vars& v) {
                             return attention.attend(ctx, {.query = v[0], .is_causal = true});
                           },
                           options};
      expect_hvp_modes_agree(causal, make_vars(uniform_values("x", {3, 2, 4})));
      expect_per_sample_gradients(causal, make_vars(uniform_values("x", {3, 3, 1, 4})));
      const Subject masked{
          attention,
          [&](Context& ctx, const Vars& v) {
            return attention.attend(
                ctx, {.query = v[0], .key = v[1], .attn_mask = v[2], .key_padding_mask = v[3]});
          },
          options};
      expect_hvp_modes_agree(
          masked,
          make_vars(uniform_values("x", {3, 2, 4}), uniform_values("m", {4, 2, 4}),
                    uniform_values("mask", {3, 4}), bools({0, 0, 0, 1, 0, 0, 1, 1}, {2, 4})));
      expect_per_sample_gradients(
          masked, make_vars(uniform_values("x", {3, 3, 1, 4}), uniform_values("m", {3, 4, 1, 4}),
                            uniform_values("mask", {3, 3, 4}),
                            bools({0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0}, {3, 1, 4})));
    }
  }
}

TEST(Attention, LanesWithKeysOfTheirOwnDropEachTheirs) {
  MultiHeadAttention attention(4, 2, {1, 0}, {.dropout = 0.5});
  fill(attention);
  auto run = [&](const Vars& v) {
    return call(attention, {.query = v[0]}, {.mode = Mode::train, .key = v[1]});
  };
  const Var x = uniform_values("x", {3, 5, 4}), keys = split_key(random_key(1), 3);
  const Var lanes = vmap(run)(make_vars(x, keys))[0];
  for (std::int64_t n = 0; n < 3; ++n)
    EXPECT_LE(
        largest(sub(select(lanes, 0, n), run(make_vars(select(x, 0, n), select(keys, 0, n))))),
        1e-15);
}

}  // namespace
}  // namespace sonde::testing
