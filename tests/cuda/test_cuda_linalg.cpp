#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <functional>

#include "tensor/backend.hpp"
#include "tensor/kernels/linalg.hpp"
#include "tensor/kernels/matmul.hpp"
#include "tests/cuda/both.hpp"
#include "tests/cuda/libraries/solver.hpp"

namespace sonde::testing {
namespace {

Tensor t(const Tensor& x) {
  return x.transpose(-2, -1);
}
// On the CPU, in f64.
Tensor product(const Tensor& a, const Tensor& b) {
  const Tensor x = a.to(Device{}).to(DType::f64), y = b.to(Device{}).to(DType::f64);
  Dims shape = x.shape();
  shape[shape.rank() - 1] = y.size(-1);
  Tensor out = Tensor::empty(shape, DType::f64);
  kernels::matmul.find({}, DType::f64)(x, y, out);
  return out;
}
// x diag(d)
Tensor scaled(const Tensor& x, const Tensor& d) {
  const std::int64_t n = d.size(-1);
  const Tensor values = d.to(Device{}).to(DType::f64);
  Dims square = values.shape();
  square.push_back(n);
  Tensor diagonal = Tensor::zeros(square, DType::f64);
  diagonal.diagonal().copy_from(values);
  return product(x, diagonal);
}
Dims with_sizes(const Tensor& a, std::initializer_list<std::int64_t> sizes) {
  Dims shape(std::span(a.shape()).first(static_cast<std::size_t>(a.rank() - 2)));
  for (const std::int64_t n : sizes) shape.push_back(n);
  return shape;
}
Tensor identity_like(const Tensor& a, std::int64_t n) {
  return Tensor::eye(n, DType::f64).expand(with_sizes(a, {n, n})).contiguous();
}
Tensor positive(const Dims& shape, DType dtype, std::uint64_t seed) {
  const Tensor x = drawn(shape, DType::f64, seed);
  const Tensor a = product(x, t(x));
  const std::int64_t n = a.size(-1);
  for (std::int64_t i = 0; i < a.numel(); ++i)
    if (i / n % n == i % n) a.data<double>()[i] += static_cast<double>(n);
  return a.to(dtype);
}
Tensor nan_like(const Dims& shape, DType dtype, Device device) {
  return Tensor::full(shape, NAN, dtype, device);
}
Tensor nan_by_columns(Dims shape, DType dtype, Device device) {
  std::swap(shape[shape.rank() - 1], shape[shape.rank() - 2]);
  return t(nan_like(shape, dtype, device));
}

// One slot on one device, with outputs as autograd makes them.
using Method = std::function<Tensors(const Tensor&, Device)>;
Tensors run_cholesky(const Tensor& a, Device device) {
  Tensor l = nan_like(a.shape(), a.dtype(), device);
  kernels::cholesky.find(device, a.dtype())(a, l);
  return {l};
}
Tensors run_eigh(const Tensor& a, Device device) {
  Tensor w = nan_like(with_sizes(a, {a.size(-1)}), a.dtype(), device),
         v = nan_by_columns(a.shape(), a.dtype(), device);
  kernels::eigh.find(device, a.dtype())(a, w, v);
  return {w, v};
}
Tensors run_svd(const Tensor& a, Device device) {
  const std::int64_t m = a.size(-2), n = a.size(-1), k = std::min(m, n);
  Tensor u = nan_like(with_sizes(a, {m, k}), a.dtype(), device),
         s = nan_like(with_sizes(a, {k}), a.dtype(), device),
         vt = nan_like(with_sizes(a, {k, n}), a.dtype(), device);
  kernels::svd.find(device, a.dtype())(a, u, s, vt);
  return {u, s, vt};
}
Tensors run_qr(const Tensor& a, Device device) {
  const std::int64_t n = a.size(-1);
  Tensor q = nan_by_columns(a.shape(), a.dtype(), device),
         r = nan_like(with_sizes(a, {n, n}), a.dtype(), device);
  kernels::qr.find(device, a.dtype())(a, q, r);
  return {q, r};
}
Tensors run_inverse(const Tensor& a, Device device) {
  Tensor x = nan_like(a.shape(), a.dtype(), device);
  kernels::inverse.find(device, a.dtype())(a, x);
  return {x};
}
Tensors run_slogdet(const Tensor& a, Device device) {
  Tensor sign = nan_like(with_sizes(a, {}), a.dtype(), device), log = sign.clone();
  kernels::slogdet.find(device, a.dtype())(a, sign, log);
  return {sign, log};
}
Tensors run_det(const Tensor& a, Device device) {
  Tensor out = nan_like(with_sizes(a, {}), a.dtype(), device);
  kernels::det.find(device, a.dtype())(a, out);
  return {out};
}
Tensors solve(const Tensor& a, const Tensor& b, bool transposed, Device device) {
  Tensor x = nan_by_columns(b.shape(), b.dtype(), device);
  kernels::solve.find(device, a.dtype())(a, b, transposed, x);
  return {x};
}
Tensors triangular_solve(const Tensor& a, const Tensor& b, kernels::Triangle triangle,
                         Device device) {
  Tensor x = nan_like(b.shape(), b.dtype(), device);
  kernels::triangular_solve.find(device, a.dtype())(a, b, triangle, x);
  return {x};
}

// As it is, by columns, every second element, reversed, repeated over a batch.
std::vector<Tensor> with_strides(const Tensor& a) {
  Dims wide = a.shape();
  wide[wide.rank() - 1] *= 2;
  const Tensor gaps = Tensor::full(wide, NAN, a.dtype()).slice(-1, {}, {}, 2);
  Tensor spaced = gaps;
  spaced.copy_from(a);
  const Dims last{a.rank() - 1};
  Dims batch = a.shape();
  batch.insert(0, 2);
  return {a, t(t(a).contiguous()), spaced, a.flip(last).contiguous().flip(last),
          a.unsqueeze(0).expand(batch)};
}

class CudaLinalg : public ::testing::TestWithParam<DType> {
 protected:
  DType dtype() const { return GetParam(); }
  double tolerance() const { return dtype() == DType::f64 ? 1e-11 : 1e-4; }
  void expect_same(const Method& method, const Tensor& a) const {
    SCOPED_TRACE(to_string(a.spec()));
    const Tensors here = method(a, Device{}), away = method(there(a), gpu);
    ASSERT_EQ(here.size(), away.size());
    for (std::size_t i = 0; i < here.size(); ++i) expect_close(here[i], away[i], tolerance());
  }
  void expect_near(const Tensor& expected, const Tensor& found) const {
    expect_close(expected.to(DType::f64), there(found.to(DType::f64)), tolerance());
  }
  void expect_orthonormal(const Tensor& x) const {
    expect_near(identity_like(x, x.size(-1)), product(t(x), x));
  }
};
INSTANTIATE_TEST_SUITE_P(Types, CudaLinalg, ::testing::Values(DType::f32, DType::f64),
                         [](const auto& info) { return std::string(to_string(info.param)); });

const Dims square_shapes[] = {{1, 1},    {2, 2}, {5, 5},        {33, 33},  {3, 6, 6}, {2, 3, 4, 4},
                              {9, 1, 1}, {0, 0}, {2, 130, 130}, {2, 0, 0}, {0, 2, 2}};

TEST_P(CudaLinalg, Cholesky) {
  for (const Dims& shape : square_shapes) {
    const Tensor a = positive(shape, dtype(), 1);
    for (const Tensor& view : with_strides(a)) expect_same(run_cholesky, view);
    Tensor lower = a.clone();  // only the lower triangle is read
    for (std::int64_t i = 0; i + 1 < a.size(-1); ++i)
      lower.slice(-2, i, i + 1)
          .slice(-1, i + 1, {})
          .copy_from(Tensor::full(with_sizes(a, {1, a.size(-1) - i - 1}), 7, dtype()));
    expect_same(run_cholesky, lower);
  }
}

TEST_P(CudaLinalg, Eigh) {
  for (const Dims& shape : square_shapes) {
    const Tensor a = positive(shape, dtype(), 2);
    for (const Tensor& view : with_strides(a)) {
      const Tensors f = run_eigh(there(view), gpu);
      expect_close(run_eigh(view, {})[0], f[0], tolerance());
      expect_near(scaled(f[1], f[0]), product(view, f[1]));
      expect_orthonormal(f[1]);
    }
  }
}

TEST_P(CudaLinalg, Svd) {
  for (const Dims& shape : {Dims{1, 1},
                            {5, 5},
                            {7, 3},
                            {3, 7},
                            {40, 21},
                            {2, 3, 6, 4},
                            {2, 4, 6},
                            {3, 0},
                            {0, 3},
                            {0, 2, 2},
                            {2, 140, 130}}) {
    const Tensor a = drawn(shape, dtype(), 3);
    for (const Tensor& view : with_strides(a)) {
      const Tensors f = run_svd(there(view), gpu);
      expect_close(run_svd(view, {})[1], f[1], tolerance());
      expect_near(view, product(scaled(f[0], f[1]), f[2]));
      expect_orthonormal(f[0]);
      expect_orthonormal(t(f[2]));
    }
  }
}

TEST_P(CudaLinalg, Qr) {
  for (const Dims& shape :
       {Dims{1, 1}, {5, 5}, {7, 3}, {40, 21}, {2, 3, 6, 4}, {3, 0}, {0, 0}, {0, 3, 2}}) {
    const Tensor a = drawn(shape, dtype(), 4);
    for (const Tensor& view : with_strides(a)) expect_same(run_qr, view);
  }
}

TEST_P(CudaLinalg, SolveAndInverse) {
  for (const Dims& shape : square_shapes) {
    const Tensor a = positive(shape, dtype(), 5);
    for (const Tensor& view : with_strides(a)) {
      expect_same(run_inverse, view);
      for (const std::int64_t k : {0, 1, 3}) {
        const Tensor b = drawn(with_sizes(view, {view.size(-1), k}), dtype(), 6);
        for (const bool transposed : {false, true})
          expect_close(solve(view, b, transposed, {})[0],
                       solve(there(view), there(b), transposed, gpu)[0], tolerance());
        expect_close(solve(view, b, false, {})[0],
                     solve(there(view), there(t(t(b).contiguous())), false, gpu)[0], tolerance());
      }
    }
  }
}

TEST_P(CudaLinalg, NotSymmetric) {
  for (const Dims& shape : {Dims{5, 5}, {3, 6, 6}}) {
    const Tensor a = drawn(shape, dtype(), 7),
                 b = drawn(with_sizes(a, {a.size(-1), 2}), dtype(), 8);
    expect_same(run_inverse, a);
    for (const bool transposed : {false, true})
      expect_close(solve(a, b, transposed, {})[0], solve(there(a), there(b), transposed, gpu)[0],
                   tolerance());
  }
}

TEST_P(CudaLinalg, TriangularSolve) {
  for (const Dims& shape : {Dims{1, 1}, {5, 5}, {3, 6, 6}, {2, 130, 130}, {0, 0}, {0, 2, 2}}) {
    const Tensor a = positive(shape, dtype(), 9);
    for (const Tensor& view : with_strides(a))
      for (const std::int64_t k : {0, 1, 3})
        for (int bits = 0; bits < 8; ++bits) {
          const kernels::Triangle triangle{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0};
          if (triangle.unit && a.size(-1) > 6) continue;  // grows like 2^n
          const Tensor b = drawn(with_sizes(view, {view.size(-1), k}), dtype(), 10);
          expect_close(triangular_solve(view, b, triangle, {})[0],
                       triangular_solve(there(view), there(b), triangle, gpu)[0], tolerance());
        }
  }
}

TEST_P(CudaLinalg, Determinants) {
  for (const Dims& shape : square_shapes) {
    const Tensor a = drawn(shape, dtype(), 11);
    for (const Tensor& view : with_strides(a)) {
      if (a.size(-1) < 100) expect_same(run_det, view);  // beyond, they overflow
      expect_same(run_slogdet, view);
    }
  }
}

TEST_P(CudaLinalg, SingularMatricesHaveDeterminantZero) {
  // A pivot of 0 in the first, a middle and the last column, alone and in a batch.
  const Tensor first = Tensor::from<double>({0, 2, 3, 0, 5, 6, 0, 8, 10}, {3, 3}),
               middle = Tensor::from<double>({1, 2, 3, 2, 4, 1, 4, 8, 5}, {3, 3}),
               last = Tensor::from<double>({4, 2, 1, 0, 2, 3, 0, 0, 0}, {3, 3});
  Tensor all = Tensor::empty({3, 3, 3}, DType::f64);
  all.select(0, 0).copy_from(first);
  all.select(0, 1).copy_from(middle);
  all.select(0, 2).copy_from(last);
  for (const Tensor& a : {first, middle, last, all}) {
    expect_same(run_det, a.to(dtype()));
    expect_same(run_slogdet, a.to(dtype()));
  }
}

// What a method says of its input: its error, or whether its results are numbers.
std::string outcome(const Method& method, const Tensor& a, Device device) {
  try {
    for (const Tensor& result : method(a, device))
      for (const double x : result.to_vector<double>())
        if (!std::isfinite(x)) return "not finite";
    return "finite";
  } catch (const Error& e) {
    return e.what();
  }
}

TEST_P(CudaLinalg, FailuresNameTheFirstBadMatrixAsOnTheCpu) {
  const Tensor one = positive({5, 5}, dtype(), 12);
  const std::pair<const char*, Method> methods[] = {
      {"cholesky", run_cholesky},
      {"eigh", run_eigh},
      {"svd", run_svd},
      {"qr", run_qr},
      {"inv", run_inverse},
      {"det", run_det},
      {"slogdet", run_slogdet},
      {"solve",
       [](const Tensor& a, Device d) {
         return solve(a, Tensor::ones(with_sizes(a, {5, 2}), a.dtype(), d), false, d);
       }},
      {"triangular_solve", [](const Tensor& a, Device d) {
         return triangular_solve(a, Tensor::ones(with_sizes(a, {5, 2}), a.dtype(), d), {}, d);
       }}};
  const Tensor zero = Tensor::zeros({5, 5}, dtype());
  for (const double bad : {0.0, static_cast<double>(NAN), static_cast<double>(INFINITY)})
    for (const auto& [name, method] : methods) {
      SCOPED_TRACE(fmt::format("{} of {}", name, bad));
      const Tensor alone = Tensor::full({5, 5}, bad, dtype());
      EXPECT_EQ(outcome(method, alone, {}), outcome(method, there(alone), gpu));
      Tensor batch = one.expand({2, 3, 5, 5}).clone();  // the 3rd and the 5th of 6
      for (const std::int64_t at : {2, 4}) batch.reshape({6, 5, 5}).select(0, at).copy_from(alone);
      EXPECT_EQ(outcome(method, batch, {}), outcome(method, there(batch), gpu));
    }
  EXPECT_NE(outcome(run_cholesky, there(zero), gpu).find("matrix 0 of 1 is not positive definite"),
            std::string::npos);
}

TEST_P(CudaLinalg, NoConvergenceNamesTheMatrix) {
  if (std::getenv("SONDE_TEST_GPU")) GTEST_SKIP() << "cuSOLVER cannot be told to fail";
  const Tensor a = there(positive({3, 4, 4}, dtype(), 14));
  cuda::fails_to_converge = 1;
  const std::string eigh = outcome(run_eigh, a, gpu), svd = outcome(run_svd, a, gpu);
  cuda::fails_to_converge = -1;
  EXPECT_NE(eigh.find("eigh: matrix 1 of 3 has no eigenvalues"), std::string::npos) << eigh;
  EXPECT_NE(svd.find("svd: matrix 1 of 3 has no singular values"), std::string::npos) << svd;
}

TEST_P(CudaLinalg, TriangleWithUnitDiagonalReadsNoDiagonal) {
  const Tensor a = Tensor::from<double>({0, 9, 2, 0}, {2, 2}).to(dtype()),
               b = Tensor::from<double>({1, 2}, {2, 1}).to(dtype());
  const kernels::Triangle unit{.unit = true};
  expect_close(triangular_solve(a, b, unit, {})[0],
               triangular_solve(there(a), there(b), unit, gpu)[0], tolerance());
}

TEST_P(CudaLinalg, OnlyWhatCanFailWaits) {
  const Tensor a = there(positive({3, 6, 6}, dtype(), 13));
  std::vector<std::string> reasons;
  set_sync_observer([&](std::string_view reason) { reasons.emplace_back(reason); });
  run_qr(a, gpu);
  run_det(a, gpu);
  run_slogdet(a, gpu);
  triangular_solve(a, a, {.unit = true}, gpu);
  const std::size_t before = reasons.size();
  run_cholesky(a, gpu);
  set_sync_observer({});
  EXPECT_EQ(before, 0U);
  ASSERT_EQ(reasons.size(), 1U);
  EXPECT_EQ(reasons[0], "cholesky: did it succeed?");
}

}  // namespace
}  // namespace sonde::testing
