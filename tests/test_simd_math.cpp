// Every function of tensor/cpu/simd_math-inl.hpp and simd_trig-inl.hpp against long double, for
// every instruction set this CPU has.
#include <gtest/gtest.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/test_simd_math.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#include "tensor/cpu/simd_math-inl.hpp"
#include "tensor/cpu/simd_trig-inl.hpp"

#ifndef SONDE_TEST_SIMD_MATH_ONCE
#define SONDE_TEST_SIMD_MATH_ONCE
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "promise_figure.hpp"

namespace sonde::cpu {

enum class Function {
  exp,
  expm1,
  log,
  log1p,
  tanh,
  sigmoid,
  softplus,
  erf,
  erfc,
  sin,
  cos,
  tan,
  sinh,
  cosh,
  asin,
  acos,
  atan
};

}  // namespace sonde::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// x.size() is a multiple of every vector length.
template <class T, class F>
HWY_ATTR void Map(std::span<const T> x, std::span<T> y, F f) {
  const hn::ScalableTag<T> d;
  for (std::size_t i = 0; i < x.size(); i += hn::Lanes(d))
    hn::StoreU(f(d, hn::LoadU(d, x.data() + i)), d, y.data() + i);
}

template <class T>
HWY_ATTR void EvaluateAll(Function f, std::span<const T> x, std::span<T> y) {
  switch (f) {
    case Function::exp:
      return Map(x, y, [](auto d, auto v) HWY_ATTR { return simd::Exp(d, v); });
    case Function::expm1:
      return Map(x, y, [](auto d, auto v) HWY_ATTR { return simd::Expm1(d, v); });
    case Function::log:
      return Map(x, y, [](auto d, auto v) HWY_ATTR { return simd::Log(d, v); });
    case Function::log1p:
      return Map(x, y, [](auto d, auto v) HWY_ATTR { return simd::Log1p(d, v); });
    case Function::tanh:
      return Map(x, y, [](auto d, auto v) HWY_ATTR { return simd::Tanh(d, v); });
    case Function::sigmoid:
      return Map(x, y, [](auto d, auto v) HWY_ATTR { return simd::Sigmoid(d, v); });
    case Function::softplus:
      return Map(x, y, [](auto d, auto v) HWY_ATTR { return simd::Softplus(d, v); });
    case Function::erf:
      return Map(x, y, [](auto d, auto v) HWY_ATTR { return simd::Erf(d, v); });
    case Function::erfc:
      return Map(x, y, [](auto d, auto v) HWY_ATTR { return simd::Erfc(d, v); });
    case Function::sin:
      return Map(x, y, [](auto d, auto v) HWY_ATTR { return simd::Sin(d, v); });
    case Function::cos:
      return Map(x, y, [](auto d, auto v) HWY_ATTR { return simd::Cos(d, v); });
    case Function::tan:
      return Map(x, y, [](auto d, auto v) HWY_ATTR { return simd::Tan(d, v); });
    case Function::sinh:
      return Map(x, y, [](auto d, auto v) HWY_ATTR { return simd::Sinh(d, v); });
    case Function::cosh:
      return Map(x, y, [](auto d, auto v) HWY_ATTR { return simd::Cosh(d, v); });
    case Function::asin:
      return Map(x, y, [](auto d, auto v) HWY_ATTR { return simd::Asin(d, v); });
    case Function::acos:
      return Map(x, y, [](auto d, auto v) HWY_ATTR { return simd::Acos(d, v); });
    case Function::atan:
      return Map(x, y, [](auto d, auto v) HWY_ATTR { return simd::Atan(d, v); });
  }
}

