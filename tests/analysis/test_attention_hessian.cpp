// The closed forms of attention's Hessian against automatic differentiation, in four ways.
//
// Tolerances: the whole Hessian within 1e-12 of its norm, each block within 1e-10 of its own norm,
// asymmetry below 1e-13. Softmax is saturated where an attention weight is 0.999 or more; then
// blocks are compared with the norm of the whole. There the layer as it is usually written is no
// reference for the whole: automatic differentiation subtracts nearly equal numbers, a (g - <a,
// g>), and its Hessian is asymmetric by as much as 7e-12 (measured), which the closed form cannot
// be. So a saturated layer is differentiated once more, in a way of writing the same function that
// does not cancel.
#include <gtest/gtest.h>

#include <cmath>

#include "attention_cases.hpp"

namespace sonde {
namespace {

constexpr double whole_tolerance = 1e-12, block_tolerance = 1e-10, asymmetry = 1e-13;
constexpr std::uint64_t seeds = 10;

struct Scaled {
  LayerShape shape;
  double scale;
};
const Scaled shapes[] = {{{5, 4, 3, 4}, 1}, {{6, 3, 5, 2}, 0.7}, {{4, 5, 5, 5}, 2}};

// A loss of the output: for transforms, and its derivatives.
struct Loss {
  std::function<Var(const Var& output)> value;
  std::function<RowLoss(const Tensor& output)> derivatives;
};

Loss squared_error_to(const Tensor& target) {
  return {[=](const Var& f) { return sum(square(f - target)) / static_cast<double>(f.numel()); },
          [=](const Tensor& f) { return squared_error(f, target); }};
}

// f of the flat weights.
Function of_weights(const AttentionLayer& layer, std::function<Var(const Var& output)> f) {
  return [=, space = attention_space(layer)](const Var& flat) {
    return f(attention_output(layer.x, parts_of(flat, space), layer.options));
  };
}

// The same output, with keys and values of row i relative to those of the token it attends to most.
// Softmax does not notice the former, and the weights sum to 1; but what is differentiated has no
// large terms that cancel when that token takes nearly all of the weight.
Var anchored_output(const AttentionLayer& layer, const Vars& weights) {
  const Var &x = layer.x, &w_q = weights[0], &w_v = weights.back();
  const Var anchor = argmax(attention_matrix(x, attention_weights_of(layer), layer.options), -1);
  const Var from_anchor = unsqueeze(x, 0) - unsqueeze(take(x, anchor, 0), 1);  // [L, L, d]
  const Var keys = weights.size() == 3 ? matmul(from_anchor, weights[1]) : from_anchor;
  const Var scores = einsum("ia,ija->ij", {matmul(x, w_q), keys}) * score_scale(layer);
  nn::AttentionMask mask;
  if (layer.options.causal) mask.seen = causal_mask(x.size(0));
  const Var a = nn::attention_weights(scores, mask, layer.options.score);
  return matmul(take(x, anchor, 0) + einsum("ij,ijp->ip", {a, from_anchor}), w_v);
}

Function of_anchored(const AttentionLayer& layer, std::function<Var(const Var& output)> f) {
  return [=, space = attention_space(layer)](const Var& flat) {
    return f(anchored_output(layer, parts_of(flat, space)));
  };
}

Var flat_weights(const AttentionLayer& layer) {
  return attention_space(layer).flatten(attention_weights_of(layer));
}

AttentionHessianTerms terms_of(const AttentionLayer& layer, const Loss& loss) {
  return attention_hessian_terms(layer, loss.derivatives(attention_output(layer)));
}

bool saturated(const AttentionHessianTerms& t, const AttentionOptions& o) {
  return o.score == nn::AttentionScore::softmax && amax(t.moments.weights).item() >= 0.999;
}

// Every block of `closed` against that of `automatic`; zero blocks against zero.
void expect_equal_blocks(const Tensor& closed, const Tensor& automatic, const Space& space,
                         double whole_norm, bool to_whole) {
  for (const Block& r : space.blocks())
    for (const Block& c : space.blocks()) {
      const Tensor a = block_of(closed, space, r.name, c.name),
                   b = block_of(automatic, space, r.name, c.name);
      const double scale = to_whole || frobenius(a) == 0 ? whole_norm : frobenius(b);
      EXPECT_LT(frobenius(Var(a) - b), block_tolerance * scale) << r.name << " " << c.name;
    }
}

// Of f, which is `layer`'s loss in one way of writing it.
void expect_hessian_of(const Function& f, const AttentionLayer& layer,
                       const AttentionHessianTerms& t, bool precise) {
  const Var closed = outer_product_hessian(t) + Var(functional_hessian(t));
  const Var at = flat_weights(layer);
  const Tensor automatic[] = {hessian_by(HvpMode::forward_over_reverse, f, at),
                              hessian_by(HvpMode::reverse_over_reverse, f, at),
                              hessian_by(HvpMode::reverse_over_forward, f, at),
                              hessian_forward_over_forward(f, at)};
  for (const Tensor& h : automatic) {
    if (precise) {
      EXPECT_LT(relative(closed - h, h), whole_tolerance);
      EXPECT_LT(relative(h - transpose(h), h), asymmetry);
    }
    expect_equal_blocks(closed.tensor(), h, t.space, frobenius(h), saturated(t, layer.options));
  }
}

void expect_the_hessian(const AttentionLayer& layer, const Loss& loss) {
  const AttentionHessianTerms t = terms_of(layer, loss);
  const bool cancels = saturated(t, layer.options);
  expect_hessian_of(of_weights(layer, loss.value), layer, t, !cancels);
  if (cancels) expect_hessian_of(of_anchored(layer, loss.value), layer, t, true);
}

// Jacobian, H_o = J' Lambda J, and H_f, which is the Hessian of <g, F> with g held fixed.
void expect_the_parts(const AttentionLayer& layer, const Loss& loss) {
  const AttentionHessianTerms t = terms_of(layer, loss);
  const Var at = flat_weights(layer), g = t.loss.gradient;
  const Function output = of_weights(layer, [](const Var& f) { return reshape(f, {f.numel()}); });
  const Tensor j = jacobian(output, {at})[0].tensor();
  EXPECT_LT(relative(attention_jacobian(t) - Var(j), j), whole_tolerance);

  const std::int64_t rows = g.size(0), v = g.size(1);
  const Var lambda = einsum("ij,ibc->ibjc", {identity_matrix(rows), t.loss.hessian});
  const Tensor outer = gauss_newton(j, reshape(lambda, {rows * v, rows * v}).tensor());
  const Tensor functional =
      hessian_by(HvpMode::forward_over_reverse,
                 of_weights(layer, [&](const Var& f) { return sum(g * f); }), at);
  const bool to_whole = saturated(t, layer.options);
  const double whole = frobenius(outer + Var(functional));
  expect_equal_blocks(outer_product_hessian(t), outer, t.space, frobenius(outer), to_whole);
  expect_equal_blocks(functional_hessian(t), functional, t.space, whole, to_whole);
}

void expect_shape_of_the_parts(const AttentionHessianTerms& t) {
  const Tensor diagonal[] = {outer_product_qq(t), outer_product_kk(t), outer_product_vv(t),
                             functional_qq(t), functional_kk(t)};
  for (const Tensor& b : diagonal) EXPECT_LE(frobenius(b - transpose(b)), asymmetry * frobenius(b));
  const Tensor values = eigh(outer_product_hessian(t)).values.tensor();
  EXPECT_GT(values.at({0}), -1e-12 * values.at({values.numel() - 1}));
  EXPECT_EQ(frobenius(functional_vv(t)), 0);
}

template <class F>
void for_all(F check) {
  for (const Scaled& s : shapes)
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      SCOPED_TRACE(fmt::format("{} tokens, seed {}", s.shape.length, seed));
      check(s, seed);
    }
}

class Masked : public ::testing::TestWithParam<AttentionOptions> {};

TEST_P(Masked, HessianIsThatOfAutomaticDifferentiation) {
  for_all([](const Scaled& s, std::uint64_t seed) {
    const AttentionLayer layer = random_layer(s.shape, seed, s.scale, GetParam());
    expect_the_hessian(layer, squared_error_to(random_target(s.shape, seed)));
  });
}

TEST_P(Masked, SoAreItsParts) {
  for_all([](const Scaled& s, std::uint64_t seed) {
    const AttentionLayer layer = random_layer(s.shape, seed, s.scale, GetParam());
    const Loss loss = squared_error_to(random_target(s.shape, seed));
    expect_the_parts(layer, loss);
    expect_shape_of_the_parts(terms_of(layer, loss));
  });
}

INSTANTIATE_TEST_SUITE_P(Attention, Masked,
                         ::testing::Values(AttentionOptions{}, AttentionOptions{.causal = true},
                                           AttentionOptions{.score = nn::AttentionScore::linear},
                                           AttentionOptions{.score = nn::AttentionScore::linear,
                                                            .causal = true}),
                         [](const auto& param) {
                           return std::string(nn::to_string(param.param.score)) +
                                  (param.param.causal ? "_causal" : "");
                         });

TEST(AttentionHessianOf, ASingleMatrix) {
  for (const nn::AttentionScore score : {nn::AttentionScore::softmax, nn::AttentionScore::linear})
    for_all([&](const Scaled& s, std::uint64_t seed) {
      const LayerShape square{s.shape.length, s.shape.d, s.shape.d, s.shape.v};
      // By 1 / sqrt(d), so that softmax is no more saturated than with two matrices.
      AttentionLayer layer = random_layer(square, seed, s.scale, {.score = score});
      layer.w_q = (Var(layer.w_q) / std::sqrt(static_cast<double>(square.d))).tensor();
      layer.w_k = {};
      const Loss loss = squared_error_to(random_target(square, seed));
      expect_the_hessian(layer, loss);
      expect_the_parts(layer, loss);
    });
}

TEST(AttentionHessianOf, AWarmAndAColdLayer) {
  for_all([](const Scaled& s, std::uint64_t seed) {
    for (const double temperature : {0.7, 3.0}) {
      const AttentionLayer layer =
          random_layer(s.shape, seed, s.scale, {.temperature = temperature});
      const Loss loss = squared_error_to(random_target(s.shape, seed));
      expect_the_hessian(layer, loss);
      expect_the_parts(layer, loss);
    }
  });
}

TEST(AttentionHessianOf, CrossEntropy) {
  for_all([](const Scaled& s, std::uint64_t seed) {
    const AttentionLayer layer = random_layer(s.shape, seed, s.scale);
    const Tensor classes =
        randint(random_key(seed), {s.shape.length}, 0, s.shape.v, DType::i64).tensor();
    const Loss loss{[=](const Var& f) { return cross_entropy(f, classes); },
                    [=](const Tensor& f) { return row_cross_entropy(f, classes); }};
    expect_the_hessian(layer, loss);
    expect_the_parts(layer, loss);
    expect_shape_of_the_parts(terms_of(layer, loss));
  });
}

// The LayerNorm lies inside of what is differentiated automatically, and its result is x for the
// closed form.
TEST(AttentionHessianOf, ALayerBehindALayerNorm) {
  for_all([](const Scaled& s, std::uint64_t seed) {
    const AttentionLayer raw = random_layer(s.shape, seed, s.scale);
    const Loss loss = squared_error_to(random_target(s.shape, seed));
    AttentionLayer layer = raw;
    layer.x = layer_norm(raw.x, {s.shape.d}).tensor();
    const AttentionHessianTerms t = terms_of(layer, loss);
    const Function f = [&](const Var& flat) {
      return loss.value(
          attention_output(layer_norm(raw.x, {s.shape.d}), parts_of(flat, t.space), layer.options));
    };
    const Tensor h = hessian_by(HvpMode::forward_over_reverse, f, flat_weights(layer));
    const Var closed = outer_product_hessian(t) + Var(functional_hessian(t));
    EXPECT_LT(relative(closed - h, h), whole_tolerance);
    expect_equal_blocks(closed.tensor(), h, t.space, frobenius(h), saturated(t, layer.options));
  });
}

// A residual connection, a hidden layer and a mean over rows on top: Lambda couples the rows.
TEST(AttentionHessianOf, ANetworkOnTop) {
  for_all([](const Scaled& s, std::uint64_t seed) {
    const AttentionLayer layer = random_layer(s.shape, seed, s.scale);
    const Tensor hidden = normal_f64({s.shape.v, 7}, {seed, 5}), shift = random_target(s.shape, 6);
    const auto top = [=](const Var& f) {
      return sum(square(mean(tanh(matmul(f + shift, hidden)), {0})));
    };
    const Tensor f = attention_output(layer);
    const Function flat_top = [&](const Var& flat) { return top(reshape(flat, f.shape())); };
    const Var flat = reshape(f, {f.numel()});
    const std::int64_t v = s.shape.v;
    const Tensor g = grad(flat_top)(flat).tensor().reshape({s.shape.length, v});
    const AttentionHessianTerms t =
        attention_hessian_terms(layer, {g, Tensor::zeros({s.shape.length, v, v}, DType::f64)});
    const Tensor outer = gauss_newton(attention_jacobian(t), hessian(flat_top, flat).tensor());
    const Tensor h =
        hessian_by(HvpMode::forward_over_reverse, of_weights(layer, top), flat_weights(layer));
    EXPECT_LT(relative(outer + Var(functional_hessian(t)) - h, h), whole_tolerance);
  });
}

TEST(AttentionHessianOf, MapsHaveNamedBlocks) {
  const LayerShape shape{5, 4, 3, 2};
  const AttentionLayer layer = random_layer(shape, 1, 1);
  const RowLoss loss = squared_error(attention_output(layer), random_target(shape, 1));
  const AttentionHessianTerms t = attention_hessian_terms(layer, loss);
  const AttentionHessian maps = attention_hessian(layer, loss);
  EXPECT_TRUE(maps.whole().symmetric());
  EXPECT_EQ(maps.whole().domain(), attention_space(layer));
  const Tensor vq = dense(maps.whole().restricted("W_V", "W_Q"));
  const Var expected = outer_product_vq(t) + Var(functional_vq(t));
  EXPECT_LT(relative(vq - expected, expected), 1e-15);
}

template <class F>
void expect_refused(ErrorCode code, F f) {
  try {
    f();
    ADD_FAILURE() << "was accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
  }
}

TEST(AttentionHessianOf, WhatDoesNotFitIsRefused) {
  const LayerShape shape{5, 4, 3, 2};
  const AttentionLayer good = random_layer(shape, 1, 1);
  AttentionLayer bad = good;
  bad.w_k = Tensor::zeros({4, 2}, DType::f64);
  expect_refused(ErrorCode::shape, [&] { attention_moments(bad); });
  bad = good;
  bad.w_k = {};
  expect_refused(ErrorCode::shape, [&] { attention_moments(bad); });
  bad = good;
  bad.x = Tensor::zeros({5, 4});
  expect_refused(ErrorCode::dtype, [&] { attention_output(bad); });
  bad = good;
  bad.options.score = nn::AttentionScore::relu;
  expect_refused(ErrorCode::value, [&] { attention_moments(bad); });
  bad = good;
  bad.options.temperature = 0;
  expect_refused(ErrorCode::value, [&] { attention_output(bad); });
  const Tensor narrow = Tensor::zeros({5, 1}, DType::f64);
  expect_refused(ErrorCode::shape,
                 [&] { attention_hessian_terms(good, squared_error(narrow, narrow)); });
}

}  // namespace
}  // namespace sonde
