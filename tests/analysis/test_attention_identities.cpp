// What must hold exactly of attention's Hessian: the matrix forms of the paper, the directions that
// change nothing, and scaling. And the law of linear networks.
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/linear_mlp_hessian.hpp"
#include "tests/analysis/attention_cases.hpp"

namespace sonde {
namespace {

constexpr double tolerance = 1e-12;
constexpr std::uint64_t seeds = 10;
constexpr LayerShape shape{6, 4, 3, 2};

AttentionHessianTerms squared_error_terms(const AttentionLayer& layer, const Tensor& target) {
  return attention_hessian_terms(layer, row_loss(*mse_loss(target), attention_output(layer)));
}
AttentionHessianTerms random_terms(std::uint64_t seed, double scale, AttentionOptions o = {}) {
  return squared_error_terms(random_layer(shape, seed, scale, o), random_target(shape, seed));
}
Var kron(const Tensor& a, const Tensor& b) {
  return dense(KroneckerProduct{a, b});
}
Var product(std::initializer_list<Var> factors) {
  Var p = *factors.begin();
  for (auto f = factors.begin() + 1; f != factors.end(); ++f) p = matmul(p, *f);
  return p;
}
Var t(const Var& a) {
  return transpose(a);
}

// K with K vec(W) = vec(W') for W [d, k].
Var commutation(std::int64_t d, std::int64_t k) {
  return reshape(permute(reshape(identity_matrix(d * k), {d, k, d * k}), {1, 0, 2}),
                 {d * k, d * k});
}

// Z1 [L d, d^2]: x_i' (x) C_i below one another.
Var z1(const AttentionTerms& terms) {
  const Dims& s = terms.x.shape();
  return reshape(einsum("is,ipr->ipsr", {terms.x, terms.moments.covariance}),
                 {s[0] * s[1], s[1] * s[1]});
}

// The matrices of the paper's formulas, for X [L, d].
struct PaperForms {
  explicit PaperForms(const AttentionLayer& layer, const AttentionTerms& terms)
      : z(z1(terms)),
        value(kron(identity_matrix(layer.x.size(0)), t(layer.w_v).tensor())),
        of_q(kron(identity_matrix(layer.x.size(1)), layer.w_k)),
        of_k(matmul(kron(layer.w_q, identity_matrix(layer.x.size(1))),
                    commutation(layer.x.size(1), layer.w_q.size(1)))),
        mean(kron(terms.moments.mean, identity_matrix(layer.w_v.size(1)))),
        tau(terms.scale) {}
  Var z, value;    // I_L (x) W_V'
  Var of_q, of_k;  // I_d (x) W_K and (W_Q (x) I_d) K
  Var mean;        // M1 (x) I_v, which is J_V
  double tau;
};

TEST(PaperFormsOfAttention, Z1IsTheDerivativeOfTheWeights) {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const AttentionTerms terms = random_terms(seed, 1);
    const Tensor &x = terms.x, &a = terms.moments.weights;
    const std::int64_t l = x.size(0);
    const Var of_rows = diag_embed(a) - einsum("ij,ik->ijk", {a, a});
    const Var by_scores =
        reshape(einsum("il,ijk->ijlk", {identity_matrix(l), of_rows}), {l * l, l * l});
    const Var expected =
        product({kron(identity_matrix(l), x.transpose(0, 1)), by_scores, kron(x, x)});
    EXPECT_LT(relative(z1(terms) - expected, expected), tolerance);
  }
}

TEST(PaperFormsOfAttention, JacobiansAreThoseOfZ1) {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const AttentionLayer layer = random_layer(shape, seed, 1);
    const AttentionTerms terms = attention_terms(layer);
    const PaperForms f(layer, terms);
    const Var q = product({f.value, f.z, f.of_q}) * f.tau,
              k = product({f.value, f.z, f.of_k}) * f.tau;
    EXPECT_LT(relative(jacobian_q(terms) - q, q), tolerance);
    EXPECT_LT(relative(jacobian_k(terms) - k, k), tolerance);
    EXPECT_LT(relative(jacobian_v(terms) - f.mean, f.mean), tolerance);
  }
}

