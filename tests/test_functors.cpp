// The scalar functors that the backends share, on the host: floats against long double in ulp,
// integers against wider ones, conversions against the definition of rounding.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include "tensor/functors/activation.hpp"
#include "tensor/functors/arithmetic.hpp"
#include "tensor/functors/compare.hpp"
#include "tensor/functors/convert.hpp"
#include "tensor/functors/math.hpp"

namespace sonde::functors {
namespace {

using Real = long double;
constexpr double inf = std::numeric_limits<double>::infinity();

// How far `got` is from `want`, in units of the spacing of T at the larger of |want| and `scale`.
template <class T>
double error_in_ulp(T got, Real want, Real scale) {
  using L = std::numeric_limits<T>;
  if (got == static_cast<T>(want)) return 0;
  const int exponent =
      std::max(std::ilogb(std::max(std::fabs(want), std::fabs(scale))), L::min_exponent - 1);
  return static_cast<double>(std::fabs(got - want) / std::ldexp(1.0L, exponent - L::digits + 1));
}

// Within `bound` ulp at many x in [low, high), in both float types.
template <class F, class Reference>
void expect_unary(const char* name, const F& f, Reference reference, double low, double high,
                  double bound, double scale = 0) {
  const auto check = [&](auto type) {
    using T = decltype(type);
    std::mt19937_64 random(5);
    std::uniform_real_distribution<T> draw(static_cast<T>(low), static_cast<T>(high));
    double worst = 0;
    for (int i = 0; i < 20000; ++i) {
      const T x = draw(random);
      worst = std::max(worst, error_in_ulp(f(x), reference(Real{x}), Real{scale}));
    }
    EXPECT_LE(worst, bound) << name << " of f" << 8 * sizeof(T);
    EXPECT_TRUE(std::isnan(f(std::numeric_limits<T>::quiet_NaN()))) << name;
  };
  check(float{});
  check(double{});
}

// The same for f(a, b); errors relative to scale |a| at least.
template <class F, class Reference>
void expect_binary(const char* name, const F& f, Reference reference, double low, double high,
                   double bound, double scale = 0) {
  const auto check = [&](auto type) {
    using T = decltype(type);
    std::mt19937_64 random(5);
    std::uniform_real_distribution<T> draw(static_cast<T>(low), static_cast<T>(high));
    double worst = 0;
    for (int i = 0; i < 20000; ++i) {
      const T a = draw(random), b = draw(random);
      worst = std::max(worst, error_in_ulp(f(a, b), reference(Real{a}, Real{b}), scale * Real{a}));
    }
    EXPECT_LE(worst, bound) << name << " of f" << 8 * sizeof(T);
  };
  check(float{});
  check(double{});
}

Real sigmoid(Real x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}
Real cdf(Real x) {
  return std::erfc(-x / std::numbers::sqrt2_v<Real>) / 2;
}
Real density(Real x) {
  return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi_v<Real>);
}
constexpr Real cubic = 0.044715L, slope = 1.595769121605730711759L;  // 2 sqrt(2 / pi)
Real gate(Real x) {
  return sigmoid(slope * (x + cubic * x * x * x));
}

TEST(Functors, FunctionsOfTheLibraryAreTheOnesNamed) {
  expect_unary(
      "exp", Exp(), [](Real x) { return std::exp(x); }, -80, 80, 1);
  expect_unary(
      "expm1", Expm1(), [](Real x) { return std::expm1(x); }, -4, 4, 2);
  expect_unary(
      "log", Log(), [](Real x) { return std::log(x); }, 0.01, 100, 1);
  expect_unary(
      "log1p", Log1p(), [](Real x) { return std::log1p(x); }, -0.99, 9, 2);
  expect_unary(
      "sin", Sin(), [](Real x) { return std::sin(x); }, -50, 50, 1);
  expect_unary(
      "cos", Cos(), [](Real x) { return std::cos(x); }, -50, 50, 1);
  expect_unary(
      "tan", Tan(), [](Real x) { return std::tan(x); }, -50, 50, 2);
  expect_unary(
      "sinh", Sinh(), [](Real x) { return std::sinh(x); }, -9, 9, 3);
  expect_unary(
      "cosh", Cosh(), [](Real x) { return std::cosh(x); }, -9, 9, 2);
  expect_unary(
      "asin", Asin(), [](Real x) { return std::asin(x); }, -1, 1, 1);
  expect_unary(
      "acos", Acos(), [](Real x) { return std::acos(x); }, -1, 1, 1);
  expect_unary(
      "atan", Atan(), [](Real x) { return std::atan(x); }, -9, 9, 1);
  expect_unary(
      "erf", Erf(), [](Real x) { return std::erf(x); }, -4, 4, 2);
  expect_unary(
      "erfc", Erfc(), [](Real x) { return std::erfc(x); }, -4, 8, 4);
  expect_unary(
      "sqrt", Sqrt(), [](Real x) { return std::sqrt(x); }, 0, 100, 0.5);
  expect_unary(
      "rsqrt", Rsqrt(), [](Real x) { return 1 / std::sqrt(x); }, 0.01, 100, 1.5);
  expect_unary(
      "reciprocal", Reciprocal(), [](Real x) { return 1 / x; }, -9, 9, 0.5);
  expect_unary(
      "floor", Floor(), [](Real x) { return std::floor(x); }, -9, 9, 0);
  expect_unary(
      "ceil", Ceil(), [](Real x) { return std::ceil(x); }, -9, 9, 0);
  expect_unary(
      "trunc", Trunc(), [](Real x) { return std::trunc(x); }, -9, 9, 0);
  expect_unary(
      "round", Round(), [](Real x) { return std::nearbyint(x); }, -9, 9, 0);
  EXPECT_EQ(Round()(2.5), 2);  // ties to even
  expect_binary(
      "atan2", Atan2(), [](Real y, Real x) { return std::atan2(y, x); }, -9, 9, 1.5);
  expect_binary(
      "pow", Pow(), [](Real a, Real b) { return std::pow(a, b); }, 0, 9, 1);
  expect_binary(
      "fmod", Fmod(), [](Real a, Real b) { return std::fmod(a, b); }, -9, 9, 0);
  expect_binary(
      "remainder", Remainder(), [](Real a, Real b) { return a - b * std::floor(a / b); }, -9, 9, 1,
      1);
}

TEST(Functors, Activations) {
  const double leak[] = {0.1}, alpha[] = {1.5}, bounds[] = {-1, 2}, beta_threshold[] = {2, 6};
  expect_unary(
      "tanh", Tanh(), [](Real x) { return std::tanh(x); }, -9, 9, 2.5);
  expect_unary("sigmoid", Sigmoid(), sigmoid, -80, 80, 3);
  expect_unary(
      "relu", Relu(), [](Real x) { return x > 0 ? x : 0; }, -9, 9, 0);
  expect_unary(
      "leaky_relu", LeakyRelu(leak), [](Real x) { return x > 0 ? x : 0.1L * x; }, -9, 9, 2);
  expect_unary(
      "elu", Elu(alpha), [](Real x) { return x > 0 ? x : 1.5L * std::expm1(x); }, -9, 9, 3);
  expect_unary(
      "clamp", Clamp(bounds), [](Real x) { return std::clamp(x, -1.0L, 2.0L); }, -4, 4, 0);
  expect_unary(
      "gelu", Gelu(), [](Real x) { return x * cdf(x); }, -9, 9, 2, 8);
  expect_unary(
      "gelu_tanh", GeluTanh(), [](Real x) { return x * gate(x); }, -4, 4, 4, 1);
  expect_unary(
      "silu", Silu(), [](Real x) { return x * sigmoid(x); }, -80, 80, 4);
  expect_unary(
      "softplus", Softplus(beta_threshold),
      [](Real x) { return 2 * x > 6 ? x : std::log1p(std::exp(2 * x)) / 2; }, -9, 9, 3);
}

// f(c, x) is c f'(x), of tanh and sigmoid f(c, y).
TEST(Functors, ProductsWithDerivatives) {
  const double leak[] = {0.1}, alpha[] = {1.5}, bounds[] = {-1, 2}, beta_threshold[] = {2, 6};
  expect_binary(
      "tanh", Tanh(), [](Real c, Real y) { return c * (1 - y * y); }, -1, 1, 2, 1);
  expect_binary(
      "sigmoid", Sigmoid(), [](Real c, Real y) { return c * y * (1 - y); }, 0, 1, 3);
  expect_binary(
      "relu", Relu(), [](Real c, Real x) { return x > 0 ? c : 0; }, -9, 9, 0);
  expect_binary(
      "leaky_relu", LeakyRelu(leak), [](Real c, Real x) { return x > 0 ? c : 0.1L * c; }, -9, 9, 2);
  expect_binary(
      "elu", Elu(alpha), [](Real c, Real x) { return x > 0 ? c : 1.5L * c * std::exp(x); }, -9, 9,
      3);
  expect_binary(
      "clamp", Clamp(bounds), [](Real c, Real x) { return x >= -1 && x <= 2 ? c : 0; }, -4, 4, 0);
  expect_binary(
      "gelu", Gelu(), [](Real c, Real x) { return c * (cdf(x) + x * density(x)); }, -9, 9, 4, 1);
  expect_binary(
      "gelu_tanh", GeluTanh(),
      [](Real c, Real x) {
        const Real s = gate(x);
        return c * (s + x * s * (1 - s) * slope * (1 + 3 * cubic * x * x));
      },
      -9, 9, 8, 1);
  expect_binary(
      "silu", Silu(), [](Real c, Real x) { return c * sigmoid(x) * (1 + x * (1 - sigmoid(x))); },
      -9, 9, 4, 1);
  expect_binary(
      "softplus", Softplus(beta_threshold),
      [](Real c, Real x) { return 2 * x > 6 ? c : c * sigmoid(2 * x); }, -9, 9, 4);
}

TEST(Functors, ActivationsAtTheEndsOfTheirDomain) {
  const double beta_threshold[] = {1, 20}, alpha[] = {2};
  const auto check = [&](auto type) {
    using T = decltype(type);
    const T huge = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
    EXPECT_EQ(Sigmoid()(-huge), T(0));
    EXPECT_EQ(Sigmoid()(huge), T(1));
    EXPECT_GT(Sigmoid()(T(-80)), T(0));
    EXPECT_EQ(Tanh()(huge), T(1));
    EXPECT_EQ(Softplus(beta_threshold)(-huge), T(0));
    EXPECT_EQ(Softplus(beta_threshold)(huge), huge);
    EXPECT_EQ(Elu(alpha)(-huge), T(-2));
    EXPECT_EQ(Gelu()(huge), huge);
    EXPECT_EQ(Silu()(huge), huge);
    EXPECT_EQ(Silu()(T(1), T(0)), T(0.5));
    EXPECT_EQ(Relu()(T(3), T(0)), T(0));         // no derivative at 0
    EXPECT_TRUE(std::isnan(Relu()(nan, T(1))));  // a cotangent's NaN
    EXPECT_EQ(Relu()(T(3), nan), T(3));
  };
  check(float{});
  check(double{});
}

// --- integers

template <class F>
void expect_wrapping(const F& f, auto reference) {
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; ++b)
      ASSERT_EQ(f(static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(b)),
                static_cast<std::uint8_t>(reference(a, b)))
          << a << ", " << b;
}

