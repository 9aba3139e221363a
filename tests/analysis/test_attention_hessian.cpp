// The closed forms of attention's Hessian against automatic differentiation, in four ways.
//
// Tolerances: the whole Hessian within 1e-12 of its norm, each block within 1e-10 of its own norm,
// asymmetry below 1e-13. Softmax is saturated where an attention weight is 0.999 or more; then
// blocks are compared with the norm of the whole. There the layer as it is usually written may be
// no reference for the whole: automatic differentiation subtracts nearly equal numbers,
// a (g - <a, g>), and its Hessian is asymmetric by as much as 7e-12 (measured), which the closed
// form cannot be. So a saturated layer is differentiated once more, in a way of writing the same
// function that does not cancel, and there all tolerances hold.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/analysis/attention_cases.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde {
namespace {

using testing::expect_code;

constexpr double whole_tolerance = 1e-12, block_tolerance = 1e-10, asymmetry = 1e-13;
constexpr std::uint64_t seeds = 10;

struct Scaled {
  LayerShape shape;
  double scale;
};
const Scaled shapes[] = {{{5, 4, 3, 4}, 1}, {{6, 3, 5, 2}, 0.7}, {{4, 5, 5, 5}, 2}};

AttentionHessianTerms terms_of(const AttentionLayer& layer, const Likelihood& loss) {
  return attention_hessian_terms(layer, row_loss(loss, attention_output(layer)));
}

bool saturated(const AttentionHessianTerms& t, const AttentionOptions& o) {
  return o.score == nn::AttentionScore::softmax && amax(t.moments.weights).item() >= 0.999;
}

Var output(const AttentionLayer& layer, const Vars& weights) {
  return attention_output(layer.x, weights, layer.options);
}

// The same output, with keys and values of row i relative to those of the token it attends to most.
// Softmax does not notice the former, and the weights sum to 1; but what is differentiated has no
// large terms that cancel when that token takes nearly all of the weight.
Var anchored_output(const AttentionLayer& layer, const Vars& weights) {
  const Var &x = layer.x, &w_q = weights[0], &w_v = weights.back();
  const Var anchor = argmax(attention_matrix(x, attention_point(layer).values, layer.options), -1);
  const Var from_anchor = unsqueeze(x, 0) - unsqueeze(take(x, anchor, 0), 1);  // [L, L, d]
  const Var keys = weights.size() == 3 ? matmul(from_anchor, weights[1]) : from_anchor;
  const Var scores = einsum("ia,ija->ij", {matmul(x, w_q), keys}) * score_scale(layer);
  nn::AttentionMask mask;
  if (layer.options.causal) mask.seen = causal_mask(x.size(0));
  const Var a = nn::attention_weights(scores, mask, layer.options.score);
  return matmul(take(x, anchor, 0) + einsum("ij,ijp->ip", {a, from_anchor}), w_v);
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

using Output = Var (*)(const AttentionLayer& layer, const Vars& weights);

// `may_cancel`: whether automatic differentiation of `written` is excused for being asymmetric.
void expect_hessian_of(Output written, const AttentionLayer& layer, const Likelihood& loss,
                       bool may_cancel) {
  const AttentionHessianTerms t = terms_of(layer, loss);
  const Var closed = outer_product_hessian(t) + Var(functional_hessian(t));
  const Point point = attention_point(layer);
  const Function f =
      of_flat(point.space, [&](const Vars& w) { return loss.value(written(layer, w)); });
  const Var at = point.space.flatten(point.values);
  const Tensor automatic[] = {hessian_by(HvpMode::forward_over_reverse, f, at),
                              hessian_by(HvpMode::reverse_over_reverse, f, at),
                              hessian_by(HvpMode::reverse_over_forward, f, at),
                              hessian_forward_over_forward(f, at)};
  for (const Tensor& h : automatic) {
    const bool symmetric = relative(h - transpose(h), h) < asymmetry;
    EXPECT_TRUE(symmetric || may_cancel);
    if (symmetric) EXPECT_LT(relative(closed - h, h), whole_tolerance);
    expect_equal_blocks(closed.tensor(), h, t.space, frobenius(h), saturated(t, layer.options));
  }
}

void expect_the_hessian(const AttentionLayer& layer, const Likelihood& loss) {
  const bool cancels = saturated(terms_of(layer, loss), layer.options);
  expect_hessian_of(output, layer, loss, cancels);
  if (cancels) expect_hessian_of(anchored_output, layer, loss, false);
}

// Jacobian, H_o = J' Lambda J, and H_f, which is the Hessian of <g, F> with g held fixed.
void expect_the_parts(const AttentionLayer& layer, const LikelihoodPtr& loss) {
  const AttentionHessianTerms t = terms_of(layer, *loss);
  const Point at = attention_point(layer);
  const Function f = [&](const Vars& weights) { return output(layer, weights); };
  const Tensor j = dense(jacobian_map(f, at)), outer = dense(gauss_newton_map(f, loss, at)),
               functional = dense(functional_map(f, loss, at));
  EXPECT_LT(relative(attention_jacobian(t) - Var(j), j), whole_tolerance);
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
    expect_the_hessian(layer, *mse_loss(random_target(s.shape, seed)));
  });
}

