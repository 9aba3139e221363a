// Sharpness of losses that are known in closed form, and what it leaves alone.
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/sharpness.hpp"
#include "autograd/ops.hpp"
#include "nn/batch_norm.hpp"
#include "nn/init.hpp"
#include "nn/linear.hpp"
#include "nn/state_dict.hpp"
#include "tests/analysis/values.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde {
namespace {

using testing::expect_code;
using testing::random;

Tensor vector(const std::vector<double>& values) {
  return Tensor::from<double>(values, {static_cast<std::int64_t>(values.size())});
}

constexpr std::int64_t p = 5;

// theta = (a, b), of two tensors.
Point point() {
  return Point::of({"a", "b"}, {vector({0.5, -2, 1}), vector({3, 0.1})});
}
Tensor joined(const Vars& parts) {
  return concat(parts, 0).tensor();
}

// The loss theta' H theta / 2 with H = B B' / 5.
struct Quadratic {
  Point at = point();
  Tensor theta = joined(at.values);
  Tensor h = div(matmul(random({p, p}, 1), random({p, p}, 1), {.b = true}), 5.0).tensor();
  Function loss = [h = h](const Vars& x) {
    const Var t = concat(x, 0);
    return sum(mul(t, matmul(h, t))) * 0.5;
  };
  double trace(const Tensor& weights) const { return sum(mul(h.diagonal(), weights)).item(); }
  Tensor gradient() const { return matmul(h, theta).tensor(); }
};

void within(const Estimate& e, double expected, double errors) {
  EXPECT_NEAR(e.value, expected, errors * *e.std_error);
}

TEST(LossSharpness, OfAQuadraticIsItsTrace) {
  const Quadratic q;
  const Tensor ones = Tensor::ones({p}, DType::f64);
  const double size = 0.3;
  auto measured = [&](NoiseLaw law, NoiseUnit unit) {
    return loss_sharpness(q.loss, q.at,
                          {.law = law, .size = size, .unit = unit, .draws = 4000, .key = {7, 7}});
  };
  const double half = size * size / 2;
  within(measured(NoiseLaw::gaussian, NoiseUnit::one), half * q.trace(ones), 4);
  within(measured(NoiseLaw::sphere, NoiseUnit::one), half * q.trace(ones) / p, 4);
  const Tensor squares = square(q.theta).tensor();
  within(measured(NoiseLaw::gaussian, NoiseUnit::element), half * q.trace(squares), 4);
  within(measured(NoiseLaw::sphere, NoiseUnit::element), half * q.trace(squares) / p, 4);
  const double a = 5.25 / 3, b = 9.01 / 2;  // mean squares of the two tensors
  within(measured(NoiseLaw::gaussian, NoiseUnit::tensor), half * q.trace(vector({a, a, a, b, b})),
         4);
}

// The error that is reported is the one there is: 3 of them hold the value in 95 of 100 seeds, and
// they are within a factor 2 of the spread over seeds.
TEST(LossSharpness, ReportsTheErrorItHas) {
  const Quadratic q;
  const double expected = 0.005 * q.trace(Tensor::ones({p}, DType::f64));
  std::vector<double> values;
  int inside = 0;
  double errors = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Estimate e = loss_sharpness(q.loss, q.at, {.size = 0.1, .draws = 50, .key = {seed, 3}});
    EXPECT_EQ(e.n, 50);
    values.push_back(e.value);
    errors += *e.std_error / 100;
    inside += std::abs(e.value - expected) <= 3 * *e.std_error;
  }
  EXPECT_GE(inside, 95);
  double square = 0;
  for (double v : values) square += (v - expected) * (v - expected) / 100;
  EXPECT_GT(errors / std::sqrt(square), 0.5);
  EXPECT_LT(errors / std::sqrt(square), 2);
}

TEST(WithNoise, HasTheSizeAndTheUnitAskedFor) {
  const Quadratic q;
  auto moved = [&](const ParameterNoise& noise, std::int64_t draw) {
    return sub(joined(with_noise(q.at, noise, draw)), q.theta).tensor();
  };
  const ParameterNoise sphere{.law = NoiseLaw::sphere, .size = 0.7, .key = {1, 1}};
  EXPECT_NEAR(norm(moved(sphere, 3)).item(), 0.7, 1e-14);
  ParameterNoise scaled = sphere;
  scaled.unit = NoiseUnit::element;
  EXPECT_NEAR(norm(div(moved(scaled, 3), q.theta)).item(), 0.7, 1e-13);
  EXPECT_EQ(moved(sphere, 3).to_vector<double>(), moved(sphere, 3).to_vector<double>());
  EXPECT_NE(moved(sphere, 3).to_vector<double>(), moved(sphere, 4).to_vector<double>());
}

// Outputs X theta [n, 1]: change X Delta.
TEST(OutputSharpness, OfALinearFunctionIsTheNormOfItsInputs) {
  const Tensor x = random({6, p}, 2);
  const Function outputs = [&](const Vars& v) { return reshape(matmul(x, concat(v, 0)), {6, 1}); };
  const OutputSharpness s =
      output_sharpness(outputs, point(), {.size = 0.2, .draws = 4000, .key = {2, 2}});
  const Var lengths = norm(x, 2, {1});
  within(s.squared, 0.04 * mean(square(lengths)).item(), 4);
  within(s.absolute, 0.2 * std::sqrt(2 / M_PI) * mean(lengths).item(), 4);
  EXPECT_FALSE(s.flips);
  const OutputSharpness on_sphere = output_sharpness(
      outputs, point(), {.law = NoiseLaw::sphere, .size = 0.2, .draws = 4000, .key = {2, 2}});
  within(on_sphere.squared, 0.04 / p * mean(square(lengths)).item(), 4);
}