void Evaluate32(Function f, std::span<const float> x, std::span<float> y) {
  EvaluateAll(f, x, y);
}
void Evaluate64(Function f, std::span<const double> x, std::span<double> y) {
  EvaluateAll(f, x, y);
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {
namespace {

HWY_EXPORT(Evaluate32);
HWY_EXPORT(Evaluate64);
void evaluate(Function f, std::span<const float> x, std::span<float> y) {
  HWY_DYNAMIC_DISPATCH(Evaluate32)(f, x, y);
}
void evaluate(Function f, std::span<const double> x, std::span<double> y) {
  HWY_DYNAMIC_DISPATCH(Evaluate64)(f, x, y);
}

using Reference = long double (*)(long double);

// The measured largest errors in units in the last place, rounded up to the next half.
struct Row {
  Function function;
  const char* name;
  Reference reference;
  double low, high;  // where most of the points are drawn
  double ulp32, ulp64;
};

constexpr Row rows[] = {
    {Function::exp, "exp", [](long double x) { return std::exp(x); }, -20, 20, 1.5, 1.5},
    {Function::expm1, "expm1", [](long double x) { return std::expm1(x); }, -4, 4, 2, 2.5},
    {Function::log, "log", [](long double x) { return std::log(x); }, 0.1, 10, 1, 1},
    {Function::log1p, "log1p", [](long double x) { return std::log1p(x); }, -0.99, 4, 1, 1},
    {Function::tanh, "tanh", [](long double x) { return std::tanh(x); }, -4, 4, 3, 3},
    {Function::sigmoid, "sigmoid",
     [](long double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); },
     -9, 9, 3, 3},
    {Function::softplus, "softplus",
     [](long double x) { return std::max(x, 0.0L) + std::log1p(std::exp(-std::fabs(x))); }, -9, 9,
     2, 2},
    {Function::erf, "erf", [](long double x) { return std::erf(x); }, -4, 4, 1.5, 1.5},
    {Function::erfc, "erfc", [](long double x) { return std::erfc(x); }, -3, 9, 4, 4},
    {Function::sin, "sin", [](long double x) { return std::sin(x); }, -50, 50, 2, 2},
    {Function::cos, "cos", [](long double x) { return std::cos(x); }, -50, 50, 2, 2},
    {Function::tan, "tan", [](long double x) { return std::tan(x); }, -50, 50, 3, 3},
    {Function::sinh, "sinh", [](long double x) { return std::sinh(x); }, -4, 4, 4, 4},
    {Function::cosh, "cosh", [](long double x) { return std::cosh(x); }, -4, 4, 2, 2},
    {Function::asin, "asin", [](long double x) { return std::asin(x); }, -1, 1, 3, 3},
    {Function::acos, "acos", [](long double x) { return std::acos(x); }, -1, 1, 3, 3},
    {Function::atan, "atan", [](long double x) { return std::atan(x); }, -4, 4, 3, 3},
};

// Three quarters uniform in [low, high), the rest random bit patterns; special values first.
template <class T>
std::vector<T> sample(const Row& row, std::size_t count) {
  using L = std::numeric_limits<T>;
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  std::vector<T> x;
  for (T v : {T(0), L::denorm_min(), 3 * L::denorm_min(), L::min(), L::min() / 2, L::epsilon(),
              T(0.5), T(1), std::nextafter(T(1), T(0)), std::nextafter(T(1), T(2)), T(2), L::max(),
              L::infinity(), L::quiet_NaN()})
    x.insert(x.end(), {v, -v});
  std::mt19937_64 random(7);
  std::uniform_real_distribution<T> uniform(static_cast<T>(row.low), static_cast<T>(row.high));
  while (x.size() < count)
    x.push_back(x.size() % 4 != 0 ? uniform(random)
                                  : std::bit_cast<T>(static_cast<Bits>(random())));
  return x;
}

// |got - want| in units of the spacing of T at `want`; infinite for a wrong special value or a lost
// sign of zero.
template <class T>
double error_in_ulp(T got, long double want) {
  using L = std::numeric_limits<T>;
  if (std::isnan(want) || std::isnan(got))
    return std::isnan(want) && std::isnan(got) ? 0 : HUGE_VAL;
  const T rounded = static_cast<T>(want);
  if (std::isinf(rounded) || std::isinf(got)) return got == rounded ? 0 : HUGE_VAL;
  if (want == 0) return got == 0 && std::signbit(got) == std::signbit(want) ? 0 : HUGE_VAL;
  const int exponent = std::max(std::ilogb(want), L::min_exponent - 1);
  return static_cast<double>(std::fabs(got - want) / std::ldexp(1.0L, exponent - L::digits + 1));
}

// Returns the greatest error over all instruction sets of this machine.
template <class T>
double check(const Row& row, double bound) {
  double greatest = 0;
  const std::size_t count = 1 << 18;
  const std::vector<T> x = sample<T>(row, count);
  std::vector<long double> want(count);
  for (std::size_t i = 0; i < count; ++i) want[i] = row.reference(x[i]);
  for (std::int64_t targets = hwy::SupportedTargets() & HWY_TARGETS; targets != 0;
       targets &= targets - 1) {
    const std::int64_t target = targets & -targets;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    std::vector<T> y(count);
    evaluate(row.function, std::span<const T>(x), std::span<T>(y));
    double worst = 0;
    T where = 0;
    for (std::size_t i = 0; i < count; ++i)
      if (const double e = error_in_ulp(y[i], want[i]); e > worst) worst = e, where = x[i];
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    EXPECT_LE(worst, bound) << row.name << " f" << 8 * sizeof(T) << " " << hwy::TargetName(target)
                            << " at x = " << where;
    ::testing::Test::RecordProperty(
        std::string(row.name) + std::to_string(8 * sizeof(T)) + hwy::TargetName(target),
        std::to_string(worst));
    greatest = std::max(greatest, worst);
  }
  return greatest;
}

template <class T>
void check_all(double Row::*bound) {
  double greatest = 0;
  for (const Row& row : rows) greatest = std::max(greatest, check<T>(row, row.*bound));
  promise_figure("f{}: {} functions within {:.2f} ulp", 8 * sizeof(T), std::size(rows), greatest);
}

TEST(SimdMath, WithinUlpBoundsF32) {
  check_all<float>(&Row::ulp32);
}
TEST(SimdMath, WithinUlpBoundsF64) {
  check_all<double>(&Row::ulp64);
}

}  // namespace
}  // namespace sonde::cpu
#endif
