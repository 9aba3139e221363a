// Reduction kernels against naive long double loops, over all axes, layouts and strides.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <random>

#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"
#include "tensor/kernels/reduce.hpp"
#include "tensor/parallel.hpp"

namespace sonde {
namespace {

using Real = long double;

Tensor uniform(const Dims& shape, DType dtype, double low = -1, double high = 1) {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> draw(low, high);
  std::vector<double> v(static_cast<std::size_t>(numel(shape)));
  for (double& x : v) x = draw(random);
  return Tensor::from<double>(v, shape).to(dtype);
}

struct Fold {
  Var (*op)(Operand, const Dims&, bool);
  Real start;
  Real (*f)(Real, Real);
};
const Fold folds[] = {
    {sum, 0, [](Real a, Real b) { return a + b; }},
    {prod, 1, [](Real a, Real b) { return a * b; }},
    {amax, -HUGE_VALL, [](Real a, Real b) { return std::max(a, b); }},
    {amin, HUGE_VALL, [](Real a, Real b) { return std::min(a, b); }},
    {any, 0, [](Real a, Real b) -> Real { return a != 0 || b != 0; }},
    {all, 1, [](Real a, Real b) -> Real { return a != 0 && b != 0; }},
};

std::vector<Real> naive(const Fold& fold, const Tensor& x, const Dims& axes) {
  const auto values = x.to_vector<double>();
  Dims kept = x.shape();
  for (std::int64_t a : axes) kept[static_cast<int>(a)] = 1;
  std::vector<Real> y(static_cast<std::size_t>(numel(kept)), fold.start);
  const Dims step = contiguous_strides(x.shape()), out = contiguous_strides(kept);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::int64_t position = 0;
    for (int d = 0; d < x.rank(); ++d)
      if (kept[d] != 1) position += static_cast<std::int64_t>(i) / step[d] % x.shape()[d] * out[d];
    Real& slot = y[static_cast<std::size_t>(position)];
    slot = fold.f(slot, values[i]);
  }
  return y;
}

void compare(const Fold& fold, const Tensor& x, const Dims& axes) {
  const auto got = fold.op(x, axes, false).tensor().to_vector<double>();
  const auto want = naive(fold, x, axes);
  const Real unit = x.dtype() == DType::f32 ? 0x1p-24L : x.dtype() == DType::f64 ? 0x1p-53L : 0;
  // Sums of n numbers of magnitude 1 in a tree.
  const Real n =
      static_cast<Real>(x.numel()) / static_cast<Real>(std::max<std::size_t>(1, want.size()));
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    // Sums of f64 also grow along the totals of the columns.
    const Real room =
        (x.dtype() == DType::f64 ? 32 : 4) * unit * std::max(std::sqrt(n), std::fabs(want[i])) +
        (fold.op == prod ? 4 * n * unit * std::fabs(want[i]) : 0);
    ASSERT_LE(std::fabs(got[i] - want[i]), room)
        << to_string(x.spec()) << " over " << to_string(axes) << " at " << i;
  }
}

std::vector<Dims> all_axis_sets(int rank) {
  std::vector<Dims> sets;
  for (int mask = 1; mask < 1 << rank; ++mask) {
    Dims axes;
    for (int i = 0; i < rank; ++i)
      if ((mask >> i) & 1) axes.push_back(i);
    sets.push_back(axes);
  }
  return sets;
}

TEST(Reduce, EveryAxesEveryLayout) {
  for (DType t : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::boolean}) {
    const Tensor x = uniform({3, 5, 1, 17}, t, t == DType::f32 || t == DType::f64 ? 0.9 : 0,
                             is_float(t) ? 1.1 : 2.5);
    const Tensor layouts[] = {x,
                              x.permute({3, 1, 0, 2}),
                              x.permute({0, 3, 1, 2}),
                              x.flip({1, 3}),
                              x.slice(3, 0, 17, 3),
                              x.slice(1, 2, 3).expand({3, 4, 1, 17})};
    for (const Tensor& v : layouts)
      for (const Dims& axes : all_axis_sets(4))
        for (const Fold& fold : folds) compare(fold, v, axes);
  }
}

