#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tensor/kernels/index.hpp"
#include "tensor/kernels/random.hpp"
#include "tensor/parallel.hpp"
#include "tensor/random.hpp"

namespace sonde {
namespace {

Tensor numbers(const Dims& shape, std::uint64_t seed, DType dtype = DType::f64) {
  Tensor out = Tensor::empty(shape, DType::f64);
  Tensor flat = out.reshape({1, out.numel()});
  kernels::random_normal.find({}, DType::f64)(random_key(seed).unsqueeze(0), {0, 10}, flat);
  return out.to(dtype);
}

Tensor indices(const Dims& shape, std::int64_t n, std::uint64_t seed) {
  Tensor out = Tensor::empty(shape, DType::i64);
  Tensor flat = out.reshape({1, out.numel()});
  if (n > 0)
    kernels::random_integers.find({}, DType::i64)(random_key(seed).unsqueeze(0), 0, n, flat);
  return out;
}

// Calls f(position) for every position of `shape`, in row-major order.
template <class F>
void for_each_position(const Dims& shape, F&& f) {
  const std::int64_t n = numel(shape);
  for (std::int64_t flat = 0; flat < n; ++flat) {
    Dims position = shape;
    std::int64_t rest = flat;
    for (int i = shape.rank() - 1; i >= 0; --i) {
      position[i] = rest % shape[i];
      rest /= shape[i];
    }
    f(position);
  }
}

std::int64_t integer_at(const Tensor& t, const Dims& position) {
  return static_cast<std::int64_t>(t.at(position));
}

// A view with the same elements whose strides are neither row-major nor all positive.
Tensor scrambled(const Tensor& t) {
  if (t.rank() < 2) return t.flip({0}).contiguous().flip({0});
  return t.transpose(0, -1).flip({0}).contiguous().flip({0}).transpose(0, -1);
}

struct GatherCase {
  Dims x, index;
  int axis;
};
const GatherCase gather_cases[] = {{{5}, {7}, 0},
                                   {{4, 6}, {4, 3}, 1},
                                   {{4, 6}, {9, 6}, 0},
                                   {{3, 4, 5}, {2, 7, 4}, 1},
                                   {{3, 4, 200}, {3, 2, 150}, 1},
                                   {{3, 4, 5}, {3, 4, 9}, 2},
                                   {{3, 4}, {3, 0}, 1},
                                   {{3, 0, 2}, {0, 5, 2}, 1},
                                   {{2, 3, 4, 5}, {2, 3, 4, 1}, 3},
                                   {{300, 300}, {300, 300}, 0}};

TEST(Index, GatherIsItsDefinition) {
  for (const auto& c : gather_cases)
    for (bool strided : {false, true})
      for (DType dtype : {DType::f32, DType::f64, DType::u8, DType::f16}) {
        Tensor x = numbers(c.x, 1, dtype), index = indices(c.index, c.x[c.axis], 2);
        if (strided) x = scrambled(x), index = scrambled(index);
        Tensor out = Tensor::empty(c.index, dtype);
        kernels::gather.find({}, dtype)(x, index, c.axis, out);
        for_each_position(c.index, [&](Dims p) {
          Dims q = p;
          q[c.axis] = integer_at(index, p);
          ASSERT_EQ(out.at(p), x.at(q)) << to_string(c.x) << to_string(c.index);
        });
      }
}

TEST(Index, ScatterAddIsItsDefinitionForAnyThreadCount) {
  const int before = threads();
  for (int t : {1, 3}) {
    set_threads(t);
    for (const auto& c : gather_cases)
      for (bool strided : {false, true}) {
        Tensor src = numbers(c.index, 1), index = indices(c.index, c.x[c.axis], 2);
        if (strided) src = scrambled(src), index = scrambled(index);
        Tensor out = numbers(c.x, 3), want = out.clone();
        kernels::scatter_add.find({}, DType::f64)(index, src, c.axis, out);
        for_each_position(c.index, [&](Dims p) {
          Dims q = p;
          q[c.axis] = integer_at(index, p);
          Tensor target = want.as_strided({}, {}, [&] {
            std::int64_t offset = 0;
            for (int i = 0; i < q.rank(); ++i) offset += q[i] * want.strides()[i];
            return offset;
          }());
          *target.mutable_data<double>() += src.at(p);
        });
        EXPECT_EQ(out.to_vector<double>(), want.to_vector<double>())
            << to_string(c.x) << to_string(c.index);
      }
  }
  set_threads(before);
}

struct TakeCase {
  Dims x, index;
  int axis;
};
const TakeCase take_cases[] = {{{5}, {7}, 0},       {{5, 3}, {2, 4}, 0}, {{4, 6, 3}, {5}, 1},
                               {{4, 6}, {3, 2}, 1}, {{4, 6}, {}, 1},     {{50, 128}, {300}, 0},
                               {{3, 5, 2}, {0}, 1}, {{3, 0}, {0}, 1},    {{0, 4, 2}, {3}, 1},
                               {{20000, 3}, {1}, 1}};

TEST(Index, TakeAndTakeAddAreEachOthersAdjoint) {
  for (const auto& c : take_cases)
    for (bool strided : {false, true}) {
      Tensor x = numbers(c.x, 1), index = indices(c.index, c.x[c.axis], 2);
      Dims shape;
      for (int i = 0; i < c.axis; ++i) shape.push_back(c.x[i]);
      for (std::int64_t d : c.index) shape.push_back(d);
      for (int i = c.axis + 1; i < c.x.rank(); ++i) shape.push_back(c.x[i]);
      Tensor u = numbers(shape, 3);
      if (strided) {
        x = scrambled(x);
        if (u.rank() > 0) u = scrambled(u);
      }
      Tensor taken = Tensor::empty(shape, DType::f64), added = Tensor::zeros(c.x, DType::f64);
      kernels::take.find({}, DType::f64)(x, index, c.axis, false, taken);
      kernels::take_add.find({}, DType::f64)(index, u, c.axis, false, added);
      double left = 0, right = 0;
      for_each_position(shape, [&](Dims p) {
        Dims chosen, q;
        for (int i = 0; i < c.index.rank(); ++i) chosen.push_back(p[c.axis + i]);
        for (int i = 0; i < p.rank(); ++i)
          if (i < c.axis || i >= c.axis + c.index.rank()) q.push_back(p[i]);
        q.insert(c.axis, integer_at(index, chosen));
        ASSERT_EQ(taken.at(p), x.at(q)) << to_string(c.x) << to_string(c.index);
        left += taken.at(p) * u.at(p);
      });
      for_each_position(c.x, [&](Dims p) { right += x.at(p) * added.at(p); });
      EXPECT_NEAR(left, right, 1e-9 * (1 + std::abs(left))) << to_string(c.x) << to_string(c.index);
    }
}

TEST(Index, TakeWithLanesIsEachLaneAlone) {
  const Tensor x = numbers({3, 2, 5, 4}, 1), index = indices({3, 6}, 5, 2),
               src = numbers({3, 2, 6, 4}, 3);
  Tensor taken = Tensor::empty({3, 2, 6, 4}, DType::f64),
         added = Tensor::zeros({3, 2, 5, 4}, DType::f64);
  kernels::take.find({}, DType::f64)(x, index, 2, true, taken);
  kernels::take_add.find({}, DType::f64)(index, src, 2, true, added);
  for (std::int64_t lane = 0; lane < 3; ++lane) {
    Tensor t = Tensor::empty({2, 6, 4}, DType::f64), a = Tensor::zeros({2, 5, 4}, DType::f64);
    kernels::take.find({}, DType::f64)(x.select(0, lane), index.select(0, lane), 1, false, t);
    kernels::take_add.find({}, DType::f64)(index.select(0, lane), src.select(0, lane), 1, false, a);
    EXPECT_EQ(taken.select(0, lane).to_vector<double>(), t.to_vector<double>());
    EXPECT_EQ(added.select(0, lane).to_vector<double>(), a.to_vector<double>());
  }
}

TEST(Index, TakeAddSumsInOrderForAnyThreadCount) {
  const int before = threads();
  const Tensor index = indices({5000}, 10, 1), src = numbers({5000, 200}, 2, DType::f32);
  std::vector<float> want;
  for (int t : {1, 2, 7}) {
    set_threads(t);
    Tensor out = Tensor::zeros({10, 200});
    kernels::take_add.find({}, DType::f32)(index, src, 0, false, out);
    if (t == 1) want = out.to_vector<float>();
    EXPECT_EQ(out.to_vector<float>(), want) << t;
  }
  set_threads(before);
}

TEST(Index, OutOfRangeNamesValueAndPositionAndWritesNothing) {
  const Tensor x = Tensor::ones({3, 4}), src = Tensor::ones({2, 2});
  for (std::int64_t bad : {std::int64_t{-1}, std::int64_t{4}, INT64_MIN, INT64_MAX}) {
    const Tensor index = Tensor::from<std::int64_t>({0, 1, bad, 2}, {2, 2});
    Tensor out = Tensor::zeros({3, 4});
    try {
      kernels::scatter_add.find({}, DType::f32)(index, src, 1, out);
      FAIL() << bad;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::axis);
      EXPECT_NE(e.message().find(std::to_string(bad)), std::string::npos) << e.what();
      EXPECT_NE(e.message().find("[1,0]"), std::string::npos) << e.what();
    }
    EXPECT_EQ(out.to_vector<float>(), std::vector<float>(12, 0));
    Tensor gathered = Tensor::zeros({2, 2}), taken = Tensor::zeros({3, 2, 2}),
           hot = Tensor::zeros({2, 2, 4});
    EXPECT_THROW(kernels::gather.find({}, DType::f32)(x, index, 1, gathered), Error);
    EXPECT_THROW(kernels::take.find({}, DType::f32)(x, index, 1, false, taken), Error);
    EXPECT_THROW(kernels::one_hot.find({}, DType::f32)(index, hot), Error);
  }
}

TEST(Index, OneHot) {
  Tensor out = Tensor::ones({2, 2, 3}, DType::u8);
  kernels::one_hot.find({}, DType::u8)(Tensor::from<std::int64_t>({0, 2, 1, 0}, {2, 2}), out);
  EXPECT_EQ(out.to_vector<std::uint8_t>(),
            (std::vector<std::uint8_t>{1, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0}));
}

// What sort must give along a line: stable, NaN last either way.
template <class T>
std::vector<std::int64_t> reference_order(const std::vector<T>& line, bool descending) {
  std::vector<std::int64_t> order(line.size());
  std::iota(order.begin(), order.end(), 0);
  auto value = [&](std::int64_t i) { return line[static_cast<std::size_t>(i)]; };
  std::stable_sort(order.begin(), order.end(), [&](auto i, auto j) {
    const T a = value(i), b = value(j);
    if (a != a || b != b) return a == a;
    return descending ? a > b : a < b;
  });
  return order;
}

template <class T>
void expect_sorted(const Tensor& x, int axis, std::int64_t k, bool descending) {
  Dims shape = x.shape();
  shape[axis] = k;
  Tensor values = Tensor::empty(shape, x.dtype()), where = Tensor::empty(shape, DType::i64);
  kernels::sort.find({}, x.dtype())(x, axis, descending, values, where);
  const Tensor rows = x.transpose(axis, -1).contiguous();
  const Tensor got = where.transpose(axis, -1).contiguous(),
               taken = values.transpose(axis, -1).contiguous();
  const auto n = static_cast<std::size_t>(rows.shape().back()), kk = static_cast<std::size_t>(k);
  const T* p = rows.data<T>();
  for (std::size_t row = 0; row * n < static_cast<std::size_t>(rows.numel()); ++row) {
    const std::vector<T> line(p + row * n, p + (row + 1) * n);
    const auto order = reference_order(line, descending);
    for (std::size_t j = 0; j < kk; ++j) {
      ASSERT_EQ(got.data<std::int64_t>()[row * kk + j], order[j])
          << to_string(x.spec()) << " k " << k;
      const T v = taken.data<T>()[row * kk + j], want = line[static_cast<std::size_t>(order[j])];
      ASSERT_TRUE(v == want || (v != v && want != want));
    }
  }
}

TEST(Index, SortAndTopKAreStableWithNanLast) {
  Tensor f = numbers({6, 40, 3}, 1, DType::f32), d = numbers({2, 300}, 2),
         ties = numbers({50, 7}, 3, DType::i32);
  auto* p = f.mutable_data<float>();
  const float inf = std::numeric_limits<float>::infinity(),
              nan = std::numeric_limits<float>::quiet_NaN();
  p[0] = nan, p[3] = -inf, p[6] = inf, p[9] = -nan, p[12] = 0.0f, p[15] = -0.0f, p[18] = -0.0f,
  p[21] = 0.0f;
  for (bool descending : {false, true}) {
    for (std::int64_t k : {0, 1, 5, 40}) expect_sorted<float>(f, 1, k, descending);
    expect_sorted<float>(f, 0, 6, descending);
    expect_sorted<float>(f, 2, 2, descending);
    for (std::int64_t k : {1, 300}) expect_sorted<double>(d, 1, k, descending);
    expect_sorted<std::int32_t>(ties, 0, 50, descending);
    expect_sorted<std::int64_t>(ties.to(DType::i64), 0, 20, descending);
    expect_sorted<std::uint8_t>(ties.to(DType::u8), 0, 20, descending);
    expect_sorted<std::int32_t>(scrambled(ties), 1, 7, descending);
  }
}

}  // namespace
}  // namespace sonde