// Logits (0, theta . x): a prediction flips if the noise passes the margin.
TEST(OutputSharpness, FlipsAsTheNormalTailSays) {
  const Tensor x = random({8, p}, 5), theta = joined(point().values);
  const Function logits = [&](const Vars& v) {
    const Var score = reshape(matmul(x, concat(v, 0)), {8, 1});
    return concat({score * 0.0, score}, 1);
  };
  const OutputSharpness s =
      output_sharpness(logits, point(), {.size = 0.8, .draws = 3000, .key = {2, 2}});
  double expected = 0;
  for (std::int64_t i = 0; i < 8; ++i) {
    const Var row = x.select(0, i);
    const double margin = std::abs(sum(mul(row, theta)).item());
    expected += 0.5 * std::erfc(margin / (0.8 * norm(row).item()) / std::sqrt(2.0)) / 8;
  }
  ASSERT_TRUE(s.flips);
  within(*s.flips, expected, 4);
  EXPECT_EQ(s.flips->n, 3000);
  EXPECT_EQ(s.flips->m, 8);
}

TEST(SamAscent, OnAQuadraticIsExact) {
  const Quadratic q;
  const Tensor g = q.gradient();
  const double length = norm(g).item(), rho = 0.4;
  const double curvature = sum(mul(g, matmul(q.h, g))).item() / (length * length);
  const Ascent ascent = sam_ascent(q.loss, q.at, rho);
  EXPECT_NEAR(ascent.rise(), rho * length + rho * rho * curvature / 2, 1e-13);
  EXPECT_NEAR(ascent.before, sum(mul(q.theta, g)).item() / 2, 1e-13);
  EXPECT_NEAR(norm(concat(ascent.step, 0)).item(), rho, 1e-14);
  // With units the linearised rise is rho |u g|.
  const Var u = abs(q.theta);
  const Ascent adaptive = sam_ascent(q.loss, q.at, 1e-6, NoiseUnit::element);
  EXPECT_NEAR(adaptive.rise(), 1e-6 * norm(mul(u, g)).item(), 1e-10);
  EXPECT_NEAR(norm(div(concat(adaptive.step, 0), u)).item(), 1e-6, 1e-18);
}

// Among all steps of its length, SAM's lets the linearised loss rise most.
TEST(SamAscent, RisesAtLeastAsTheSphereDoes) {
  const Quadratic q;
  const double rho = 1e-3, sam = sam_ascent(q.loss, q.at, rho).rise();
  const double before = 0.5 * sum(mul(q.theta, q.gradient())).item();
  for (std::int64_t r = 0; r < 50; ++r) {
    const Vars there = with_noise(q.at, {.law = NoiseLaw::sphere, .size = rho}, r);
    EXPECT_LE(q.loss(there)[0].item() - before,
              sam + rho * rho * q.trace(Tensor::ones({p}, DType::f64)));
  }
}

// Linear, then batch norm with statistics far from those of the data.
class Normed final : public nn::Module {
 public:
  Normed() : linear_(3, 4, {1, 1}), norm_(4) {
    child("linear", linear_);
    child("norm", norm_);
    convert(DType::f64);
  }
  Var forward(nn::Context& ctx, Var x) const override { return norm_(ctx, linear_(ctx, x)); }

 private:
  nn::Linear linear_;
  nn::BatchNorm1d norm_;
};

TEST(Sharpness, KeepsBuffersAndChangesNothing) {
  Normed net;
  NamedTensors state = nn::state_dict(net);
  state.at("norm.running_mean") = Tensor::full({4}, 5, DType::f64);
  state.at("norm.running_var") = Tensor::full({4}, 100 - 1e-5, DType::f64);
  nn::load_state_dict(net, state);
  const Tensor x = random({50, 3}, 4);
  const ParameterPoint at(net, "linear.bias");
  const Function outputs = at.outputs(x);
  const Function loss = [&](const Vars& v) { return sum(outputs(v)[0]); };
  const ParameterNoise noise{.size = 0.1, .draws = 2000};
  // Each output moves by noise / 10: the statistics are those of the buffers. In train mode a bias
  // would change nothing.
  within(output_sharpness(outputs, at, noise).squared, 4 * 0.01 * 0.01, 4);
  loss_sharpness(loss, at, noise);
  sam_ascent(loss, at, 0.1);
  const NamedTensors after = nn::state_dict(net);
  for (const auto& [name, value] : state)
    EXPECT_EQ(value.to_vector<double>(), after.at(name).to_vector<double>()) << name;
  const OutputSharpness none = output_sharpness(outputs, at, {.size = 0, .draws = 3});
  EXPECT_EQ(none.absolute.value, 0);
  EXPECT_EQ(none.flips->value, 0);
}

TEST(Sharpness, BadInputIsATypedError) {
  const Quadratic q;
  expect_code(ErrorCode::value, [&] { loss_sharpness(q.loss, q.at, {.size = -1}); });
  expect_code(ErrorCode::value, [&] { loss_sharpness(q.loss, q.at, {.draws = 0}); });
  expect_code(ErrorCode::value, [&] { sam_ascent(q.loss, q.at, std::nan("")); });
  const Function both = [](const Vars& x) { return concat(x, 0); };
  expect_code(ErrorCode::shape, [&] { loss_sharpness(both, q.at, {}); });
  expect_code(ErrorCode::shape, [&] { sam_ascent(both, q.at, 1); });
  const Function flat = [&](const Vars& x) { return q.loss(x)[0] * 0.0; };
  expect_code(ErrorCode::numeric, [&] { sam_ascent(flat, q.at, 1); });
  expect_code(ErrorCode::shape, [&] { output_sharpness(q.loss, q.at, {}); });
}

}  // namespace
}  // namespace sonde