TEST_P(Masked, SoAreItsParts) {
  for_all([](const Scaled& s, std::uint64_t seed) {
    const AttentionLayer layer = random_layer(s.shape, seed, s.scale, GetParam());
    const LikelihoodPtr loss = mse_loss(random_target(s.shape, seed));
    expect_the_parts(layer, loss);
    expect_shape_of_the_parts(terms_of(layer, *loss));
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
      const LikelihoodPtr loss = mse_loss(random_target(square, seed));
      expect_the_hessian(layer, *loss);
      expect_the_parts(layer, loss);
    });
}

TEST(AttentionHessianOf, AWarmAndAColdLayer) {
  for_all([](const Scaled& s, std::uint64_t seed) {
    for (const double temperature : {0.7, 3.0}) {
      const AttentionLayer layer =
          random_layer(s.shape, seed, s.scale, {.temperature = temperature});
      const LikelihoodPtr loss = mse_loss(random_target(s.shape, seed));
      expect_the_hessian(layer, *loss);
      expect_the_parts(layer, loss);
    }
  });
}

TEST(AttentionHessianOf, CrossEntropy) {
  for_all([](const Scaled& s, std::uint64_t seed) {
    const AttentionLayer layer = random_layer(s.shape, seed, s.scale);
    const Tensor classes =
        randint(random_key(seed), {s.shape.length}, 0, s.shape.v, DType::i64).tensor();
    const LikelihoodPtr loss = cross_entropy_loss(classes);
    expect_the_hessian(layer, *loss);
    expect_the_parts(layer, loss);
    expect_shape_of_the_parts(terms_of(layer, *loss));
  });
}

// The LayerNorm lies inside of what is differentiated automatically, and its result is x for the
// closed form.
TEST(AttentionHessianOf, ALayerBehindALayerNorm) {
  for_all([](const Scaled& s, std::uint64_t seed) {
    const AttentionLayer raw = random_layer(s.shape, seed, s.scale);
    const LikelihoodPtr loss = mse_loss(random_target(s.shape, seed));
    AttentionLayer layer = raw;
    layer.x = layer_norm(raw.x, {s.shape.d}).tensor();
    const AttentionHessianTerms t = terms_of(layer, *loss);
    const Point at = attention_point(layer);
    const Function f = [&](const Vars& weights) {
      return loss->value(attention_output(layer_norm(raw.x, {s.shape.d}), weights, layer.options));
    };
    const Tensor h = dense(hessian_map(f, at));
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
    const OutputLossPtr loss = function_loss(top);
    const Tensor f = attention_output(layer), g = loss->gradient(f).tensor();
    const Point at = attention_point(layer);
    const AttentionHessianTerms t = attention_hessian_terms(
        layer, {g, Tensor::zeros({f.size(0), f.size(1), f.size(1)}, f.dtype())});
    const LinearMap outputs = output_hessian_map(loss, f);
    const LinearMap outer =
        congruence(matrix_map(attention_jacobian(t), outputs.domain(), at.space), outputs);
    const Tensor h = dense(hessian_map([&](const Vars& w) { return top(output(layer, w)); }, at));
    EXPECT_LT(relative(dense(outer) + Var(functional_hessian(t)) - h, h), whole_tolerance);
  });
}