TEST(Reduce, LongRowsAndColumns) {
  for (const Dims& shape : {Dims{1},
                            {31},
                            {32},
                            {1023},
                            {1024},
                            {100003},
                            {300000},
                            {3, 150001},
                            {150001, 3},
                            {40001, 17},
                            {2, 30011, 9},
                            {257, 1100}})
    for (DType t : {DType::f32, DType::f64})
      for (const Dims& axes : all_axis_sets(shape.rank())) {
        const Tensor x = uniform(shape, t);
        compare(folds[0], x, axes);
        compare(folds[2], x, axes);
      }
}

TEST(Reduce, SumsOfManyEqualFloatsAreAccurate) {
  const std::int64_t n = std::int64_t{1} << 24;
  const Tensor x = Tensor::full({n + 5}, 0.1);
  const double exact = static_cast<double>(0.1f) * static_cast<double>(n + 5);
  EXPECT_NEAR(sum(x).item(), exact, exact * 1e-7);
  EXPECT_NEAR(sum(x.slice(0, 0, n).reshape({-1, 4}), {0}).tensor().at({2}),
              static_cast<double>(0.1f) * static_cast<double>(n / 4), 0.1);
}

TEST(Reduce, SameBitsForAnyThreadCount) {
  const int before = threads();
  for (const Dims& shape : {Dims{1000003}, {200003, 5}, {5, 200003}, {3, 70001, 7}})
    for (const Dims& axes : all_axis_sets(shape.rank())) {
      const Tensor x = uniform(shape, DType::f32);
      set_threads(1);
      const auto one = sum(x, axes).tensor().to_vector<float>();
      set_threads(3);
      EXPECT_EQ(sum(x, axes).tensor().to_vector<float>(), one);
    }
  set_threads(before);
}

TEST(Reduce, NaNAndInfinity) {
  for (DType t : {DType::f32, DType::f64})
    for (std::int64_t n : {1, 5, 40, 2000})
      for (std::int64_t at : {std::int64_t{0}, n / 2, n - 1}) {
        const Tensor x = uniform({n}, t), bad = Tensor::scalar(NAN, t).expand({1});
        x.slice(0, at, at + 1).copy_from(bad);
        EXPECT_TRUE(std::isnan(amax(x).item()));
        EXPECT_TRUE(std::isnan(amin(x).item()));
        EXPECT_EQ(argmax(x, 0).item(), static_cast<double>(at));
        EXPECT_EQ(argmin(x, 0).item(), static_cast<double>(at));
        const Tensor columns = x.unsqueeze(1).expand({n, 3}).contiguous();
        EXPECT_TRUE(std::isnan(amax(columns, {0}).tensor().at({1})));
      }
  const Tensor low = Tensor::full({3}, -INFINITY);
  EXPECT_EQ(amax(low).item(), -INFINITY);
  EXPECT_EQ(argmax(low, 0).item(), 0);
  EXPECT_EQ(logsumexp(low).item(), -INFINITY);
  EXPECT_EQ(logsumexp(Tensor::full({3}, INFINITY)).item(), INFINITY);
  EXPECT_NEAR(logsumexp(Tensor::full({2}, 1000)).item(), 1000 + std::log(2), 1e-4);
}

