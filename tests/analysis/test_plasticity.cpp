// Plasticity of a small vision transformer's components against their bounds (E1), and the bounds
// against closed forms.
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>

#include "analysis/plasticity.hpp"
#include "analysis/plasticity_bounds.hpp"
#include "analysis/rank.hpp"
#include "autograd/ops.hpp"
#include "nn/init.hpp"
#include "nn/loss.hpp"
#include "nn/models/vit.hpp"
#include "optim/adam.hpp"
#include "tests/analysis/values.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde {
namespace {

using testing::expect_code;
using testing::random;

constexpr std::int64_t dim = 16, depth = 2, heads = 2, pairs = 1000;
constexpr double eps = 1e-5;

// Images of noise in which one quadrant, the label, is brighter.
struct Batch {
  Tensor images, labels;
};
Batch batch(std::int64_t n, std::uint64_t seed, double noise) {
  Tensor images = mul(random({n, 1, 8, 8}, seed), noise).tensor();
  Tensor labels = Tensor::empty({n}, DType::i64);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto label = static_cast<std::int64_t>(philox::bits({seed, 1}, std::uint64_t(i)) % 4);
    labels.data<std::int64_t>()[i] = label;
    Tensor part = images.select(0, i).select(0, 0);
    part =
        part.slice(0, label / 2 * 4, label / 2 * 4 + 4).slice(1, label % 2 * 4, label % 2 * 4 + 4);
    part.copy_from(add(Var(part), 1.0).tensor());
  }
  return {images, labels};
}

std::unique_ptr<nn::Vit> vit() {
  auto net = std::make_unique<nn::Vit>(
      nn::ImageSpec{.channels = 1, .height = 8, .width = 8, .classes = 4}, philox::Key{5, 5},
      nn::VitOptions{.dim = dim,
                     .depth = depth,
                     .heads = heads,
                     .head_dim = 8,
                     .mlp_dim = 32,
                     .qkv_bias = true,
                     .norm_eps = eps});
  net->convert(DType::f64);
  return net;
}

double accuracy(const nn::Vit& net, const Batch& b) {
  const Var right = eq(argmax(net(b.images), 1), b.labels);
  return mean(to(right, DType::f64)).item();
}

// Adam on fresh images; also the biases and norms leave their initial values.
void train(nn::Vit& net) {
  optim::Adam adam(net, {.lr = 3e-3});
  for (std::uint64_t step = 0; step < 60; ++step) {
    const Batch b = batch(32, 100 + step, 0.5);
    const auto out = nn::value_and_grad(net, [&](nn::Context& ctx) {
      return make_vars(nn::cross_entropy(net(ctx, b.images), b.labels));
    });
    adam.step(out.grads);
  }
}

std::string at(int layer, std::string_view name) {
  return fmt::format("encoder.layers.{}.{}", layer, name);
}
Tensor parameter(const nn::Module& net, const std::string& path) {
  for (const auto& p : net.named_parameters())
    if (p.path == path) return p.handle->value;
  ADD_FAILURE() << path;
  return {};
}
Tensor joined(const Tensor& a, const Tensor& b) {
  return concat({Var(a), Var(b)}, 0).tensor();
}
void expect_below(const Sample& ratios, double bound, const std::string& what) {
  ASSERT_EQ(ratios.size(), static_cast<std::size_t>(pairs));
  for (double r : ratios) ASSERT_LE(r, bound) << what;
  EXPECT_GT(mean(ratios), 0) << what;
}

AttentionProjections projections(const nn::Vit& net, int layer) {
  return attention_projections(module_at(net, at(layer, "self_attn")), heads);
}

// The bounds of one component on the sequences x, y that enter it.
double bound(const nn::Vit& net, int layer, const std::string& name, const Tensor& x,
             const Tensor& y) {
  const Tensor both = joined(x, y);
  if (name.starts_with("norm"))
    return layer_norm_bound(parameter(net, at(layer, name + ".weight")),
                            least_deviation(both, eps));
  if (name == "self_attn")
    return attention_bound(projections(net, layer), x.size(1), token_radius(both));
  return linear_bound(parameter(net, at(layer, name + ".weight"))) * (1 + 1e-4);
}

class E1 : public ::testing::TestWithParam<bool> {
 protected:
  // Random, or trained once for all tests.
  static const nn::Vit& network(bool trained) {
    static const std::unique_ptr<nn::Vit> nets[] = {vit(), [] {
                                                      auto net = vit();
                                                      train(*net);
                                                      return net;
                                                    }()};
    return *nets[trained];
  }
  const nn::Vit& net_ = network(GetParam());
  const Tensor images_x_ = batch(pairs, 1, 0.5).images, images_y_ = batch(pairs, 2, 1.0).images;
  const TappedFunction f_ = tapped(net_);
  const Tensor x_ = value_at(f_, images_x_, "encoder.in"),
               y_ = value_at(f_, images_y_, "encoder.in");
};

