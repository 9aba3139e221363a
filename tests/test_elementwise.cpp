// Every elementwise slot against a naive long double loop, over odd sizes and all kinds of strides.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <numbers>
#include <random>

#include "tensor/kernels/elementwise.hpp"
#include "tensor/parallel.hpp"

namespace sonde {
namespace {

using Real = long double;
using Slot = Kernel<kernels::Elementwise>;
namespace k = kernels;

Tensor run(Slot& slot, const Tensors& in, DType dtype, std::vector<double> params = {}) {
  Dims shape;
  for (const Tensor& t : in) shape = broadcast_shapes(shape, t.shape(), slot.op());
  Tensor out = Tensor::empty(shape, dtype);
  slot.find({}, in[&slot == &k::where ? 1 : 0].dtype())(in, out, params.data());
  return out;
}

Tensor uniform(const Dims& shape, DType dtype, double low, double high, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> draw(low, high);
  std::vector<double> values(static_cast<std::size_t>(numel(shape)));
  for (double& v : values) v = draw(random);
  return Tensor::from<double>(values, shape).to(dtype);
}

// One op of up to two inputs: reference, range of the inputs, tolerance relative to max(|result|,
// scale).
struct Row {
  Slot* slot;
  std::function<Real(Real, Real)> f;
  double low = -4, high = 4;
  std::vector<double> params = {};
  double scale = 0;
};
struct Unary : Row {
  Unary(Slot& s, Real (*g)(Real), double lo = -4, double hi = 4, double scale = 0)
      : Row{&s, [g](Real x, Real) { return g(x); }, lo, hi, {}, scale} {}
};

Real sigmoid(Real x) {
  return 1 / (1 + std::exp(-x));
}
Real normal_cdf(Real x) {
  return std::erfc(-x / std::numbers::sqrt2_v<Real>) / 2;
}
Real normal_pdf(Real x) {
  return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi_v<Real>);
}
Real gelu_gate(Real x) {
  return sigmoid(2 * std::sqrt(2 / std::numbers::pi_v<Real>) * (x + 0.044715L * x * x * x));
}

std::vector<Row> unary_rows() {
  return {
      Unary(k::neg, [](Real x) { return -x; }),
      Unary(k::abs, [](Real x) { return std::fabs(x); }),
      Unary(k::sign, [](Real x) -> Real { return (x > 0) - (x < 0); }),
      Unary(k::square, [](Real x) { return x * x; }),
      Unary(
          k::sqrt, [](Real x) { return std::sqrt(x); }, 0, 9),
      Unary(
          k::rsqrt, [](Real x) { return 1 / std::sqrt(x); }, 0.1, 9),
      Unary(k::reciprocal, [](Real x) { return 1 / x; }),
      Unary(k::floor, [](Real x) { return std::floor(x); }),
      Unary(k::ceil, [](Real x) { return std::ceil(x); }),
      Unary(k::round, [](Real x) { return std::nearbyint(x); }),
      Unary(k::trunc, [](Real x) { return std::trunc(x); }),
      Unary(k::exp, [](Real x) { return std::exp(x); }),
      Unary(k::expm1, [](Real x) { return std::expm1(x); }),
      Unary(
          k::log, [](Real x) { return std::log(x); }, 0.1, 9),
      Unary(
          k::log1p, [](Real x) { return std::log1p(x); }, -0.9, 9),
      Unary(k::sin, [](Real x) { return std::sin(x); }),
      Unary(k::cos, [](Real x) { return std::cos(x); }),
      Unary(k::tan, [](Real x) { return std::tan(x); }),
      Unary(k::tanh, [](Real x) { return std::tanh(x); }),
      Unary(k::sinh, [](Real x) { return std::sinh(x); }),
      Unary(k::cosh, [](Real x) { return std::cosh(x); }),
      Unary(
          k::asin, [](Real x) { return std::asin(x); }, -1, 1),
      Unary(
          k::acos, [](Real x) { return std::acos(x); }, -1, 1),
      Unary(k::atan, [](Real x) { return std::atan(x); }),
      Unary(k::erf, [](Real x) { return std::erf(x); }),
      Unary(k::erfc, [](Real x) { return std::erfc(x); }),
      Unary(k::sigmoid, sigmoid),
      Unary(k::relu, [](Real x) { return x > 0 ? x : 0; }),
      Unary(
          k::gelu, [](Real x) { return x * normal_cdf(x); }, -4, 4, 4),
      Unary(
          k::gelu_tanh, [](Real x) { return x * gelu_gate(x); }, -4, 4, 1),
      Unary(k::silu, [](Real x) { return x * sigmoid(x); }),
      {&k::leaky_relu, [](Real x, Real) { return x > 0 ? x : 0.1L * x; }, -4, 4, {0.1}},
      {&k::elu, [](Real x, Real) { return x > 0 ? x : 1.5L * std::expm1(x); }, -4, 4, {1.5}},
      {&k::softplus,
       [](Real x, Real) { return 2 * x > 6 ? x : std::log1p(std::exp(2 * x)) / 2; },
       -4,
       4,
       {2, 6}},
      {&k::clamp, [](Real x, Real) { return std::clamp(x, -1.0L, 2.0L); }, -4, 4, {-1, 2}},
  };
}

// The derivative products: f(c, x).
std::vector<Row> binary_rows() {
  return {
      {&k::add, [](Real a, Real b) { return a + b; }},
      {&k::sub, [](Real a, Real b) { return a - b; }},
      {&k::mul, [](Real a, Real b) { return a * b; }},
      {&k::div, [](Real a, Real b) { return a / b; }},
      {&k::maximum, [](Real a, Real b) { return std::max(a, b); }},
      {&k::minimum, [](Real a, Real b) { return std::min(a, b); }},
      {&k::pow, [](Real a, Real b) { return std::pow(a, b); }, 0.1, 4},
      {&k::fmod, [](Real a, Real b) { return std::fmod(a, b); }},
      {&k::remainder, [](Real a, Real b) { return a - b * std::floor(a / b); }, -4, 4, {}, 4},
      {&k::atan2, [](Real a, Real b) { return std::atan2(a, b); }},
      {&k::tanh_backward, [](Real c, Real y) { return c * (1 - y * y); }, -1, 1, {}, 1},
      {&k::sigmoid_backward, [](Real c, Real y) { return c * y * (1 - y); }, 0, 1, {}, 1},
      {&k::relu_backward, [](Real c, Real x) { return x > 0 ? c : 0; }},
      {&k::leaky_relu_backward, [](Real c, Real x) { return x > 0 ? c : 0.1L * c; }, -4, 4, {0.1}},
      {&k::elu_backward,
       [](Real c, Real x) { return x > 0 ? c : 1.5L * c * std::exp(x); },
       -4,
       4,
       {1.5}},
      {&k::gelu_backward,
       [](Real c, Real x) { return c * (normal_cdf(x) + x * normal_pdf(x)); },
       -4,
       4,
       {},
       4},
      {&k::gelu_tanh_backward,
       [](Real c, Real x) {
         const Real s = gelu_gate(x), slope = 2 * std::sqrt(2 / std::numbers::pi_v<Real>);
         return c * (s + x * s * (1 - s) * slope * (1 + 3 * 0.044715L * x * x));
       },
       -4,
       4,
       {},
       16},
      {&k::silu_backward,
       [](Real c, Real x) { return c * sigmoid(x) * (1 + x * (1 - sigmoid(x))); },
       -4,
       4,
       {},
       4},
      {&k::softplus_backward,
       [](Real c, Real x) { return 2 * x > 6 ? c : c * sigmoid(2 * x); },
       -4,
       4,
       {2, 6}},
      {&k::clamp_backward,
       [](Real c, Real x) { return x >= -1 && x <= 2 ? c : 0; },
       -4,
       4,
       {-1, 2}},
  };
}

void expect_close(const Row& row, const Tensor& got, const Tensor& a, const Tensor& b) {
  const Tensor x = a.expand(got.shape()), y = b.expand(got.shape());
  const auto g = got.to_vector<double>(), u = x.to_vector<double>(), v = y.to_vector<double>();
  const Real ulp = got.dtype() == DType::f32 ? 0x1p-23L : 0x1p-52L;
  for (std::size_t i = 0; i < g.size(); ++i) {
    const Real want = row.f(u[i], v[i]);
    ASSERT_LE(std::fabs(g[i] - want), 6 * ulp * std::max<Real>(std::fabs(want), row.scale))
        << row.slot->op() << " " << to_string(got.dtype()) << " of " << u[i] << ", " << v[i]
        << " gave " << g[i];
  }
}

TEST(Elementwise, UnaryAgainstNaiveLoop) {
  for (const Row& row : unary_rows())
    for (DType t : {DType::f32, DType::f64})
      for (std::int64_t n : {0, 1, 3, 4, 5, 17, 1001}) {
        const Tensor x = uniform({n}, t, row.low, row.high, 1);
        expect_close(row, run(*row.slot, {x}, t, row.params), x, x);
      }
}

TEST(Elementwise, BinaryAgainstNaiveLoopWithBroadcast) {
  for (const Row& row : binary_rows())
    for (DType t : {DType::f32, DType::f64})
      for (auto [s, u] : {std::pair<Dims, Dims>{{37}, {37}},
                          {{5, 37}, {37}},
                          {{5, 37}, {5, 1}},
                          {{3, 1, 7}, {4, 1}},
                          {{}, {1}},
                          {{0, 3}, {3}},
                          {{1537}, {}},
                          {{}, {1537}}}) {
        const Tensor a = uniform(s, t, row.low, row.high, 1),
                     b = uniform(u, t, row.low, row.high, 2);
        expect_close(row, run(*row.slot, {a, b}, t, row.params), a, b);
      }
}

// The views of a [n,m] block that an input may be; each has shape [9, 67].
std::vector<Tensor> views(DType t, double low, double high, std::uint64_t seed) {
  auto draw = [&](const Dims& s) { return uniform(s, t, low, high, seed); };
  return {draw({9, 67}),
          draw({67, 9}).transpose(0, 1),
          draw({9, 67}).flip({1}),
          draw({9, 67}).flip({0, 1}),
          draw({9, 134}).slice(1, 1, std::nullopt, 2),
          draw({9, 1}).expand({9, 67}),
          draw({67}).expand({9, 67})};
}

void expect_same_bits(const Tensor& a, const Tensor& b, std::string_view what) {
  const Tensor x = a.contiguous(), y = b.contiguous();
  ASSERT_EQ(
      std::memcmp(x.bytes(), y.bytes(), static_cast<std::size_t>(x.numel() * size_of(x.dtype()))),
      0)
      << what;
}

void expect_strides_do_not_matter(const Row& row, const Tensors& in, DType t) {
  Tensors packed;
  for (const Tensor& x : in) packed.push_back(x.clone());
  const Tensor want = run(*row.slot, packed, t, row.params);
  expect_same_bits(run(*row.slot, in, t, row.params), want, row.slot->op());
  Tensor out = Tensor::empty({67, 9}, t).transpose(0, 1);
  row.slot->find({}, t)(in, out, row.params.data());
  expect_same_bits(out, want, row.slot->op());
}

TEST(Elementwise, StridesNeverChangeABit) {
  for (DType t : {DType::f32, DType::f64}) {
    for (const Row& row : unary_rows())
      for (const Tensor& a : views(t, row.low, row.high, 1))
        expect_strides_do_not_matter(row, {a}, t);
    for (const Row& row : binary_rows())
      for (const Tensor& a : views(t, row.low, row.high, 1))
        for (const Tensor& b : views(t, row.low, row.high, 2))
          expect_strides_do_not_matter(row, {a, b}, t);
  }
}

TEST(Elementwise, InPlace) {
  const Tensor a = uniform({1001}, DType::f32, -4, 4, 1), b = uniform({1001}, DType::f32, -4, 4, 2);
  const Tensor want = run(k::add, {a, b}, DType::f32);
  Tensor out = a.clone();
  k::add.find({}, DType::f32)(Tensors{out, b}, out, nullptr);
  expect_same_bits(out, want, "add");
}

TEST(Elementwise, LargeOutputsAndAnyThreadCount) {
  const std::int64_t n = (std::int64_t{9} << 20) + 5;  // 36 MB: streaming stores, several chunks
  const Tensor a = uniform({n}, DType::f32, -4, 4, 1), part = a.slice(0, n - 1001, n);
  const int before = threads();
  set_threads(1);
  const Tensor one = run(k::square, {a}, DType::f32), tanh = run(k::tanh, {a}, DType::f32);
  set_threads(3);
  expect_same_bits(run(k::square, {a}, DType::f32), one, "square");
  expect_same_bits(run(k::tanh, {a}, DType::f32), tanh, "tanh");
  set_threads(before);
  expect_same_bits(one.slice(0, n - 1001, n), run(k::square, {part}, DType::f32), "square");
  const Tensor unaligned = a.slice(0, 1, n);
  expect_same_bits(unaligned.clone(), unaligned, "copy");
}

TEST(Elementwise, IntegersWrapAround) {
  auto i32 = [](std::initializer_list<std::int32_t> v) {
    return Tensor::from<std::int32_t>(v, {static_cast<std::int64_t>(v.size())});
  };
  using V = std::vector<std::int32_t>;
  const Tensor a = i32({INT32_MAX, -7, 7, INT32_MIN, 5}), b = i32({1, 3, -3, -1, 0});
  const DType t = DType::i32;
  EXPECT_EQ(run(k::add, {a, b}, t).to_vector<std::int32_t>(), (V{INT32_MIN, -4, 4, INT32_MAX, 5}));
  EXPECT_EQ(run(k::mul, {a, b}, t).to_vector<std::int32_t>(),
            (V{INT32_MAX, -21, -21, INT32_MIN, 0}));
  EXPECT_EQ(run(k::neg, {a}, t).to_vector<std::int32_t>(), (V{-INT32_MAX, 7, -7, INT32_MIN, -5}));
  EXPECT_EQ(run(k::abs, {a}, t).to_vector<std::int32_t>(), (V{INT32_MAX, 7, 7, INT32_MIN, 5}));
  EXPECT_EQ(run(k::fmod, {a, b}, t).to_vector<std::int32_t>(), (V{0, -1, 1, 0, 0}));
  EXPECT_EQ(run(k::remainder, {a, b}, t).to_vector<std::int32_t>(), (V{0, 2, -2, 0, 0}));
  EXPECT_EQ(
      run(k::pow, {i32({3, -1, 2, 2, 0}), i32({4, -3, -1, 31, 0})}, t).to_vector<std::int32_t>(),
      (V{81, -1, 0, INT32_MIN, 1}));
  EXPECT_EQ(run(k::maximum, {a, b}, t).to_vector<std::int32_t>(), (V{INT32_MAX, 3, 7, -1, 5}));
  const Tensor u = Tensor::from<std::uint8_t>({200, 0}, {2}),
               v = Tensor::from<std::uint8_t>({100, 1}, {2});
  EXPECT_EQ(run(k::add, {u, v}, DType::u8).to_vector<std::uint8_t>(),
            (std::vector<std::uint8_t>{44, 1}));
  EXPECT_EQ(run(k::sub, {u, v}, DType::u8).to_vector<std::uint8_t>(),
            (std::vector<std::uint8_t>{100, 255}));
  const Tensor most = Tensor::from<std::uint8_t>({255}, {1});  // which is no -1
  EXPECT_EQ(run(k::fmod, {u, most}, DType::u8).to_vector<std::uint8_t>(),
            (std::vector<std::uint8_t>{200, 0}));
}

TEST(Elementwise, ComparisonsAndLogicForEveryDtype) {
  using B = std::vector<bool>;
  for (DType t : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::boolean}) {
    const Tensor a = Tensor::from<float>({0, 0, 1, 1}, {4}).to(t),
                 b = Tensor::from<float>({0, 1, 0, 1}, {4}).to(t);
    auto test = [&](Slot& slot) { return run(slot, {a, b}, DType::boolean).to_vector<bool>(); };
    EXPECT_EQ(test(k::eq), (B{1, 0, 0, 1}));
    EXPECT_EQ(test(k::ne), (B{0, 1, 1, 0}));
    EXPECT_EQ(test(k::lt), (B{0, 1, 0, 0}));
    EXPECT_EQ(test(k::le), (B{1, 1, 0, 1}));
    EXPECT_EQ(test(k::gt), (B{0, 0, 1, 0}));
    EXPECT_EQ(test(k::ge), (B{1, 0, 1, 1}));
    EXPECT_EQ(test(k::logical_and), (B{0, 0, 0, 1}));
    EXPECT_EQ(test(k::logical_or), (B{0, 1, 1, 1}));
    EXPECT_EQ(test(k::logical_xor), (B{0, 1, 1, 0}));
    EXPECT_EQ(run(k::logical_not, {a}, DType::boolean).to_vector<bool>(), (B{1, 1, 0, 0}));
    const Tensor c = Tensor::from<bool>({true, false, true, false}, {4});
    EXPECT_EQ(run(k::where, {c, a, b}, t).to_vector<double>(), (std::vector<double>{0, 1, 1, 1}));
    EXPECT_EQ(run(k::where, {c.slice(0, 0, 1), a, b.flip({0})}, t).to_vector<double>(),
              a.to_vector<double>());
  }
}