TEST(Reduce, IdentitiesAndErrorsOfNothing) {
  const Tensor none = Tensor::empty({2, 0}, DType::f32);
  EXPECT_EQ(sum(none, {1}).tensor().to_vector<float>(), (std::vector<float>{0, 0}));
  EXPECT_EQ(prod(none, {1}).tensor().to_vector<float>(), (std::vector<float>{1, 1}));
  EXPECT_EQ(any(none).item(), 0);
  EXPECT_EQ(all(none).item(), 1);
  EXPECT_TRUE(std::isnan(mean(none).item()));
  EXPECT_EQ(logsumexp(none, {1}).tensor().at({0}), -INFINITY);
  EXPECT_EQ(amax(none, {0}).shape(), (Dims{0}));
  for (auto op : {amax, amin}) EXPECT_THROW(op(none, {1}, false), Error);
  for (auto op : {argmax, argmin}) EXPECT_THROW(op(none, 1, false), Error);
  EXPECT_THROW(sum(none, {2}), Error);
  EXPECT_THROW(sum(none, {0, -2}), Error);
  EXPECT_THROW(norm(none, 0), Error);
}

TEST(Reduce, ImpossibleAxesAreTypedErrors) {
  const Tensor x = Tensor::ones({2, 3});
  for (std::int64_t bad :
       {INT64_MIN, std::int64_t{-3}, std::int64_t{2}, std::int64_t{1} << 31, INT64_MAX}) {
    for (auto op : {sum, prod, amax, amin, any, all, mean, logsumexp})
      EXPECT_THROW(op(x, {bad}, false), Error);
    for (auto op : {argmax, argmin}) EXPECT_THROW(op(x, bad, false), Error);
    for (auto op : {max, min}) EXPECT_THROW(op(x, bad, true), Error);
    EXPECT_THROW(cumsum(x, bad), Error);
    EXPECT_THROW(var(x, {bad}), Error);
  }
  EXPECT_THROW(argmax(Tensor::scalar(1), 0), Error);
}

TEST(Reduce, RankEightAndAZeroInEachPlace) {
  for (int zero = -1; zero < 8; ++zero) {
    Dims shape = Dims::filled(8, 2);
    if (zero >= 0) shape[zero] = 0;
    const Tensor x = Tensor::ones(shape);
    for (auto op : {sum, prod})
      for (std::int64_t axis : {0, 3, 7}) {
        auto f = [&](const Vars& v) { return sum(op(v[0], {axis}, true)); };
        EXPECT_EQ(op(x, {axis}, true).rank(), 8);
        EXPECT_EQ(grad(f)(Vars{x})[0].shape(), shape);
      }
    EXPECT_EQ(cumsum(x, 4).shape(), shape);
  }
}

TEST(Reduce, IntegersAndBoolAddUpInI64) {
  const Tensor big = Tensor::full({3}, 2e9, DType::i32),
               flags = Tensor::ones({300}, DType::boolean);
  EXPECT_EQ(sum(big).dtype(), DType::i64);
  EXPECT_EQ(sum(big).item(), 6e9);
  EXPECT_EQ(sum(flags).item(), 300);
  EXPECT_EQ(cumsum(big, 0).tensor().to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{2000000000, 4000000000, 6000000000}));
  EXPECT_EQ(mean(flags).dtype(), DType::f32);
}

TEST(Reduce, TiesShareInAmaxAndTheFirstTakesAllInMax) {
  const Tensor x = Tensor::from<double>({1, 3, 3, 2}, {4});
  auto gradient = [&](auto f) {
    return grad([f](const Vars& v) { return f(v[0]); })(Vars{x})[0]
        .tensor()
        .template to_vector<double>();
  };
  EXPECT_EQ(gradient([](const Var& v) { return amax(v); }), (std::vector<double>{0, 0.5, 0.5, 0}));
  EXPECT_EQ(gradient([](const Var& v) { return max(v, 0).values; }),
            (std::vector<double>{0, 1, 0, 0}));
  EXPECT_EQ(gradient([](const Var& v) { return sum(maximum(v, 3.0)); }),
            (std::vector<double>{0, 0.5, 0.5, 0}));
  EXPECT_EQ(gradient([](const Var& v) { return norm(sub(v, v)); }),
            (std::vector<double>{0, 0, 0, 0}));
}