TEST_P(E1, RatiosOfEmbeddingsStayBelowTheBounds) {
  for (int l = 0; l < depth; ++l)
    for (const std::string name : {"norm1", "self_attn", "norm2", "linear1", "linear2"})
      expect_below(expansion_of_embeddings(net_, at(l, name), x_, y_), bound(net_, l, name, x_, y_),
                   at(l, name));
}

TEST_P(E1, RatiosInPlaceStayBelowTheBounds) {
  for (int l = 0; l < depth; ++l)
    for (const std::string name : {"norm1", "self_attn", "norm2", "linear1", "linear2"}) {
      const Tensor x = value_at(f_, images_x_, at(l, name) + ".in"),
                   y = value_at(f_, images_y_, at(l, name) + ".in");
      expect_below(expansion_in_place(f_, at(l, name), images_x_, images_y_),
                   bound(net_, l, name, x, y), at(l, name));
    }
}

TEST_P(E1, ALinearMapReachesItsBoundAlongTheTopSingularVector) {
  for (const char* name : {"linear1", "linear2"}) {
    const Tensor w = parameter(net_, at(0, name) + ".weight");
    const Var top = select(svd(w).vt, 0, 0);
    const Tensor x = random({5, 4, w.size(1)}, 3), y = add(x, top).tensor();
    for (double r : expansion(component(net_, at(0, name)), x, y))
      EXPECT_NEAR(r, linear_bound(w), 1e-3 * linear_bound(w));
  }
}

TEST_P(E1, ScaledEmbeddingsScaleNormsInverselyAndLeaveLinearMaps) {
  const double s = 3;
  const Tensor sx = mul(x_, s).tensor(), sy = mul(y_, s).tensor();
  for (int l = 0; l < depth; ++l)
    for (const std::string name : {"norm1", "norm2", "linear1", "linear2"}) {
      const double before = mean(expansion_of_embeddings(net_, at(l, name), x_, y_)),
                   after = mean(expansion_of_embeddings(net_, at(l, name), sx, sy));
      const bool norm = name.starts_with("norm");
      EXPECT_NEAR(norm ? after * s : after, before, before * (norm ? 1e-2 : 1e-4)) << name;
    }
}

// Printed and not required: a tiny network has not the order of a large pretrained one.
TEST_P(E1, PrintsTheOrderOfTheBounds) {
  for (int l = 0; l < depth; ++l) {
    const double attention = bound(net_, l, "self_attn", x_, y_),
                 linear = bound(net_, l, "linear1", x_, y_), norm = bound(net_, l, "norm1", x_, y_);
    std::cout << fmt::format(
        "block {}: UB(MHA) {:.3g}, UB(FC1) {:.3g}, UB(LN) {:.3g}: {}\n", l, attention, linear, norm,
        attention > linear && linear > norm ? "in the paper's order" : "in another order");
    EXPECT_TRUE(std::isfinite(attention) && std::isfinite(linear) && std::isfinite(norm));
  }
}

INSTANTIATE_TEST_SUITE_P(Vit, E1, ::testing::Bool(),
                         [](const auto& trained) { return trained.param ? "Trained" : "Random"; });

TEST(Plasticity, TrainingChangesTheNetwork) {
  const auto net = vit();
  const Batch b = batch(500, 7, 0.5);
  const double before = accuracy(*net, b);
  train(*net);
  EXPECT_GT(accuracy(*net, b), std::max(0.9, before));
}

TEST(Plasticity, OfAMultipleOfTheIdentityIsItsFactor) {
  const Component f = [](const Tensor& x) { return mul(x, -2.5).tensor(); };
  const Sample ratios = expansion(f, random({20, 3, 4}, 1), random({20, 3, 4}, 2));
  for (double r : ratios) EXPECT_NEAR(r, 2.5, 1e-14);
  EXPECT_NEAR(mean_over_units(ratios).value, 2.5, 1e-14);
}

// A mean of ratios: pairs at distances 1 and 10 that expand by 2 and 4.
TEST(Plasticity, IsAMeanOfRatios) {
  const Component f = [](const Tensor& x) {
    return mul(x, Tensor::from<double>({2, 4}, {2, 1, 1})).tensor();
  };
  const Tensor x = Tensor::from<double>({1, 10}, {2, 1, 1}),
               y = Tensor::zeros({2, 1, 1}, DType::f64);
  EXPECT_EQ(expansion(f, x, y), (Sample{2, 4}));
  EXPECT_EQ(mean_over_units(expansion(f, x, y)).value, 3);
}

TEST(Plasticity, NoiseInPlaceIsOneRatioForEachInputAndPosition) {
  // the module "scale" multiplies token t by t + 1
  const TappedFunction net = [](const Tensor& x, const nn::Tap& tap) {
    const Var in = tap("scale.in", square(x));
    const Var factors = Tensor::arange(3, DType::f64, 1).reshape({3, 1});
    return sum(tap("scale.out", mul(in, factors)), {1, 2}).tensor();
  };
  const Sample each =
      expansion_in_place(net, "scale", random({4, 3, 5}, 1), *token_noise(3, 5), 0.3, {1, 1});
  ASSERT_EQ(each.size(), 12u);
  for (std::size_t k = 0; k < each.size(); ++k)
    EXPECT_NEAR(each[k], static_cast<double>(k % 3 + 1), 1e-13);
}