TEST(Functors, BytesAgainstWiderIntegers) {
  expect_wrapping(Add(), [](int a, int b) { return a + b; });
  expect_wrapping(Sub(), [](int a, int b) { return a - b; });
  expect_wrapping(Mul(), [](int a, int b) { return a * b; });
  expect_wrapping(Maximum(), [](int a, int b) { return std::max(a, b); });
  expect_wrapping(Minimum(), [](int a, int b) { return std::min(a, b); });
  expect_wrapping(Fmod(), [](int a, int b) { return b == 0 ? 0 : a % b; });
  expect_wrapping(Remainder(), [](int a, int b) { return b == 0 ? 0 : a % b; });
  expect_wrapping(Pow(), [](int a, int b) {
    int power = 1;
    for (int i = 0; i < b; ++i) power = power * a % 256;
    return power;
  });
}

TEST(Functors, IntegersAtTheEndsOfTheirRange) {
  constexpr std::int64_t most = INT64_MAX, least = INT64_MIN;
  EXPECT_EQ(Add()(most, std::int64_t{1}), least);
  EXPECT_EQ(Sub()(least, std::int64_t{1}), most);
  EXPECT_EQ(Mul()(most, std::int64_t{2}), -2);
  EXPECT_EQ(Neg()(least), least);
  EXPECT_EQ(Abs()(least), least);
  EXPECT_EQ(Square()(std::int64_t{1} << 32), 0);
  EXPECT_EQ(Sign()(least), -1);
  EXPECT_EQ(Fmod()(least, std::int64_t{-1}), 0);
  EXPECT_EQ(Fmod()(std::int64_t{-7}, std::int64_t{3}), -1);
  EXPECT_EQ(Remainder()(std::int64_t{-7}, std::int64_t{3}), 2);
  EXPECT_EQ(Remainder()(std::int64_t{7}, std::int64_t{-3}), -2);
  EXPECT_EQ(Pow()(std::int64_t{-1}, std::int64_t{-3}), -1);
  EXPECT_EQ(Pow()(std::int64_t{2}, std::int64_t{-1}), 0);
  EXPECT_EQ(Pow()(std::int64_t{-3}, std::int64_t{3}), -27);
}