TEST(Scan, RunningSumsAgainstNaiveLoop) {
  for (const Dims& shape : {Dims{7}, {3, 1001}, {1001, 3}, {2, 5, 300}})
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const Tensor x = uniform(shape, DType::f32).transpose(0, -1).contiguous().transpose(0, -1);
      const Tensor y = cumsum(x, axis).tensor(), z = cumsum(x, axis, true).tensor();
      for (std::int64_t i : {std::int64_t{0}, x.size(axis) / 2, x.size(axis) - 1}) {
        const Tensor front = sum(x.slice(axis, 0, i + 1), {axis}).tensor(),
                     back = sum(x.slice(axis, i, {}), {axis}).tensor();
        EXPECT_TRUE(allclose(y.select(axis, i), front, 1e-5, 1e-5));
        EXPECT_TRUE(allclose(z.select(axis, i), back, 1e-5, 1e-5));
      }
    }
}

// Two passes in long double over [kept, reduced].
std::vector<Real> naive_deviance(const Tensor& rows) {
  const auto x = rows.to_vector<double>();
  const std::size_t n = static_cast<std::size_t>(rows.size(1));
  std::vector<Real> y;
  for (std::size_t first = 0; first < x.size(); first += n) {
    Real mean = 0, m2 = 0;
    for (std::size_t i = 0; i < n; ++i) mean += Real(x[first + i]) / static_cast<Real>(n);
    for (std::size_t i = 0; i < n; ++i) m2 += (x[first + i] - mean) * (x[first + i] - mean);
    y.push_back(m2);
  }
  return y;
}

TEST(Deviance, IsThatOfTwoPassesFarFromZeroToo) {
  struct Case {
    Dims shape, axes, order;  // order: kept axes, then reduced ones
    std::int64_t kept;
  };
  const Case cases[] = {
      {{70000}, {0}, {0}, 1},
      {{3, 5000}, {1}, {0, 1}, 3},
      {{300, 40}, {1}, {0, 1}, 300},
      {{7000, 3}, {0}, {1, 0}, 3},
      {{700, 530}, {0}, {1, 0}, 530},
      {{2, 90, 40}, {1}, {0, 2, 1}, 80},
      {{6, 5, 40}, {0, 2}, {1, 0, 2}, 5},
      {{40, 1, 3}, {1}, {0, 2, 1}, 120},
  };
  for (const DType dtype : {DType::f32, DType::f64})
    for (const Case& c : cases)
      for (const bool flipped : {false, true}) {
        Tensor x = uniform(c.shape, dtype, 1000, 1001);
        if (flipped) x = flip(x, {0}).tensor();
        const auto got = deviance(x, c.axes).tensor().to_vector<double>();
        const auto want =
            naive_deviance(x.permute(c.order).contiguous().reshape({c.kept, x.numel() / c.kept}));
        ASSERT_EQ(got.size(), want.size());
        for (std::size_t i = 0; i < got.size(); ++i)
          EXPECT_NEAR(got[i], static_cast<double>(want[i]),
                      static_cast<double>(want[i]) * (dtype == DType::f32 ? 0x1p-23 : 0x1p-38))
              << to_string(c.shape) << " over " << to_string(c.axes);
      }
}

TEST(Deviance, DoesNotDependOnThreads) {
  const int before = threads();
  for (const Dims& shape : {Dims{200000}, Dims{30000, 7}, Dims{500, 600}}) {
    const Tensor x = uniform(shape, DType::f32);
    std::vector<std::vector<float>> results;
    for (const int n : {1, 2, 3}) {
      set_threads(n);
      results.push_back(deviance(x, {0}).tensor().to_vector<float>());
    }
    EXPECT_EQ(results[0], results[1]);
    EXPECT_EQ(results[0], results[2]);
  }
  set_threads(before);
}

}  // namespace
}  // namespace sonde
