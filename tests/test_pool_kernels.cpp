#include <gtest/gtest.h>

#include <cmath>

#include "tests/conv_reference.hpp"

namespace sonde {
namespace {

using reference::noise;
using reference::relative_error;

// One axis of a pooling by PyTorch's definition: the positions of window `i` inside [0, in), and
// its divisor.
struct Reach {
  std::vector<std::int64_t> positions;
  double divisor;
};

Reach reach(const PoolAttrs& a, std::size_t axis, std::int64_t in, std::int64_t out,
            std::int64_t i) {
  Reach r{{}, 0};
  if (a.adaptive) {
    const auto begin = static_cast<std::int64_t>(
        std::floor(static_cast<double>(i * in) / static_cast<double>(out)));
    const auto end = static_cast<std::int64_t>(
        std::ceil(static_cast<double>((i + 1) * in) / static_cast<double>(out)));
    for (std::int64_t h = begin; h < end; ++h) r.positions.push_back(h);
    r.divisor = static_cast<double>(end - begin);
    return r;
  }
  for (std::int64_t t = 0; t < a.kernel[axis]; ++t) {
    const std::int64_t h = i * a.stride[axis] - a.padding[axis] + t * a.dilation[axis];
    if (h >= 0 && h < in) r.positions.push_back(h);
    if (h < in + a.padding[axis]) ++r.divisor;
  }
  if (!a.count_include_pad) r.divisor = static_cast<double>(r.positions.size());
  return r;
}

Dims pooled(const Dims& x, const PoolAttrs& a) {
  Dims y = x;
  for (std::size_t i = 0; i < 2; ++i)
    y[2 + static_cast<int>(i)] = a.adaptive ? a.output[i]
                                            : (x[2 + static_cast<int>(i)] + 2 * a.padding[i] -
                                               a.dilation[i] * (a.kernel[i] - 1) - 1) /
                                                      a.stride[i] +
                                                  1;
  return y;
}

// Calls f(y index, plane offset, window rows, window columns) for every output element of a pooling
// of `x`.
template <class F>
void for_windows(const Dims& x, const PoolAttrs& a, F&& f) {
  const Dims y = pooled(x, a);
  std::size_t i = 0;
  for (std::int64_t plane = 0; plane < x[0] * x[1]; ++plane)
    for (std::int64_t p = 0; p < y[2]; ++p)
      for (std::int64_t q = 0; q < y[3]; ++q, ++i)
        f(i, plane * x[2] * x[3], reach(a, 0, x[2], y[2], p), reach(a, 1, x[3], y[3], q));
}

void check_max(const Dims& shape, const PoolAttrs& a, DType dtype) {
  const Tensor x = noise(shape, dtype, 5);
  const auto xs = x.to_vector<double>();
  const auto got = kernels::max_pool2d.find({}, dtype)(x, a);
  ASSERT_EQ(got.values.shape(), pooled(shape, a));
  const auto values = got.values.to_vector<double>();
  const auto indices = got.indices.to_vector<std::int64_t>();
  for_windows(shape, a, [&](std::size_t i, std::int64_t plane, const Reach& r, const Reach& s) {
    double best = -INFINITY;
    std::int64_t where = -1;
    for (std::int64_t h : r.positions)
      for (std::int64_t w : s.positions)
        if (const double v = xs[static_cast<std::size_t>(plane + h * shape[3] + w)]; v > best) {
          best = v;
          where = h * shape[3] + w;
        }
    EXPECT_EQ(values[i], best);
    EXPECT_EQ(indices[i], where);
  });
}

void check_avg(const Dims& shape, const PoolAttrs& a, DType dtype, double tolerance) {
  const Dims out = pooled(shape, a);
  const Tensor x = noise(shape, dtype, 5), dy = noise(out, dtype, 6);
  const auto xs = x.to_vector<double>(), gs = dy.to_vector<double>();
  std::vector<double> y(gs.size()), dx(xs.size());
  for_windows(shape, a, [&](std::size_t i, std::int64_t plane, const Reach& r, const Reach& s) {
    for (std::int64_t h : r.positions)
      for (std::int64_t w : s.positions) {
        const auto at = static_cast<std::size_t>(plane + h * shape[3] + w);
        y[i] += xs[at] / (r.divisor * s.divisor);
        dx[at] += gs[i] / (r.divisor * s.divisor);
      }
  });
  EXPECT_LE(relative_error(kernels::avg_pool2d.find({}, dtype)(x, a), y), tolerance);
  EXPECT_LE(
      relative_error(kernels::avg_pool2d_grad.find({}, dtype)(dy, {shape[2], shape[3]}, a), dx),
      tolerance);
}

TEST(PoolKernels, AgreeWithTheDefinition) {
  for (std::int64_t channels : {1, 3, 8, 16, 21})
    for (std::int64_t kernel : {1, 2, 3, 5})
      for (std::int64_t stride : {1, 2, 3})
        for (std::int64_t padding = 0; padding <= kernel / 2; ++padding) {
          const Dims shape{2, channels, 9, 7};
          PoolAttrs a{{kernel, 2}, {stride, 1 + stride % 2}, {padding, 1}, {1, 1}};
          for (bool include : {true, false}) {
            a.count_include_pad = include;
            check_avg(shape, a, DType::f64, 1e-14);
            check_avg(shape, a, DType::f32, 1e-6);
          }
          a.dilation = {2, 1};
          check_max(shape, a, DType::f32);
          check_max(shape, a, DType::f64);
        }
}

TEST(PoolKernels, AdaptiveWindowsAgreeWithTheDefinition) {
  for (std::int64_t out : {1, 2, 3, 5, 9, 11}) {
    PoolAttrs a;
    a.adaptive = true;
    a.output = {out, 4};
    check_avg({2, 17, 9, 7}, a, DType::f64, 1e-14);
    check_max({2, 17, 9, 7}, a, DType::f32);
  }
}

TEST(PoolKernels, TiesTakeTheFirstAndNansWin) {
  const PoolAttrs a{{2, 2}, {2, 2}};
  const auto pool = kernels::max_pool2d.find({}, DType::f32);
  for (std::int64_t channels : {1, 16}) {
    const Tensor ties = Tensor::ones({1, channels, 2, 4});
    EXPECT_EQ(pool(ties, a).indices.select(1, 0).to_vector<std::int64_t>(),
              (std::vector<std::int64_t>{0, 2}));
    const float nan = std::nanf("");
    const Tensor x = Tensor::from(
        {1.0f, nan, -INFINITY, -INFINITY, nan, 9.0f, -INFINITY, -INFINITY}, {1, 1, 2, 4});
    const auto y = pool(x.expand({1, channels, 2, 4}), a);
    EXPECT_EQ(y.indices.select(1, channels - 1).to_vector<std::int64_t>(),
              (std::vector<std::int64_t>{4, 2}));
    EXPECT_TRUE(std::isnan(y.values.at({0, channels - 1, 0, 0})));
    EXPECT_EQ(y.values.at({0, channels - 1, 0, 1}), -INFINITY);
  }
}

TEST(PoolKernels, LanesAndStridesAndEmptySizes) {
  const PoolAttrs a{{2, 2}, {2, 1}};
  const Tensor x = noise({3, 2, 17, 6, 5}, DType::f64, 1);
  const auto avg = kernels::avg_pool2d.find({}, DType::f64);
  const auto max = kernels::max_pool2d.find({}, DType::f64);
  const Tensor whole = avg(x, a);
  for (std::int64_t l = 0; l < 3; ++l) {
    EXPECT_EQ(avg(x.select(0, l), a).to_vector<double>(), whole.select(0, l).to_vector<double>());
    EXPECT_EQ(max(x.transpose(0, 1).select(1, l), a).values.to_vector<double>(),
              max(x, a).values.select(0, l).to_vector<double>());
  }
  EXPECT_EQ(avg(x.transpose(0, 1), a).to_vector<double>(),
            whole.transpose(0, 1).to_vector<double>());
  EXPECT_EQ(avg(x.flip({1, 4}).clone().flip({1, 4}), a).to_vector<double>(),
            whole.to_vector<double>());
  EXPECT_EQ(max(Tensor::zeros({0, 3, 4, 4}, DType::f64), a).values.shape(), (Dims{0, 3, 2, 3}));
}

}  // namespace
}  // namespace sonde