// --- floats in comparisons

TEST(Functors, NaNInComparisonsAndChoice) {
  const double nan = std::nan("");
  EXPECT_FALSE(Eq()(nan, nan));
  EXPECT_TRUE(Ne()(nan, nan));
  EXPECT_FALSE(Lt()(nan, 1.0) || Le()(nan, 1.0) || Gt()(nan, 1.0) || Ge()(nan, 1.0));
  EXPECT_TRUE(std::isnan(Maximum()(nan, 1.0)) && std::isnan(Maximum()(1.0, nan)));
  EXPECT_TRUE(std::isnan(Minimum()(nan, 1.0)) && std::isnan(Minimum()(1.0, nan)));
  EXPECT_EQ(Sign()(nan), 0);
  EXPECT_TRUE(IsNan()(nan) && !IsInf()(nan) && !IsFinite()(nan));
  EXPECT_TRUE(IsInf()(-inf) && !IsFinite()(inf) && !IsNan()(inf));
  EXPECT_TRUE(IsFinite()(std::numeric_limits<float>::max()));
  EXPECT_TRUE(LogicalAnd()(nan, 1.0) && !LogicalNot()(nan) && !LogicalXor()(nan, 1.0));
  EXPECT_TRUE(std::signbit(Neg()(0.0)) && !std::signbit(Abs()(-0.0)));
  EXPECT_EQ(Where()(false, 1, 2), 2);
}

