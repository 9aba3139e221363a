#include "experiments/hessian/attention_proof.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>

#include "analysis/attention_hessian.hpp"
#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"
#include "experiments/hessian/random_layers.hpp"

namespace sonde::experiments {
namespace {

constexpr double whole_tolerance = 1e-12, block_tolerance = 1e-10, saturated_at = 0.999;
constexpr LayerSizes sizes[] = {{5, 4, 3, 4}, {6, 3, 5, 2}, {4, 5, 5, 5}};

// A kind of layer: how it is made of a random one, and its loss for transforms and in derivatives.
struct Variant {
  std::string id, name;
  AttentionOptions options{};
  bool single_matrix = false, layer_norm = false, cross_entropy = false;
};

std::vector<Variant> variants() {
  const auto linear = nn::AttentionScore::linear;
  return {{"softmax", "softmax attention"},
          {"softmax-causal", "causal softmax attention", {.causal = true}},
          {"linear", "linear attention", {.score = linear}},
          {"linear-causal", "causal linear attention", {.score = linear, .causal = true}},
          {"single-matrix", "a single matrix W_QK", {}, true},
          {"warm", "temperature 3", {.temperature = 3}},
          {"cold", "temperature 0.7", {.temperature = 0.7}},
          {"cross-entropy", "cross-entropy of each row", {}, false, false, true},
          {"layer-norm", "a LayerNorm in front", {}, false, true}};
}

double norm_of(const Var& a) {
  return norm(a).item();
}

// One layer of a variant with its loss.
struct Subject {
  Subject(const Variant& variant, const LayerSizes& s, std::uint64_t seed) : of(variant) {
    LayerSizes used = s;
    if (of.single_matrix) used.k = s.d;
    const double weight_std = 1 / std::sqrt(static_cast<double>(s.d));
    auto [random, target] = random_layer(used, seed, 1, weight_std, of.options);
    raw = random.x;
    layer = std::move(random);
    if (of.layer_norm) layer.x = layer_norm(raw, {s.d}).tensor();
    if (of.single_matrix) layer.w_k = {};
    y = std::move(target);
    classes = argmax(y, -1).tensor();
    terms = std::make_shared<AttentionHessianTerms>(attention_hessian_terms(
        layer, row_loss(of.cross_entropy ? *cross_entropy_loss(classes) : *mse_loss(y),
                        attention_output(layer))));
  }

  // The loss of the weights, with the LayerNorm inside.
  Function loss() const {
    return [*this](const Vars& weights) -> Var {
      const Var x = of.layer_norm ? layer_norm(raw, {raw.size(1)}) : Var(layer.x);
      const Var f = attention_output(x, weights, layer.options);
      if (of.cross_entropy) return cross_entropy(f, classes);
      return sum(square(f - y)) / static_cast<double>(y.numel());
    };
  }
  // A causal first token, which sees itself alone, has the weight 1 and no derivative: it counts
  // for nothing.
  bool saturated() const {
    if (layer.options.score != nn::AttentionScore::softmax) return false;
    const Tensor& weights = terms->moments.weights;
    const std::int64_t first = layer.options.causal ? 1 : 0;
    return amax(weights.slice(0, first, weights.size(0))).item() >= saturated_at;
  }