TEST(PaperFormsOfAttention, OuterProductBlocksAreThoseOfZ1) {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const AttentionLayer layer = random_layer(shape, seed, 1);
    const AttentionHessianTerms terms = squared_error_terms(layer, random_target(shape, seed));
    const PaperForms f(layer, terms);
    const double c = 2.0 / (shape.length * shape.v), tau = f.tau;
    const Var values =
        kron(identity_matrix(shape.length), matmul(layer.w_v, layer.w_v, {.b = true}).tensor());
    const Var mean_value = kron(terms.moments.mean.transpose(0, 1), t(layer.w_v).tensor());
    const struct {
      const char* name;
      Tensor block;
      Var form;
    } cases[] = {
        {"VV", outer_product_vv(terms), product({t(f.mean), f.mean}) * c},
        {"QQ", outer_product_qq(terms),
         product({t(f.of_q), t(f.z), values, f.z, f.of_q}) * (c * tau * tau)},
        {"KK", outer_product_kk(terms),
         product({t(f.of_k), t(f.z), values, f.z, f.of_k}) * (c * tau * tau)},
        {"QK", outer_product_qk(terms),
         product({t(f.of_q), t(f.z), values, f.z, f.of_k}) * (c * tau * tau)},
        {"VQ", outer_product_vq(terms), product({mean_value, f.z, f.of_q}) * (c * tau)},
        {"VK", outer_product_vk(terms), product({mean_value, f.z, f.of_k}) * (c * tau)},
    };
    for (const auto& [name, block, form] : cases)
      EXPECT_LT(relative(block - form, form), tolerance) << name;
  }
}

// The part of functional_qk() that is there because the scores are a product is X' (dl/dT) X (x) I.
TEST(PaperFormsOfAttention, TheProductOfQueriesAndKeysHasItsOwnTerm) {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const AttentionLayer layer =
        random_layer(shape, seed, 1, {.score = nn::AttentionScore::linear});
    const AttentionHessianTerms terms = squared_error_terms(layer, random_target(shape, seed));
    const Var by_scores =
        product({terms.loss.gradient, t(layer.w_v), t(layer.x)});  // as F = T X W_V
    const Var expected = kron((product({t(layer.x), by_scores, layer.x}) * terms.scale).tensor(),
                              identity_matrix(shape.k));
    EXPECT_LT(relative(functional_qk(terms) - expected, expected), tolerance);
  }
}

// --- W_Q S and W_K S^-T give the same scores

struct Gauge {
  Tensor direction, second;  // of exp(S u) at u = 0: (W_Q S, -W_K S', 0), (W_Q S^2, W_K S'^2, 0)
};
Gauge gauge(const AttentionLayer& layer, std::uint64_t seed) {
  const Tensor s = normal_f64({shape.k, shape.k}, {seed, 9});
  const Tensor zero = Tensor::zeros(layer.w_v.shape(), DType::f64);
  const Space space = attention_point(layer).space;
  const Var q = matmul(layer.w_q, s), k = matmul(layer.w_k, s, {.b = true});
  return {space.flatten({q, -k, zero}),
          space.flatten({matmul(q, s), matmul(k, s, {.b = true}), zero})};
}

TEST(AttentionIdentities, OuterProductPartSeesNoGauge) {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const AttentionLayer layer = random_layer(shape, seed, 1);
    const AttentionHessianTerms terms = squared_error_terms(layer, random_target(shape, seed));
    const Tensor h = outer_product_hessian(terms), v = gauge(layer, seed).direction;
    EXPECT_LT(frobenius(matmul(h, v)), tolerance * frobenius(h) * frobenius(v));
  }
}

TEST(AttentionIdentities, RankOfTheOuterProductPart) {
  // 30 weights: at most L v = 12 directions of the output, and at most 30 - k^2 = 21 of the
  // weights. Many tokens make the second bound the smaller one.
  const LayerShape long_shape{14, 4, 3, 2};
  for (const LayerShape& s : {shape, long_shape})
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      const AttentionLayer layer = random_layer(s, seed, 0.5);
      const Tensor h = outer_product_hessian(squared_error_terms(layer, random_target(s, seed)));
      const Tensor values = eigh(h).values.tensor();
      const std::int64_t n = values.numel();
      std::int64_t rank = 0;
      for (std::int64_t i = 0; i < n; ++i) rank += values.at({i}) > 1e-12 * values.at({n - 1});
      EXPECT_LE(rank, std::min(s.length * s.v, n - s.k * s.k));
    }
}

