#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "tensor/backend.hpp"
#include "tensor/kernels/matmul.hpp"
#include "tests/cuda/both.hpp"

namespace sonde::testing {
namespace {

double tolerance(DType t) {
  return t == DType::f64 ? 1e-14 : 2e-6;
}

// Every way in which a matrix of a larger tensor can lie.
enum class View {
  plain,
  transposed,
  spaced,
  reversed,
  repeated_rows,
  shifted,
  padded,
  overlapping
};
constexpr View views[] = {View::plain,         View::transposed, View::spaced, View::reversed,
                          View::repeated_rows, View::shifted,    View::padded, View::overlapping};

// [batch.., rows, cols], drawn anew for each seed.
Tensor viewed(View view, const Dims& shape, DType dtype, std::uint64_t seed) {
  Dims d = shape;
  const int r = shape.rank() - 2, c = shape.rank() - 1;
  switch (view) {
    case View::transposed:
      std::swap(d[r], d[c]);
      return drawn(d, dtype, seed).transpose(-2, -1);
    case View::spaced:
      d[c] *= 2;
      return drawn(d, dtype, seed).slice(-1, {}, {}, 2);
    case View::reversed:
      return drawn(d, dtype, seed).flip({r, c});
    case View::repeated_rows:
      d[r] = 1;
      return drawn(d, dtype, seed).expand(shape);
    case View::shifted:
      d[c] += 1;
      return drawn(d, dtype, seed).slice(-1, 1, {});
    case View::padded:
      d[r] += 2;
      d[c] += 3;
      return drawn(d, dtype, seed).slice(-2, 1, d[r] - 1).slice(-1, 0, d[c] - 3);
    case View::overlapping: {  // windows of one row
      std::int64_t elements = 0;
      for (std::int64_t& n : d) elements += std::exchange(n, 1);
      return drawn({elements}, dtype, seed).as_strided(shape, d, 0);
    }
    default:
      return drawn(d, dtype, seed);
  }
}

// Both devices write into the same view, first filled with NaN (integers: 7).
void expect_same(const Tensor& a, const Tensor& b, const Tensor& out) {
  Tensor on_cpu = out, on_gpu = there(out);
  kernels::matmul.find({}, a.dtype())(a, b, on_cpu);
  kernels::matmul.find(gpu, a.dtype())(there(a), there(b), on_gpu);
  if (is_float(a.dtype()))
    expect_close(on_cpu, on_gpu, tolerance(a.dtype()));
  else
    expect_equal(on_cpu, on_gpu);
}
void expect_same(const Tensor& a, const Tensor& b) {
  Dims shape = broadcast_shapes(Dims(std::span(a.shape()).first(a.rank() - 2)),
                                Dims(std::span(b.shape()).first(b.rank() - 2)), "test");
  shape.push_back(a.size(-2));
  shape.push_back(b.size(-1));
  SCOPED_TRACE(to_string(a.spec()) + " x " + to_string(b.spec()));
  expect_same(a, b, Tensor::full(shape, is_float(a.dtype()) ? NAN : 7, a.dtype()));
}

class CudaMatmul : public ::testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(Types, CudaMatmul,
                         ::testing::Values(DType::f32, DType::f64, DType::i32, DType::i64),
                         [](const auto& info) { return std::string(to_string(info.param)); });

TEST_P(CudaMatmul, SizesAroundTiles) {
  for (const std::int64_t m : {1, 2, 15, 16, 17})
    for (const std::int64_t n : {1, 3, 16, 33})
      for (const std::int64_t k : {1, 5, 16, 31})
        expect_same(drawn({m, k}, GetParam(), 1), drawn({k, n}, GetParam(), 2));
}

TEST_P(CudaMatmul, AnyStrides) {
  for (const View left : views)
    for (const View right : views) {
      SCOPED_TRACE(static_cast<int>(left) * 10 + static_cast<int>(right));
      expect_same(viewed(left, {5, 7}, GetParam(), 1), viewed(right, {7, 4}, GetParam(), 2));
      expect_same(viewed(left, {3, 5, 7}, GetParam(), 3), viewed(right, {7, 4}, GetParam(), 4));
      expect_same(viewed(left, {5, 7}, GetParam(), 5), viewed(right, {3, 7, 4}, GetParam(), 6));
      expect_same(viewed(left, {3, 1, 7}, GetParam(), 7), viewed(right, {3, 7, 1}, GetParam(), 8));
    }
}

TEST_P(CudaMatmul, BatchesBroadcast) {
  const std::pair<Dims, Dims> cases[] = {{{2, 3, 4, 5}, {5, 6}},
                                         {{4, 5}, {2, 3, 5, 6}},
                                         {{3, 4, 5}, {2, 1, 5, 6}},
                                         {{1, 4, 5}, {3, 5, 6}},
                                         {{3, 1, 5}, {5, 6}},
                                         {{3, 4, 5}, {3, 5, 1}},
                                         {{2, 1, 3, 4, 5}, {7, 1, 5, 6}},
                                         {{2, 1, 2, 1, 4, 5}, {1, 3, 1, 2, 5, 6}}};
  for (const auto& [a, b] : cases) expect_same(drawn(a, GetParam(), 1), drawn(b, GetParam(), 2));
}

TEST_P(CudaMatmul, BatchAxesOfAnyStrides) {
  const Tensor a = drawn({2, 3, 4, 5}, GetParam(), 1), b = drawn({2, 3, 5, 6}, GetParam(), 2);
  expect_same(a.permute({1, 0, 2, 3}), b.permute({1, 0, 2, 3}));
  expect_same(a.permute({1, 0, 2, 3}), b.permute({1, 0, 2, 3}).clone());
  expect_same(a.flip({0}), b);
  expect_same(a.flip({0, 1}), b.flip({1}));
  expect_same(a.slice(0, 0, 1).expand({2, 3, 4, 5}), b);
  expect_same(a.slice(0, 0, 1).expand({2, 3, 4, 5}).flip({3}), b.slice(1, 1, 2).expand(b.shape()));
  expect_same(a.permute({2, 1, 0, 3}), drawn({3, 5, 2}, GetParam(), 3));  // heads between rows
  expect_same(a.permute({0, 1, 3, 2}), b.permute({0, 1, 3, 2}).slice(2, 0, 4).expand({2, 3, 4, 5}));
  expect_same(drawn({3, 4, 5}, GetParam(), 4).permute({1, 2, 0}), drawn({4, 3, 2}, GetParam(), 5));
}

TEST_P(CudaMatmul, OutputsOfAnyStrides) {
  const Tensor a = drawn({2, 4, 5}, GetParam(), 1), b = drawn({2, 5, 6}, GetParam(), 2);
  for (const View view : views) {
    if (view == View::repeated_rows || view == View::overlapping) continue;
    SCOPED_TRACE(static_cast<int>(view));
    expect_same(a, b, viewed(view, {2, 4, 6}, GetParam(), 3));
    expect_same(a, b.select(0, 0), viewed(view, {2, 4, 6}, GetParam(), 4));
    expect_same(a.slice(1, 0, 1), b, viewed(view, {2, 1, 6}, GetParam(), 5));
  }
  expect_same(a, b, drawn({4, 2, 6}, GetParam(), 6).permute({1, 0, 2}));
  expect_same(a.select(0, 0), b, drawn({4, 2, 6}, GetParam(), 7).permute({1, 0, 2}));
  expect_same(a.slice(1, 0, 1), b.select(0, 0), drawn({2, 1, 6}, GetParam(), 8).flip({0}));
}

TEST_P(CudaMatmul, TheSameProductAgainAndAgain) {
  const Tensor row = drawn({1, 1, 5}, GetParam(), 1).expand({3, 1, 5}),
               column = drawn({1, 5, 1}, GetParam(), 2).expand({3, 5, 1});
  expect_same(row, drawn({5, 6}, GetParam(), 3));
  expect_same(drawn({6, 5}, GetParam(), 4), column);
  expect_same(row, column);
}

// An operand that has no layout for the library is copied without its repetitions.
TEST_P(CudaMatmul, BroadcastMatricesAreCopiedOnce) {
  const Tensor a = there(viewed(View::spaced, {1, 8, 8}, GetParam(), 1)).expand({1000, 8, 8}),
               b = there(drawn({1000, 8, 1}, GetParam(), 2));
  Tensor out = Tensor::empty({1000, 8, 1}, GetParam(), gpu);
  const std::int64_t before = memory_stats(gpu).current;
  reset_peak_bytes(gpu);
  kernels::matmul.find(gpu, GetParam())(a, b, out);
  EXPECT_LT(memory_stats(gpu).peak - before, 100 * 8 * 8 * size_of(GetParam()));
}

TEST_P(CudaMatmul, Empty) {
  expect_same(drawn({3, 0}, GetParam()), drawn({0, 4}, GetParam()));
  expect_same(drawn({2, 3, 0}, GetParam()), drawn({0, 4}, GetParam()),
              viewed(View::padded, {2, 3, 4}, GetParam(), 1));
  expect_same(drawn({0, 3}, GetParam()), drawn({3, 4}, GetParam()));
  expect_same(drawn({2, 3}, GetParam()), drawn({3, 0}, GetParam()));
  expect_same(drawn({0, 2, 3}, GetParam()), drawn({3, 4}, GetParam()));
}

TEST_P(CudaMatmul, SameBitsTwice) {
  const Tensor a = there(drawn({3, 40, 70}, GetParam(), 1)),
               b = there(drawn({70, 50}, GetParam(), 2));
  Tensor once = there(drawn({3, 40, 50}, GetParam(), 3)), again = there(once.to(Device{}));
  kernels::matmul.find(gpu, GetParam())(a, b, once);
  kernels::matmul.find(gpu, GetParam())(a, b, again);
  expect_equal(once.to(Device{}), again);
}

TEST(CudaMatmul, IntegersWrapAround) {
  for (const DType dtype : {DType::i32, DType::i64}) {
    const Tensor big = Tensor::full({3, 3}, dtype == DType::i32 ? 0x7ffffffd : 0x1p62, dtype);
    expect_same(big, big);
  }
}

TEST(CudaMatmul, NanAndInfinityStayInTheirRowsAndColumns) {
  Tensor a = drawn({6, 5}), b = drawn({5, 7}, DType::f32, 1);
  a.data<float>()[7] = NAN;
  b.data<float>()[3] = INFINITY;
  expect_same(a, b);
}

// Products of bf16 are those of f32, rounded once.
TEST(CudaMatmul, Bf16AddsUpInF32) {
  const Tensor a = drawn({2, 9, 300}, DType::bf16, 1),
               b = drawn({11, 300}, DType::bf16, 2).transpose(0, 1);
  Tensor wide = Tensor::empty({2, 9, 11}),
         narrow = there(Tensor::full({2, 9, 11}, NAN, DType::bf16));
  kernels::matmul.find({}, DType::f32)(a.to(DType::f32), b.to(DType::f32), wide);
  kernels::matmul.find(gpu, DType::bf16)(there(a), there(b), narrow);
  expect_close(wide.to(DType::bf16), narrow, 1.0 / 256);
}

double largest_error(const Tensor& exact, const Tensor& on_gpu) {
  const auto x = exact.to_vector<double>(), y = on_gpu.to_vector<double>();
  double error = 0, scale = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    error = std::max(error, std::abs(x[i] - y[i]));
    scale = std::max(scale, std::abs(x[i]));
  }
  return error / scale;
}

TEST(CudaMatmul, Tf32OnlyWhereAskedFor) {
  ASSERT_FALSE(matmul_tf32());
  const Tensor a = drawn({64, 96}, DType::f32, 1), b = drawn({96, 80}, DType::f32, 2);
  Tensor exact = Tensor::empty({64, 80}, DType::f64);
  kernels::matmul.find({}, DType::f64)(a.to(DType::f64), b.to(DType::f64), exact);
  const auto error = [&](DType dtype) {
    Tensor out = Tensor::empty({64, 80}, dtype, gpu);
    kernels::matmul.find(gpu, dtype)(there(a.to(dtype)), there(b.to(dtype)), out);
    return largest_error(exact, out);
  };
  EXPECT_LT(error(DType::f32), 1e-6);
  set_matmul_tf32(true);
  const double rounded = error(DType::f32), wide = error(DType::f64);
  set_matmul_tf32(false);
  EXPECT_GT(rounded, 1e-5);
  EXPECT_LT(rounded, 2e-3);
  EXPECT_LT(wide, 1e-14);
  EXPECT_LT(error(DType::f32), 1e-6);
}

}  // namespace
}  // namespace sonde::testing