TEST(AttentionHessianOf, MapsHaveNamedBlocks) {
  const LayerShape shape{5, 4, 3, 2};
  const AttentionLayer layer = random_layer(shape, 1, 1);
  const LikelihoodPtr loss = mse_loss(random_target(shape, 1));
  const AttentionHessianTerms t = terms_of(layer, *loss);
  const HessianParts maps = attention_hessian(layer, *loss);
  for (const LinearMap& map : {maps.hessian, maps.gauss_newton, maps.functional}) {
    EXPECT_TRUE(map.symmetric());
    EXPECT_EQ(map.domain(), t.space);
  }
  const Tensor vq = dense(maps.hessian.restricted("W_V", "W_Q"));
  const Var expected = outer_product_vq(t) + Var(functional_vq(t));
  EXPECT_LT(relative(vq - expected, expected), 1e-15);
}

// The derivatives that the closed forms take of the two losses of the paper.
TEST(RowLossOf, SquaredErrorAndCrossEntropy) {
  const Tensor f = normal_f64({5, 3}, {1, 0}), y = normal_f64({5, 3}, {2, 0});
  const RowLoss squared = row_loss(*mse_loss(y), f);
  const double c = 2.0 / 15;
  EXPECT_LT(frobenius(squared.gradient - (Var(f) - y) * c), 1e-15);
  EXPECT_LT(frobenius(squared.hessian - Var(identity_matrix(3)) * c), 1e-15);

  const Tensor classes = Tensor::from<std::int64_t>({0, 2, 1, 1, 0}, {5});
  const RowLoss entropy = row_loss(*cross_entropy_loss(classes), f);
  const Var p = softmax(f, -1);
  EXPECT_LT(frobenius(entropy.gradient - (p - one_hot(classes, 3, DType::f64)) / 5.0), 1e-15);
  EXPECT_LT(frobenius(entropy.hessian - (diag_embed(p) - einsum("ib,ic->ibc", {p, p})) / 5.0),
            1e-15);
}

TEST(AttentionHessianOf, WhatDoesNotFitIsRefused) {
  const LayerShape shape{5, 4, 3, 2};
  const AttentionLayer good = random_layer(shape, 1, 1);
  AttentionLayer bad = good;
  bad.w_k = Tensor::zeros({4, 2}, DType::f64);
  expect_code(ErrorCode::shape, [&] { attention_moments(bad); });
  bad = good;
  bad.w_k = {};
  expect_code(ErrorCode::shape, [&] { attention_moments(bad); });
  bad = good;
  bad.x = Tensor::zeros({5, 4});
  expect_code(ErrorCode::dtype, [&] { attention_output(bad); });
  bad = good;
  bad.options.score = nn::AttentionScore::relu;
  expect_code(ErrorCode::value, [&] { attention_moments(bad); });
  bad = good;
  bad.options.temperature = 0;
  expect_code(ErrorCode::value, [&] { attention_output(bad); });
  const Tensor narrow = Tensor::zeros({5, 1}, DType::f64);
  expect_code(ErrorCode::shape,
              [&] { attention_hessian_terms(good, row_loss(*mse_loss(narrow), narrow)); });
}

}  // namespace
}  // namespace sonde