TEST(AttentionIdentities, SecondDerivativeAlongTheGaugeIsZero) {
  for (const nn::AttentionScore score : {nn::AttentionScore::softmax, nn::AttentionScore::linear})
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      const AttentionLayer layer = random_layer(shape, seed, 1, {.score = score});
      const AttentionHessianTerms terms = squared_error_terms(layer, random_target(shape, seed));
      const Var h = outer_product_hessian(terms) + Var(functional_hessian(terms));
      const Gauge g = gauge(layer, seed);
      const Var gradient =
          matmul(reshape(terms.loss.gradient, {shape.length * shape.v}), attention_jacobian(terms));
      const double by_hessian = dot(g.direction, matmul(h, g.direction)).item(),
                   by_gradient = dot(gradient, g.second).item();
      EXPECT_LT(std::abs(by_hessian + by_gradient),
                tolerance * frobenius(h) * std::pow(frobenius(g.direction), 2));
      EXPECT_GT(std::abs(by_gradient), 1e-6);  // not because all is zero
    }
}

// --- scaling

struct Powers {
  int vv, qq, kk, qk, vq, vk;
};
// Every block of `after` is that of `before` times s to its power.
void expect_scaled(const Tensor& after, const Tensor& before, const Space& space, double s,
                   const Powers& p) {
  const struct {
    const char *row, *column;
    int power;
  } blocks[] = {{"W_V", "W_V", p.vv}, {"W_Q", "W_Q", p.qq}, {"W_K", "W_K", p.kk},
                {"W_Q", "W_K", p.qk}, {"W_V", "W_Q", p.vq}, {"W_V", "W_K", p.vk}};
  for (const auto& [row, column, power] : blocks) {
    const Var expected = Var(block_of(before, space, row, column)) * std::pow(s, power);
    EXPECT_LE(frobenius(block_of(after, space, row, column) - expected),
              tolerance * frobenius(expected))
        << row << " " << column;
  }
}

// (X, Y, W_Q) -> (s X, s Y, W_Q / s^2) leaves the attention weights as they are.
TEST(AttentionIdentities, ScalingAtFixedAttention) {
  constexpr double s = 1.7;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const AttentionLayer layer = random_layer(shape, seed, 1);
    const Tensor target = random_target(shape, seed);
    AttentionLayer scaled = layer;
    scaled.x = (Var(layer.x) * s).tensor();
    scaled.w_q = (Var(layer.w_q) / (s * s)).tensor();
    const AttentionHessianTerms before = squared_error_terms(layer, target),
                                after = squared_error_terms(scaled, (Var(target) * s).tensor());
    const Powers powers{.vv = 2, .qq = 6, .kk = 2, .qk = 4, .vq = 4, .vk = 2};
    expect_scaled(outer_product_hessian(after), outer_product_hessian(before), before.space, s,
                  powers);
    expect_scaled(functional_hessian(after), functional_hessian(before), before.space, s, powers);
  }
}

TEST(AttentionIdentities, LinearAttentionIsHomogeneous) {
  constexpr double s = 1.7;
  const AttentionOptions linear{.score = nn::AttentionScore::linear};
  for (std::uint64_t seed = 0; seed < seeds; ++seed)
    expect_scaled(outer_product_hessian(random_terms(seed, s, linear)),
                  outer_product_hessian(random_terms(seed, 1, linear)),
                  random_terms(seed, 1, linear).space, s, {6, 6, 6, 6, 6, 6});
}

// Without softmax H_f is hollow, so that the diagonal blocks are positive semi-definite.
TEST(AttentionIdentities, LinearAttentionHasAHollowFunctionalPart) {
  for (const bool causal : {false, true}) {
    const AttentionHessianTerms terms =
        random_terms(1, 1, {.score = nn::AttentionScore::linear, .causal = causal});
    EXPECT_EQ(frobenius(functional_qq(terms)), 0);
    EXPECT_EQ(frobenius(functional_kk(terms)), 0);
    EXPECT_EQ(frobenius(functional_vv(terms)), 0);
    EXPECT_GT(frobenius(functional_qk(terms)), 0);
  }
}

TEST(AttentionIdentities, AttentionToOneTokenLeavesTheValueBlockAlone) {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const AttentionHessianTerms terms = random_terms(seed, 1, {.temperature = 1e-7});
    ASSERT_EQ(amin(sum(square(terms.moments.weights), {-1})).item(), 1);  // one-hot rows
    for (const Tensor& h : {outer_product_hessian(terms), functional_hessian(terms)})
      for (const char* row : {"W_Q", "W_K", "W_V"})
        for (const char* column : {"W_Q", "W_K"})
          EXPECT_EQ(frobenius(block_of(h, terms.space, row, column)), 0) << row << " " << column;
    EXPECT_GT(frobenius(outer_product_vv(terms)), 0);
  }
}

}  // namespace
}  // namespace sonde