// --- conversions

static_assert(convert<f16_t>(1.0F).bits == 0x3c00);
static_assert(convert<bool>(std::int64_t{1} << 40) && !convert<bool>(-0.0));

// The value of a 16-bit float by its definition.
double by_definition(std::uint16_t bits, int mantissa_bits) {
  const int exponent_bits = 15 - mantissa_bits, bias = (1 << (exponent_bits - 1)) - 1;
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  const int exponent = bits >> mantissa_bits & ((1 << exponent_bits) - 1);
  const double sign = bits >> 15 != 0 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) return mantissa != 0 ? std::nan("") : sign * inf;
  return sign * std::ldexp(exponent == 0 ? mantissa : mantissa + (1 << mantissa_bits),
                           std::max(exponent, 1) - bias - mantissa_bits);
}

template <class Half>
void expect_every_pattern(int mantissa_bits) {
  for (int i = 0; i < 65536; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    const double want = by_definition(bits, mantissa_bits);
    const auto got = convert<double>(Half{bits});
    if (std::isnan(want)) {
      ASSERT_TRUE(std::isnan(got) && std::isnan(convert<float>(convert<Half>(got)))) << i;
      continue;
    }
    ASSERT_EQ(std::bit_cast<std::uint64_t>(got), std::bit_cast<std::uint64_t>(want)) << i;
    ASSERT_EQ(convert<Half>(got).bits, bits);
  }
}

// Between neighbours a float goes to the nearer, at the middle to the even one.
template <class Half>
void expect_nearest() {
  for (std::uint16_t bits = 0; std::isfinite(convert<float>(Half{bits})); ++bits) {
    const auto next = static_cast<std::uint16_t>(bits + 1);
    const auto low = convert<double>(Half{bits});
    double high = convert<double>(Half{next});
    if (std::isinf(high))
      high = 2 * low - convert<double>(Half{static_cast<std::uint16_t>(bits - 1)});
    const auto middle = static_cast<float>((low + high) / 2);  // exact
    const std::uint16_t even = bits % 2 == 0 ? bits : next;
    ASSERT_EQ(convert<Half>(middle).bits, even) << bits;
    ASSERT_EQ(convert<Half>(std::nextafter(middle, 0.0F)).bits, bits) << bits;
    ASSERT_EQ(convert<Half>(std::nextafter(middle, INFINITY)).bits, next) << bits;
    ASSERT_EQ(convert<Half>(-middle).bits, even | 0x8000) << bits;
  }
}

TEST(Functors, SixteenBitFloats) {
  expect_every_pattern<f16_t>(10);
  expect_every_pattern<bf16_t>(7);
  expect_nearest<f16_t>();
  expect_nearest<bf16_t>();
}

TEST(Functors, FloatsToIntegersTruncateAndSaturate) {
  EXPECT_EQ(convert<std::int32_t>(-2.9F), -2);
  EXPECT_EQ(convert<std::int32_t>(2147483648.0), INT32_MAX);
  EXPECT_EQ(convert<std::int32_t>(-1e300), INT32_MIN);
  EXPECT_EQ(convert<std::int64_t>(0x1p63), INT64_MAX);
  EXPECT_EQ(convert<std::int64_t>(-0x1p63F), INT64_MIN);
  EXPECT_EQ(convert<std::uint8_t>(255.9F), 255);
  EXPECT_EQ(convert<std::uint8_t>(256.0), 255);
  EXPECT_EQ(convert<std::uint8_t>(-0.9F), 0);
  EXPECT_EQ(convert<std::uint8_t>(-5.0), 0);
  EXPECT_EQ(convert<std::int32_t>(std::nan("")), 0);
  EXPECT_EQ(convert<std::uint8_t>(std::int32_t{300}), 44);
  EXPECT_EQ(convert<std::int32_t>(true), 1);
}

}  // namespace
}  // namespace sonde::functors