TEST(Elementwise, NaNInfAndZero) {
  const double inf = INFINITY, nan = NAN;
  for (DType t : {DType::f32, DType::f64}) {
    auto make = [&](std::initializer_list<double> v) {
      return Tensor::from<double>(v, {static_cast<std::int64_t>(v.size())}).to(t);
    };
    const Tensor x = make({nan, inf, -inf, 0, 1});
    using B = std::vector<bool>;
    EXPECT_EQ(run(k::isnan, {x}, DType::boolean).to_vector<bool>(), (B{1, 0, 0, 0, 0}));
    EXPECT_EQ(run(k::isinf, {x}, DType::boolean).to_vector<bool>(), (B{0, 1, 1, 0, 0}));
    EXPECT_EQ(run(k::isfinite, {x}, DType::boolean).to_vector<bool>(), (B{0, 0, 0, 1, 1}));
    for (Slot* slot : {&k::maximum, &k::minimum}) {
      EXPECT_TRUE(std::isnan(run(*slot, {make({nan}), make({1})}, t).item()));
      EXPECT_TRUE(std::isnan(run(*slot, {make({1}), make({nan})}, t).item()));
    }
    for (Slot* slot : {&k::relu, &k::sigmoid, &k::tanh, &k::gelu, &k::silu})
      EXPECT_TRUE(std::isnan(run(*slot, {make({nan})}, t).item())) << slot->op();
    EXPECT_TRUE(std::isnan(run(k::clamp, {make({nan})}, t, {-1, 1}).item()));
    EXPECT_EQ(run(k::relu, {make({-inf, inf, 0})}, t).to_vector<double>(),
              (std::vector<double>{0, inf, 0}));
    const auto angles =
        run(k::atan2, {make({0, -0.0, 1, inf, -1}), make({-1, -1, 0, inf, -inf})}, t)
            .to_vector<double>();
    const double pi = std::numbers::pi, want[] = {pi, -pi, pi / 2, pi / 4, -pi};
    for (std::size_t i = 0; i < 5; ++i)
      EXPECT_NEAR(angles[i], want[i], t == DType::f32 ? 3e-7 : 5e-16);
  }
}

}  // namespace
}  // namespace sonde
