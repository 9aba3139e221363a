#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"
#include "tensor/parallel.hpp"

namespace sonde {
namespace {

Var random(const Dims& shape, DType dtype = DType::f64, unsigned seed = 1) {
  std::mt19937 bits(seed);
  std::vector<double> v(static_cast<std::size_t>(numel(shape)));
  for (double& x : v) x = bits() * 0x1p-31 - 1;
  return Tensor::from<double>(v, shape).to(dtype);
}
Var mt(const Var& x) {
  return transpose(x, -2, -1);
}
Var identity(std::int64_t n, DType dtype = DType::f64) {
  return Tensor::eye(n, dtype);
}

// Largest |a - b|.
double distance(const Var& a, const Var& b) {
  EXPECT_EQ(a.shape(), b.shape());
  const auto x = a.tensor().to_vector<double>(), y = b.tensor().to_vector<double>();
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    worst = std::isnan(x[i] - y[i]) ? INFINITY : std::max(worst, std::abs(x[i] - y[i]));
  return worst;
}
bool all_nan(const Var& x) {
  for (double v : x.tensor().to_vector<double>())
    if (!std::isnan(v)) return false;
  return true;
}

void expect_error(ErrorCode code, std::string_view part, const std::function<void()>& f) {
  try {
    f();
    ADD_FAILURE() << "no error, expected one with: " << part;
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("test_linalg.cpp"), std::string::npos) << e.what();
  }
}

const Dims shapes[] = {{1, 1},   {5, 5},       {40, 40}, {130, 130}, {7, 3},   {3, 7},
                       {90, 60}, {2, 3, 6, 4}, {3, 0},   {0, 3},     {0, 2, 2}};

class Linalg : public ::testing::TestWithParam<DType> {
 protected:
  DType dtype() const { return GetParam(); }
  double tolerance() const { return dtype() == DType::f64 ? 1e-11 : 2e-3; }
};
INSTANTIATE_TEST_SUITE_P(Types, Linalg, ::testing::Values(DType::f32, DType::f64),
                         [](const auto& info) { return std::string(to_string(info.param)); });

TEST_P(Linalg, QrRebuildsAndIsOrthonormal) {
  for (const Dims& shape : shapes) {
    const Var a = random(shape, dtype());
    const Qr f = qr(a);
    EXPECT_LE(distance(matmul(f.q, f.r), a), tolerance()) << to_string(shape);
    const Var one =
        broadcast_to(identity(f.q.size(-1), dtype()), matmul(f.q, f.q, {.a = true}).shape());
    EXPECT_LE(distance(matmul(f.q, f.q, {.a = true}), one), tolerance()) << to_string(shape);
    for (std::int64_t i = 1; i < f.r.size(-2); ++i)
      EXPECT_EQ(distance(slice(select(f.r, -2, i), -1, 0, i),
                         mul(slice(select(f.r, -2, i), -1, 0, i), 0.0)),
                0);
  }
}

TEST_P(Linalg, SvdRebuildsDescending) {
  for (const Dims& shape : shapes) {
    const Var a = random(shape, dtype());
    const Svd f = svd(a);
    const std::int64_t k = f.s.size(-1);
    EXPECT_LE(distance(matmul(mul(f.u, unsqueeze(f.s, -2)), f.vt), a), tolerance())
        << to_string(shape);
    const Var utu = matmul(f.u, f.u, {.a = true}), vvt = matmul(f.vt, f.vt, {.b = true});
    EXPECT_LE(distance(utu, broadcast_to(identity(k, dtype()), utu.shape())), tolerance());
    EXPECT_LE(distance(vvt, broadcast_to(identity(k, dtype()), vvt.shape())), tolerance());
    const auto s = f.s.tensor().to_vector<double>();
    for (std::size_t i = 0; i < s.size(); ++i) {
      EXPECT_GE(s[i], 0);
      if (i % static_cast<std::size_t>(k) != 0) EXPECT_LE(s[i], s[i - 1]);
    }
  }
}

TEST_P(Linalg, EighAndCholeskyRebuild) {
  for (const Dims& shape :
       {Dims{1, 1}, {5, 5}, {40, 40}, {130, 130}, {2, 3, 6, 6}, {0, 0}, {0, 2, 2}}) {
    const Var x = random(shape, dtype()), a = add(x, mt(x));
    const Eigh e = eigh(a);
    EXPECT_LE(distance(matmul(a, e.vectors), mul(e.vectors, unsqueeze(e.values, -2))), tolerance())
        << to_string(shape);
    const auto w = e.values.tensor().to_vector<double>();
    for (std::size_t i = 1; i < w.size(); ++i)
      if (i % static_cast<std::size_t>(shape.back()) != 0) EXPECT_GE(w[i], w[i - 1]);
    const Var positive =
        add(matmul(x, x, {.b = true}), broadcast_to(identity(shape.back(), dtype()), shape));
    const Var l = cholesky(positive);
    EXPECT_LE(distance(matmul(l, l, {.b = true}), positive), tolerance()) << to_string(shape);
  }
}

TEST_P(Linalg, SystemsAndInverses) {
  for (const Dims& shape : {Dims{1, 1}, {5, 5}, {130, 130}, {2, 3, 6, 6}, {0, 0}}) {
    const std::int64_t n = shape.back();
    const Var a = add(random(shape, dtype()),
                      mul(broadcast_to(identity(n, dtype()), shape), 2.0 * static_cast<double>(n)));
    Dims right = shape;
    right[right.rank() - 1] = 3;
    const Var b = random(right, dtype(), 2);
    EXPECT_LE(distance(matmul(a, solve(a, b)), b), tolerance()) << to_string(shape);
    EXPECT_LE(distance(matmul(a, solve(a, b, true), {.a = true}), b), tolerance())
        << to_string(shape);
    EXPECT_LE(distance(matmul(a, inv(a)), broadcast_to(identity(n, dtype()), shape)), tolerance())
        << to_string(shape);
    EXPECT_LE(distance(solve(mt(a), b, true), solve(a, b)), tolerance()) << "strides";
  }
}

TEST(Linalg, SolvesTallAndWideLeastSquares) {
  const Var tall = random({9, 4}), b = random({9, 2}, DType::f64, 2), x = lstsq(tall, b);
  const Var residual = sub(matmul(tall, x), b);
  EXPECT_LE(distance(matmul(tall, residual, {.a = true}), mul(x, 0.0)), 1e-12);
  const Var wide = random({3, 8}), c = random({3}, DType::f64, 3), y = lstsq(wide, c);
  EXPECT_LE(distance(matmul(wide, y), c), 1e-12);
  const Var shortest = matmul(wide, solve(matmul(wide, wide, {.b = true}), c), {.a = true});
  EXPECT_LE(distance(y, shortest), 1e-12);
}

TEST(Linalg, Determinants) {
  const Var a = Tensor::from<double>({1, 2, 3, 4}, {2, 2}),
            singular = Tensor::from<double>({1, 2, 2, 4}, {2, 2});
  EXPECT_NEAR(det(a).item(), -2, 1e-15);
  EXPECT_EQ(slogdet(a).sign.item(), -1);
  EXPECT_NEAR(slogdet(a).logabsdet.item(), std::log(2.0), 1e-15);
  EXPECT_TRUE(std::isnan(logdet(a).item()));
  EXPECT_EQ(det(singular).item(), 0);
  EXPECT_EQ(slogdet(singular).sign.item(), 0);
  EXPECT_EQ(logdet(singular).item(), -INFINITY);
  EXPECT_EQ(det(Tensor::zeros({0, 0}, DType::f64)).item(), 1);
  expect_error(ErrorCode::numeric, "singular",
               [&] { grad([](const Var& x) { return det(x); })(singular); });
}

TEST(Linalg, FailuresAreTyped) {
  const Var zero = Tensor::zeros({2, 2}, DType::f64), wide = random({2, 3}), one = identity(2);
  expect_error(ErrorCode::numeric, "matrix 0 of 1 is not positive definite",
               [&] { cholesky(neg(one)); });
  expect_error(ErrorCode::numeric, "matrix 1 of 2 is singular", [&] {
    inv(stack({one, zero}, 0));
  });
  expect_error(ErrorCode::numeric, "singular", [&] { solve(zero, one); });
  expect_error(ErrorCode::numeric, "zero on its diagonal", [&] { triangular_solve(zero, one); });
  expect_error(ErrorCode::numeric, "zero on its diagonal", [&] {
    lstsq(Tensor::zeros({3, 2}, DType::f64), Tensor::ones({3}, DType::f64));
  });
  const Var nan = Tensor::full({2, 2}, NAN, DType::f64);
  expect_error(ErrorCode::numeric, "not positive definite", [&] { cholesky(nan); });
  expect_error(ErrorCode::numeric, "NaN", [&] { eigh(nan); });
  expect_error(ErrorCode::numeric, "NaN", [&] { svd(nan); });
  for (const auto& f :
       {+[](const Var& x) { return cholesky(x); }, +[](const Var& x) { return inv(x); },
        +[](const Var& x) { return det(x); }, +[](const Var& x) { return eigh(x).values; }}) {
    expect_error(ErrorCode::shape, "not square", [&] { f(wide); });
    expect_error(ErrorCode::shape, "no matrix", [&] { f(Tensor::ones({2}, DType::f64)); });
    expect_error(ErrorCode::dtype, "f32 or f64", [&] { f(Tensor::ones({2, 2}, DType::i64)); });
  }
  expect_error(ErrorCode::shape, "do not fit", [&] {
    solve(one, Tensor::ones({3, 1}, DType::f64));
  });
  expect_error(ErrorCode::broadcast, "", [&] {
    solve(Tensor::ones({2, 2, 2}), Tensor::ones({3, 2, 1}));
  });
  expect_error(ErrorCode::shape, "do not fit", [&] { lstsq(wide, Tensor::ones({3}, DType::f64)); });
}

// A sum of eigenvalues is smooth where eigenvalues meet; a single eigenvector is not.
TEST(Linalg, EqualEigenvaluesAndSingularValues) {
  const Var one = identity(3);
  const auto trace = grad([](const Var& x) { return sum(eigh(x).values); });
  EXPECT_LE(distance(trace(one), one), 1e-14);
  const auto nuclear = grad([](const Var& x) { return sum(svd(x).s); });
  EXPECT_LE(distance(nuclear(one), one), 1e-14);
  EXPECT_TRUE(all_nan(grad([](const Var& x) { return sum(select(eigh(x).vectors, 1, 0)); })(one)));
  EXPECT_TRUE(all_nan(grad([](const Var& x) { return sum(select(svd(x).u, 1, 0)); })(one)));
}

TEST(Linalg, SameBitsForAnyThreadCount) {
  const int before = threads();
  const Var a = random({40, 20, 20});
  const auto all = [&] {
    const Svd f = svd(a);
    return concat({reshape(f.u, {-1}), reshape(f.s, {-1}), reshape(inv(a), {-1}),
                   reshape(qr(a).q, {-1})},
                  0)
        .tensor()
        .to_vector<double>();
  };
  set_threads(1);
  const auto expected = all();
  for (int t : {2, 3}) {
    set_threads(t);
    EXPECT_EQ(all(), expected) << t;
  }
  set_threads(before);
}

}  // namespace
}  // namespace sonde