TEST(PlasticityBounds, OfAttentionWithMultiplesOfTheIdentity) {
  const std::int64_t d = 6, n = 5;
  auto scaled = [&](double a) { return mul(Tensor::eye(d, DType::f64), a).tensor(); };
  const double a = 1.5, b = 0.7, c = 2, e = 0.3, r = 1.2, beta = 0.8;
  AttentionProjections p{
      .q = scaled(a), .k = scaled(b), .v = scaled(c), .out = scaled(e), .heads = 2};
  auto head = [&](double score) {
    return e * c * std::sqrt(3.0 * n + (12.0 * n + 3) * score * score);
  };
  const double plain = head(r * r * a * b / std::sqrt(3.0));
  EXPECT_NEAR(attention_bound(p, n, r), 2 * plain, 1e-12);
  EXPECT_NEAR(attention_bound(p, n, r, BoundForm::legacy), 2 * plain, 1e-12);
  p.scale = 0.1;
  EXPECT_NEAR(attention_bound(p, n, r), 2 * head(r * r * a * b * 0.1), 1e-12);
  p.scale.reset();
  p.q_bias = Tensor::zeros({d}, DType::f64);
  p.q_bias.data<double>()[0] = beta;  // of the first head
  const double longer = (r * r + 1) * b / std::sqrt(3.0);
  EXPECT_NEAR(attention_bound(p, n, r), head(longer * std::hypot(a, beta)) + head(longer * a),
              1e-12);
  EXPECT_NEAR(attention_bound(p, n, r, BoundForm::legacy), 2 * plain, 1e-12);
}

// Rows (0, 2) and (1, 0) are the heads' queries; the authors' are the columns (0, 1) and (2, 0).
TEST(PlasticityBounds, LegacyCutsHeadsOutOfColumns) {
  const Tensor eye = Tensor::eye(2, DType::f64);
  const AttentionProjections p{.q = Tensor::from<double>({0, 2, 1, 0}, {2, 2}),
                               .k = eye,
                               .v = Tensor::from<double>({3, 0, 0, 1}, {2, 2}),
                               .out = eye,
                               .heads = 2};
  auto head = [](double score) { return std::sqrt(3.0 + 15 * score * score); };
  EXPECT_NEAR(attention_bound(p, 1, 1), 3 * head(2) + head(1), 1e-12);
  EXPECT_NEAR(attention_bound(p, 1, 1, BoundForm::legacy), 3 * head(1) + head(2), 1e-12);
}

TEST(PlasticityBounds, OfNormsRadiiAndDeviations) {
  const Tensor gamma = Tensor::from<double>({0.5, -3, 2}, {3});
  EXPECT_EQ(layer_norm_bound(gamma, 0.5), 6);
  EXPECT_EQ(layer_norm_bound(gamma, 0.5, BoundForm::legacy), 2);
  const Tensor x = Tensor::from<double>({3, 4, 0, 1, 1, 1, 2, 0}, {2, 2, 2});
  EXPECT_EQ(token_radius(x), 5);
  EXPECT_NEAR(token_radius(x, BoundForm::legacy), (std::sqrt(13.0) + std::sqrt(3.0)) / 2, 1e-14);
  EXPECT_NEAR(least_deviation(x, 0.04), 0.2, 1e-14);  // of the token (1, 1)
  // Legacy is none: where tokens deviate by less than 1, ratios exceed it.
  const Component ln = [](const Tensor& v) { return layer_norm(v, {2}).tensor(); };
  const Tensor small = mul(random({50, 3, 2}, 3), 0.01).tensor(), other = random({50, 3, 2}, 4);
  const Tensor close = add(small, mul(other, 0.001)).tensor();
  const Sample ratios = expansion(ln, small, close);
  EXPECT_GT(mean(ratios), layer_norm_bound(Tensor::ones({2}), 1, BoundForm::legacy));
}

TEST(Plasticity, BadInputIsATypedError) {
  const auto net = vit();
  const Tensor x = random({2, 4, dim}, 1);
  EXPECT_NE(expect_code(ErrorCode::names, [&] { component(*net, "encoder.layers.0.linear3"); })
                .find("'encoder.layers.0.linear1'"),
            std::string::npos);
  const Component f = component(*net, "encoder.layers.0.norm1");
  expect_code(ErrorCode::value, [&] { expansion(f, x, x); });
  expect_code(ErrorCode::shape, [&] { expansion(f, x, random({3, 4, dim}, 2)); });
  expect_code(ErrorCode::names, [&] { attention_projections(*net, 2); });
  AttentionProjections p = projections(*net, 0);
  p.heads = 3;
  expect_code(ErrorCode::shape, [&] { attention_bound(p, 4, 1); });
  p.heads = 2;
  expect_code(ErrorCode::value, [&] { attention_bound(p, 0, 1); });
  expect_code(ErrorCode::value, [&] { layer_norm_bound(Tensor::ones({2}), 0); });
  expect_code(ErrorCode::shape, [&] { token_radius(random({3}, 1)); });
}

}  // namespace
}  // namespace sonde