  Variant of;
  Tensor raw, y, classes;
  AttentionLayer layer;
  std::shared_ptr<const AttentionHessianTerms> terms;
};

// All columns at once.
Tensor automatic_hessian(const Subject& s, HvpMode mode) {
  const Space& space = s.terms->space;
  const Vars at = attention_point(s.layer).values;
  const Function loss = s.loss();
  const Function column = [&](const Vars& v) { return hvp(loss, at, v, mode); };
  return space.flatten(vmap(column)(space.unflatten(Tensor::eye(space.size(), DType::f64))));
}

// The greatest deviations over all layers of a variant.
struct Deviations {
  double whole = 0, block = 0, asymmetry = 0, negative = 0;
  std::int64_t layers = 0, saturated = 0;
};

double greatest_block_deviation(const Tensor& closed, const Tensor& automatic, const Space& space,
                                bool to_whole) {
  const double whole = norm_of(automatic);
  double greatest = 0;
  for (const Block& r : space.blocks())
    for (const Block& c : space.blocks()) {
      const Tensor a = block_of(closed, space, r.name, c.name),
                   b = block_of(automatic, space, r.name, c.name);
      const double scale = to_whole || norm_of(a) == 0 ? whole : norm_of(b);
      greatest = std::max(greatest, norm_of(Var(a) - b) / scale);
    }
  return greatest;
}

void compare(const Subject& s, Deviations& d) {
  const Tensor outer = outer_product_hessian(*s.terms);
  const Tensor closed = (Var(outer) + functional_hessian(*s.terms)).tensor();
  ++d.layers;
  d.saturated += s.saturated();
  for (const HvpMode mode : {HvpMode::forward_over_reverse, HvpMode::reverse_over_reverse,
                             HvpMode::reverse_over_forward}) {
    const Tensor h = automatic_hessian(s, mode);
    d.block = std::max(d.block, greatest_block_deviation(closed, h, s.terms->space, s.saturated()));
    if (s.saturated()) continue;  // automatic differentiation cancels there
    d.whole = std::max(d.whole, norm_of(Var(closed) - h) / norm_of(h));
    d.asymmetry = std::max(d.asymmetry, norm_of(Var(h) - transpose(h)) / norm_of(h));
  }
  const Tensor values = eigh(outer).values.tensor();
  d.negative = std::max(d.negative, -values.at({0}) / values.at({values.numel() - 1}));
}

Claim closed_form_claim(const Variant& v, const Deviations& d) {
  return check("closed-form-" + v.id,
               "The closed form is the Hessian by automatic differentiation: " + v.name,
               fmt::format("|closed - automatic| < {:g} |automatic| in three modes, and < {:g} of "
                           "its own norm in each of the blocks ({:.1e} here); asymmetry of the "
                           "automatic one < 1e-13 ({:.1e}); where an attention weight is {} or "
                           "more ({} of {} layers) blocks alone, by the norm of the whole",
                           whole_tolerance, block_tolerance, d.block, d.asymmetry, saturated_at,
                           d.saturated, d.layers),
               Estimate::exact(d.whole, 1, d.layers),
               d.whole < whole_tolerance && d.block < block_tolerance && d.asymmetry < 1e-13 &&
                   d.saturated < d.layers);
}

// (W_Q S, -W_K S', 0): scores do not change along it, to first order.
Tensor gauge_direction(const Subject& s, std::uint64_t seed) {
  const std::int64_t k = s.layer.w_q.size(1);
  const Var mix = normal(Tensor::from<std::int64_t>({static_cast<std::int64_t>(seed), 9}, {2}),
                         {k, k}, 0, 1, DType::f64);
  return s.terms->space.flatten({matmul(s.layer.w_q, mix), -matmul(s.layer.w_k, mix, {.b = true}),
                                 Tensor::zeros(s.layer.w_v.shape(), DType::f64)});
}

// What the identities leave over, greatest over the layers.
struct Leftovers {
  double gauge = 0, scaling = 0, functional_vv = 0;
};

// (X, Y, W_Q) -> (2 X, 2 Y, W_Q / 4) leaves the attention weights: H_o(QQ) times 2^6, H_o(VV) 2^2.
double scaling_leftover(const Subject& s) {
  Subject scaled = s;
  scaled.layer.x = (Var(s.layer.x) * 2.0).tensor();
  scaled.layer.w_q = (Var(s.layer.w_q) / 4.0).tensor();
  const Tensor target = (Var(s.y) * 2.0).tensor();
  const AttentionHessianTerms t = attention_hessian_terms(
      scaled.layer, row_loss(*mse_loss(target), attention_output(scaled.layer)));
  const auto left = [](const Tensor& after, const Tensor& before, double factor) {
    return norm_of(Var(after) - Var(before) * factor) / norm_of(after);
  };
  return std::max({left(outer_product_qq(t), outer_product_qq(*s.terms), 64),
                   left(outer_product_vv(t), outer_product_vv(*s.terms), 4),
                   left(functional_qq(t), functional_qq(*s.terms), 64),
                   left(functional_vq(t), functional_vq(*s.terms), 16)});
}

void look_at_identities(const Subject& s, std::uint64_t seed, Leftovers& l) {
  const Tensor outer = outer_product_hessian(*s.terms), v = gauge_direction(s, seed);
  l.gauge = std::max(l.gauge, norm_of(matmul(outer, v)) / (norm_of(outer) * norm_of(v)));
  l.scaling = std::max(l.scaling, scaling_leftover(s));
  l.functional_vv = std::max(l.functional_vv, norm_of(functional_vv(*s.terms)));
}

std::vector<Claim> identity_claims(const Leftovers& l, double negative, std::int64_t layers) {
  const auto exact = [&](double v) { return Estimate::exact(v, 1, layers); };
  return {
      check("semi-definite", "The outer-product part is positive semi-definite",
            "-least eigenvalue < 1e-12 of the greatest", exact(negative), negative < 1e-12),
      check("gauge", "The outer-product part does not see (W_Q S, -W_K S', 0) for any S",
            "|H_o v| < 1e-12 |H_o| |v|", exact(l.gauge), l.gauge < 1e-12),
      check("scaling", "At fixed attention weights the blocks scale with the data by their powers",
            "(X, Y, W_Q) -> (2 X, 2 Y, W_Q / 4): H_o(QQ), H_f(QQ) times 2^6, H_o(VV) 2^2, "
            "H_f(VQ) 2^4, each within 1e-12",
            exact(l.scaling), l.scaling < 1e-12),
      check("functional-value-block", "The functional part of the value block is 0",
            "|H_f(VV)| = 0", exact(l.functional_vv), l.functional_vv == 0)};
}

}  // namespace

std::int64_t attention_proof_steps(std::int64_t seeds) {
  return static_cast<std::int64_t>(variants().size() * std::size(sizes)) * seeds;
}

std::vector<Claim> attention_proof(std::uint64_t seed, std::int64_t seeds,
                                   const std::function<void()>& progress) {
  std::vector<Claim> claims;
  Leftovers leftovers;
  double negative = 0;
  for (const Variant& variant : variants()) {
    Deviations d;
    for (const LayerSizes& s : sizes)
      for (std::int64_t i = 0; i < seeds; ++i) {
        const std::uint64_t one = seed + static_cast<std::uint64_t>(i);
        const Subject subject(variant, s, one);
        compare(subject, d);
        if (variant.id == "softmax") look_at_identities(subject, one, leftovers);
        progress();
      }
    negative = std::max(negative, d.negative);
    claims.push_back(closed_form_claim(variant, d));
  }
  const std::int64_t layers = static_cast<std::int64_t>(std::size(sizes)) * seeds;
  std::ranges::move(identity_claims(leftovers, negative, layers), std::back_inserter(claims));
  return claims;
}

}  // namespace sonde::experiments
