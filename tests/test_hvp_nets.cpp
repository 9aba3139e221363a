// Second derivatives and per-sample gradients of whole nets, at points without kinks: the mode
// pairs of the Hessian-vector product agree, vmap of the gradient equals the loop, and nothing is
// expanded or looped over on the way.
#include <gtest/gtest.h>

#include <random>

#include "autograd/observe.hpp"
#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"

namespace sonde {
namespace {

constexpr std::int64_t classes = 3;

Var normal(const Dims& shape, std::mt19937_64& random, double scale = 1) {
  std::normal_distribution<double> d(0, scale);
  Tensor t = Tensor::empty(shape, DType::f64);
  for (std::int64_t i = 0; i < t.numel(); ++i) t.data<double>()[i] = d(random);
  return t;
}

// A net: logits [B, classes] from its parameters and a batch x [B, ...].
struct Net {
  std::string name;
  std::function<Var(const Vars& parameters, const Var& x)> logits;
  Vars parameters;
  Var x;  ///< [samples, ...]
};

Var mlp(const Vars& p, const Var& x) {
  const Var h = gelu(linear(x, p[0], p[1]));
  return linear(tanh(linear(layer_norm(h, {6}, p[2], p[3]), p[4])), p[5]);
}

// Convolution, group norm, strided convolution, mean over positions.
Var conv_net(const Vars& p, const Var& x) {
  const Var h = silu(group_norm(conv2d(x, p[0], p[1], {.padding = {1, 1}}), 2, p[2], p[3]));
  const Var g = tanh(conv2d(h, p[4], {}, {.stride = {2, 2}, .padding = {1, 1}}));
  return linear(div(sum(g, {2, 3}), 4.0), p[5]);
}

// x [B, T, I]; the classifier sees the last state.
Var lstm_net(const Vars& p, const Var& x) {
  const LstmSequence out = lstm(transpose(x, 0, 1), {}, {p[0], p[1], p[2], p[3]});
  return linear(add(out.state.h, div(sum(out.y, {0}), 4.0)), p[4]);
}

// One pre-norm transformer block with two heads, x [B, T, 4].
Var attention_net(const Vars& p, const Var& x) {
  const std::int64_t batch = x.size(0), time = x.size(1);
  auto heads = [&](const Var& v) { return permute(reshape(v, {batch, time, 2, 2}), {0, 2, 1, 3}); };
  const Var n = rms_norm(x, {4}, p[0]);
  const Var o = scaled_dot_product_attention(heads(linear(n, p[1])), heads(linear(n, p[2])),
                                             heads(linear(n, p[3])), {}, true);
  const Var h = add(x, linear(reshape(permute(o, {0, 2, 1, 3}), {batch, time, 4}), p[4]));
  const Var m = add(h, linear(gelu(linear(layer_norm(h, {4}, p[5], p[6]), p[7])), p[8]));
  return linear(sum(m, {1}), p[9]);
}

std::vector<Net> nets() {
  std::mt19937_64 r(7);
  auto weights = [&](std::initializer_list<Dims> shapes) {
    Vars p;
    for (const Dims& s : shapes) p.push_back(normal(s, r, 0.5));
    return p;
  };
  return {{"mlp", mlp, weights({{6, 5}, {6}, {6}, {6}, {4, 6}, {classes, 4}}), normal({4, 5}, r)},
          {"conv", conv_net, weights({{4, 2, 3, 3}, {4}, {4}, {4}, {5, 4, 3, 3}, {classes, 5}}),
           normal({4, 2, 4, 4}, r)},
          {"lstm", lstm_net, weights({{16, 3}, {16, 4}, {16}, {16}, {classes, 4}}),
           normal({4, 5, 3}, r)},
          {"attention", attention_net,
           weights({{4}, {4, 4}, {4, 4}, {4, 4}, {4, 4}, {4}, {4}, {6, 4}, {4, 6}, {classes, 4}}),
           normal({4, 3, 4}, r)}};
}

Var targets() {
  return Tensor::from<std::int64_t>({0, 2, 1, 2}, {4});
}

double dot(const Vars& a, const Vars& b) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += sum(mul(a[i], b[i])).item();
  return total;
}
double norm(const Vars& a) {
  return std::sqrt(dot(a, a));
}
double distance(const Vars& a, const Vars& b) {
  Vars d;
  for (std::size_t i = 0; i < a.size(); ++i) d.push_back(sub(a[i], b[i]));
  return norm(d);
}

Vars direction(const Vars& like, unsigned seed) {
  std::mt19937_64 r(seed);
  Vars v;
  for (const Var& p : like) v.push_back(normal(p.shape(), r));
  return v;
}

class HvpNets : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    net_ = nets()[static_cast<std::size_t>(GetParam())];
    loops_ = counters().loop_fallbacks;
  }
  void TearDown() override { EXPECT_EQ(counters().loop_fallbacks, loops_) << net_.name; }

  Function loss() const {
    return [net = net_](const Vars& p) { return cross_entropy(net.logits(p, net.x), targets()); };
  }
  // (parameters..., x of one sample, its target) -> loss
  Function sample_loss() const {
    return [net = net_](const Vars& v) {
      Vars p = v;
      const Var target = p.back();
      p.pop_back();
      const Var x = p.back();
      p.pop_back();
      return cross_entropy(net.logits(p, unsqueeze(x, 0)), unsqueeze(target, 0));
    };
  }
  Net net_;
  std::int64_t loops_ = 0;
};

