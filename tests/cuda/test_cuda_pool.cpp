// Poolings on the device against the CPU's: the same sums in the same order, and the same maxima.
#include <gtest/gtest.h>

#include <cmath>

#include "both.hpp"
#include "tests/conv_reference.hpp"

namespace sonde {
namespace {

using reference::noise;
using testing::expect_close;
using testing::expect_equal;
using testing::gpu;
using testing::there;

void check_max(const Tensor& x, const PoolAttrs& a) {
  const auto want = kernels::max_pool2d.find({}, x.dtype())(x, a);
  const auto got = kernels::max_pool2d.find(gpu, x.dtype())(there(x), a);
  expect_equal(want.values, got.values);
  expect_equal(want.indices, got.indices);
  EXPECT_EQ(want.values.strides(), got.values.strides());
  EXPECT_EQ(want.indices.strides(), got.indices.strides());
}

double tolerance(DType t) {
  return t == DType::f32 ? 1e-6 : 1e-14;
}

void check_avg(const Tensor& x, const PoolAttrs& a) {
  const DType t = x.dtype();
  const Tensor want = kernels::avg_pool2d.find({}, t)(x, a);
  const Tensor got = kernels::avg_pool2d.find(gpu, t)(there(x), a);
  expect_close(want, got, tolerance(t));
  EXPECT_EQ(want.strides(), got.strides());
}

// The gradient for the pooling of `x`, from an output gradient that lies as `like`.
void check_avg_grad(const Tensor& x, const PoolAttrs& a, const Tensor& like) {
  const DType t = x.dtype();
  const Size2 input{x.size(-2), x.size(-1)};
  const Tensor want = kernels::avg_pool2d_grad.find({}, t)(like, input, a);
  const Tensor got = kernels::avg_pool2d_grad.find(gpu, t)(there(like), input, a);
  expect_close(want, got, tolerance(t));
  EXPECT_EQ(want.strides(), got.strides());
}

Tensor grad_of(const Tensor& x, const PoolAttrs& a) {
  return noise(kernels::avg_pool2d.find({}, x.dtype())(x, a).shape(), x.dtype(), 6);
}

void check(const Dims& shape, PoolAttrs a, DType t) {
  SCOPED_TRACE(fmt::format("{} kernel {},{} stride {},{} padding {},{} {}", shape, a.kernel[0],
                           a.kernel[1], a.stride[0], a.stride[1], a.padding[0], a.padding[1],
                           to_string(t)));
  const Tensor x = noise(shape, t, 5);
  for (bool include : {true, false}) {
    a.count_include_pad = include;
    check_avg(x, a);
    check_avg_grad(x, a, grad_of(x, a));
  }
  check_max(x, a);
  a.dilation = {2, 1};
  if (a.kernel[0] * 2 - 1 <= shape[shape.rank() - 2]) check_max(x, a);
}

TEST(CudaPool, WindowsOfEveryKind) {
  for (DType t : {DType::f32, DType::f64})
    for (std::int64_t channels : {1, 3, 4, 8})
      for (std::int64_t kernel : {1, 2, 3, 5})
        for (std::int64_t stride : {1, 2, 3})
          for (std::int64_t padding = 0; padding <= kernel / 2; ++padding)
            check({2, channels, 9, 7},
                  {{kernel, 2}, {stride, 1 + stride % 2}, {padding, 1}, {1, 1}}, t);
}

TEST(CudaPool, AdaptiveWindows) {
  for (DType t : {DType::f32, DType::f64})
    for (std::int64_t out : {1, 2, 3, 5, 9, 11}) {
      PoolAttrs a;
      a.adaptive = true;
      a.output = {out, 4};
      for (std::int64_t channels : {5, 16}) {
        const Tensor x = noise({2, channels, 9, 7}, t, 5);
        check_max(x, a);
        check_avg(x, a);
        check_avg_grad(x, a, grad_of(x, a));
      }
    }
}

TEST(CudaPool, TiesTakeTheFirstAndTheLastNanWins) {
  const PoolAttrs a{{2, 2}, {2, 2}};
  const float nan = std::nanf("");
  for (std::int64_t channels : {1, 8}) {
    check_max(Tensor::ones({1, channels, 4, 6}), a);
    check_max(Tensor::full({1, channels, 4, 6}, -INFINITY), a);
    const Tensor x = Tensor::from(
        {1.0f, nan, -INFINITY, -INFINITY, nan, 9.0f, -INFINITY, -INFINITY}, {1, 1, 2, 4});
    check_max(x.expand({1, channels, 2, 4}), a);
    check_max(x.to(DType::f64).expand({1, channels, 2, 4}), a);
  }
}

TEST(CudaPool, LanesAndStrides) {
  const PoolAttrs a{{3, 2}, {2, 1}, {1, 0}};
  const auto check_all = [&](const Tensor& x, const Tensor& dy) {
    check_max(x, a);
    check_avg(x, a);
    check_avg_grad(x, a, dy);
  };
  for (DType t : {DType::f32, DType::f64}) {
    const Tensor x = noise({3, 2, 8, 6, 5}, t, 5), dy = grad_of(x, a);
    check_all(x, dy);
    const auto turned = [](const Tensor& y) { return y.flip({1, 3}).clone().flip({1, 3}); };
    check_all(turned(x), turned(dy));
    const auto one_lane = [](const Tensor& y) { return y.slice(0, 1, 2).expand(y.shape()); };
    check_all(one_lane(x), one_lane(dy));
    // Channels last already, with packs and from an odd element.
    const auto last = [](const Tensor& y, std::int64_t begin) {
      Dims wide = y.shape();
      wide[2] += begin;
      Tensor view = Tensor::empty_ordered(wide, {0, 1, 3, 4, 2}, y.dtype()).slice(2, begin, {});
      view.copy_from(y);
      return view;
    };
    for (std::int64_t begin : {0, 1, 4}) check_all(last(x, begin), last(dy, begin));
  }
}

TEST(CudaPool, EmptySizes) {
  const PoolAttrs a{{2, 2}, {1, 1}};
  for (const Dims& shape : {Dims{0, 3, 4, 4}, Dims{2, 0, 4, 4}, Dims{0, 2, 3, 4, 4}}) {
    const Tensor x = Tensor::zeros(shape);
    check_max(x, a);
    check_avg(x, a);
    check_avg_grad(x, a, grad_of(x, a));
  }
}

}  // namespace
}  // namespace sonde