TEST_P(HvpNets, ModePairsAgree) {
  const Vars &x = net_.parameters, v = direction(x, 1), u = direction(x, 2);
  const Vars fr = hvp(loss(), x, v, HvpMode::forward_over_reverse);
  const Vars rr = hvp(loss(), x, v, HvpMode::reverse_over_reverse);
  const Vars rf = hvp(loss(), x, v, HvpMode::reverse_over_forward);
  const double size = norm(rr);
  EXPECT_GT(size, 1e-3);
  EXPECT_LE(distance(fr, rr), 1e-10 * size);
  EXPECT_LE(distance(rf, rr), 1e-10 * size);
  auto along_v = [&](const Vars& y) { return jvp(loss(), y, v).tangents[0]; };
  EXPECT_LE(std::abs(jvp(along_v, x, u).tangents[0].item() - dot(u, rr)), 1e-10 * norm(u) * size);
}

TEST_P(HvpNets, AgreesWithDifferencesOfTheGradient) {
  const Vars &x = net_.parameters, v = direction(x, 1), hv = hvp(loss(), x, v);
  constexpr double h = 1e-5;
  Vars plus, minus, slope;
  for (std::size_t i = 0; i < x.size(); ++i) {
    plus.push_back(add(x[i], mul(v[i], h)));
    minus.push_back(sub(x[i], mul(v[i], h)));
  }
  const Vars up = grad(loss())(plus), down = grad(loss())(minus);
  for (std::size_t i = 0; i < x.size(); ++i) slope.push_back(mul(sub(up[i], down[i]), 0.5 / h));
  EXPECT_LE(distance(hv, slope), 1e-6 * norm(hv));
}

TEST_P(HvpNets, ARetainedLinearisationOfTheGradientIsTheHessian) {
  const Vars &x = net_.parameters, v = direction(x, 1), hv = hvp(loss(), x, v);
  const Linearization hessian = linearize(grad(loss()), x);
  EXPECT_LE(distance(hessian.apply(v), hv), 1e-10 * norm(hv));
  EXPECT_LE(distance(hessian.transpose(v), hv), 1e-10 * norm(hv));  // symmetric
}

TEST_P(HvpNets, PerSampleGradientsEqualTheLoopAndNothingIsExpanded) {
  const std::int64_t expansions = counters().expansions;
  Vars arguments = net_.parameters;
  arguments.push_back(net_.x);
  arguments.push_back(targets());
  Arguments which;
  Axes axes;
  for (std::size_t i = 0; i < net_.parameters.size(); ++i) {
    which.push_back(static_cast<int>(i));
    axes.push_back(std::nullopt);
  }
  axes.push_back(0);
  axes.push_back(0);
  const Function gradient = grad(sample_loss(), which);
  const Vars batched = vmap(gradient, {.in_axes = axes})(arguments);
  for (std::int64_t k = 0; k < net_.x.size(0); ++k) {
    Vars sample = net_.parameters, lane;
    sample.push_back(select(net_.x, 0, k));
    sample.push_back(select(targets(), 0, k));
    for (const Var& g : batched) lane.push_back(select(g, 0, k));
    const Vars alone = gradient(sample);
    EXPECT_LE(distance(lane, alone), 1e-12 * norm(alone)) << "sample " << k;
  }
  EXPECT_EQ(counters().expansions, expansions);
}

TEST_P(HvpNets, HessianProductsOfManyVectorsAtOnce) {
  const Vars& x = net_.parameters;
  const Vars a = direction(x, 1), b = direction(x, 2);
  Vars both;
  for (std::size_t i = 0; i < x.size(); ++i) both.push_back(stack({a[i], b[i]}, 0));
  const Vars products = vmap([&](const Vars& v) { return hvp(loss(), x, v); })(both);
  const Vars expected = hvp(loss(), x, b);
  Vars second;
  for (const Var& p : products) second.push_back(select(p, 0, 1));
  EXPECT_LE(distance(second, expected), 1e-10 * norm(expected));
}

INSTANTIATE_TEST_SUITE_P(All, HvpNets, ::testing::Range(0, 4), [](const auto& info) {
  return nets()[static_cast<std::size_t>(info.param)].name;
});

}  // namespace
}  // namespace sonde
