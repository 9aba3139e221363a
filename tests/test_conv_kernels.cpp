#include <gtest/gtest.h>

#include <cmath>

#include "tensor/parallel.hpp"
#include "tests/conv_reference.hpp"

namespace sonde {
namespace {

using reference::noise;
using reference::relative_error;

struct Case {
  std::int64_t lanes, batch, in, out, height, width, r, s;
  ConvAttrs attrs;
};

std::string describe(const Case& c) {
  const ConvAttrs& a = c.attrs;
  return fmt::format(
      "L{} N{} C{} K{} {}x{} kernel {}x{} stride {},{} padding {},{} dilation {},{} groups {}",
      c.lanes, c.batch, c.in, c.out, c.height, c.width, c.r, c.s, a.stride[0], a.stride[1],
      a.padding[0], a.padding[1], a.dilation[0], a.dilation[1], a.groups);
}

struct Operands {
  Tensor x, w, dy;
};

Operands operands(const Case& c, DType dtype) {
  const std::int64_t p = reference::out_size(c.height, c.r, c.attrs, 0);
  const std::int64_t q = reference::out_size(c.width, c.s, c.attrs, 1);
  return {noise({c.lanes, c.batch, c.in, c.height, c.width}, dtype, 1),
          noise({c.lanes, c.out, c.in / c.attrs.groups, c.r, c.s}, dtype, 2),
          noise({c.lanes, c.batch, c.out, p, q}, dtype, 3)};
}

struct Results {
  Tensor y, dx, dw;
};

Results run(const Operands& o, const ConvAttrs& a) {
  const DType t = o.x.dtype();
  return {kernels::conv2d.find({}, t)(o.x, o.w, a),
          kernels::conv2d_input_grad.find({}, t)(o.dy, o.w, {o.x.size(-2), o.x.size(-1)}, a),
          kernels::conv2d_weight_grad.find({}, t)(o.x, o.dy, {o.w.size(-2), o.w.size(-1)}, a)};
}

void check(const Case& c, DType dtype, double tolerance) {
  SCOPED_TRACE(describe(c) + " " + std::string(to_string(dtype)));
  const Operands o = operands(c, dtype);
  const reference::Convolution want = reference::convolve(o.x, o.w, o.dy, c.attrs);
  const Results got = run(o, c.attrs);
  EXPECT_EQ(got.y.shape(), o.dy.shape());
  EXPECT_EQ(got.dx.shape(), o.x.shape());
  EXPECT_EQ(got.dw.shape(), o.w.shape());
  EXPECT_LE(relative_error(got.y, want.y), tolerance);
  EXPECT_LE(relative_error(got.dx, want.dx), tolerance);
  EXPECT_LE(relative_error(got.dw, want.dw), tolerance);
}

// Without Winograd.
void check_exactly(const Case& c) {
  set_conv_winograd(false);
  check(c, DType::f64, 1e-13);
  check(c, DType::f32, 5e-6);
  set_conv_winograd(true);
}

TEST(ConvKernels, ChannelsAroundEveryVectorWidth) {
  for (std::int64_t channels : {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 47, 48, 64, 70})
    for (std::int64_t out : {1, 3, 16, 65}) {
      check_exactly({1, 2, channels, out, 5, 4, 3, 3, {{1, 1}, {1, 1}}});
      check_exactly({1, 1, out, channels, 3, 7, 1, 2, {{2, 1}, {0, 1}}});
    }
}

TEST(ConvKernels, StridesPaddingsDilations) {
  for (std::int64_t stride : {1, 2, 3, 5})
    for (std::int64_t padding : {0, 1, 4})
      for (std::int64_t dilation : {1, 2, 3})
        for (std::int64_t kernel : {1, 2, 3, 5}) {
          const ConvAttrs a{{stride, 1 + stride % 2}, {padding, 2}, {dilation, 1 + dilation % 2}};
          const std::int64_t reach = dilation * (kernel - 1) + 1;
          check_exactly({1, 2, 3, 5, std::max<std::int64_t>(reach, 9), 8, kernel, 3, a});
        }
}

TEST(ConvKernels, GroupsAndLanes) {
  for (std::int64_t lanes : {1, 3})
    for (std::int64_t groups : {1, 2, 4}) {
      check_exactly(
          {lanes, 2, 4 * groups, 6 * groups, 6, 5, 3, 3, {{1, 1}, {1, 1}, {1, 1}, groups}});
      check_exactly({lanes, 2, groups, 3 * groups, 6, 5, 3, 2, {{2, 1}, {1, 0}, {1, 2}, groups}});
    }
  check_exactly({40, 1, 8, 8, 6, 6, 3, 3, {{1, 1}, {1, 1}}});
}

TEST(ConvKernels, Depthwise) {
  for (std::int64_t channels : {2, 15, 16, 19, 40})
    for (std::int64_t kernel : {1, 2, 3, 4, 5, 7, 9})
      for (std::int64_t stride : {1, 2, 3})
        check_exactly({2,
                       2,
                       channels,
                       channels,
                       11,
                       10,
                       kernel,
                       kernel,
                       {{stride, stride}, {kernel / 2, kernel / 2}, {1, 1}, channels}});
  check_exactly({1, 2, 20, 20, 11, 13, 3, 3, {{1, 2}, {2, 3}, {2, 3}, 20}});
  check_exactly({1, 8, 64, 64, 64, 65, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 64}});  // past the caches
}

// Their gradients are products of matrices: with rows and columns left over behind the last patch,
// and with groups, where they are not.
TEST(ConvKernels, PatchesAndPixels) {
  for (std::int64_t channels : {1, 3, 15}) {
    check_exactly({2, 3, channels, 19, 18, 14, 4, 3, {{4, 3}}});
    check_exactly({1, 9, channels, 20, 21, 22, 2, 2, {{2, 2}}});
  }
  check_exactly({1, 2, 6, 10, 9, 8, 2, 2, {{2, 2}, {0, 0}, {1, 1}, 2}});
  check_exactly({2, 3, 37, 70, 13, 9, 1, 1, {}});
  check_exactly({1, 3, 20, 34, 7, 5, 1, 1, {{1, 1}, {0, 0}, {1, 1}, 2}});
}

TEST(ConvKernels, LargerThanOneBlock) {
  check_exactly({1, 9, 20, 70, 17, 19, 3, 3, {{1, 1}, {1, 1}}});
  check_exactly({1, 6, 33, 35, 20, 21, 3, 3, {{2, 2}, {1, 1}}});
}

// Errors grow with the transforms' constants: near 1e-5 of the largest result instead of 3e-7.
TEST(ConvKernels, WinogradIsAccurate) {
  for (const Case& c : std::initializer_list<Case>{{1, 4, 64, 64, 28, 28, 3, 3, {{1, 1}, {1, 1}}},
                                                   {1, 3, 17, 33, 13, 15, 3, 3, {{1, 1}, {0, 2}}},
                                                   {1, 4, 16, 80, 14, 11, 3, 3, {{1, 1}, {2, 3}}},
                                                   {3, 2, 24, 16, 12, 9, 3, 3, {{1, 1}, {1, 1}}},
                                                   {1, 8, 128, 48, 7, 7, 3, 3, {{1, 1}, {1, 1}}}}) {
    check(c, DType::f32, 2e-5);
    const Operands o = operands(c, DType::f32);
    const Results fast = run(o, c.attrs);
    set_conv_winograd(false);
    const Results plain = run(o, c.attrs);
    set_conv_winograd(true);
    EXPECT_NE(fast.y.to_vector<float>(), plain.y.to_vector<float>())
        << "Winograd did not run: " << describe(c);
    EXPECT_NE(fast.dw.to_vector<float>(), plain.dw.to_vector<float>())
        << "Winograd did not run: " << describe(c);
  }
}

TEST(ConvKernels, SameBitsForAnyThreadCount) {
  const Case cases[] = {{1, 16, 32, 48, 20, 20, 3, 3, {{1, 1}, {1, 1}}},
                        {1, 16, 32, 48, 20, 20, 3, 3, {{2, 2}, {1, 1}}},
                        {1, 8, 96, 96, 20, 20, 5, 5, {{1, 1}, {2, 2}, {1, 1}, 96}},
                        {1, 40, 3, 96, 32, 32, 4, 4, {{4, 4}}},
                        {1, 16, 48, 64, 20, 20, 1, 1, {}},
                        {32, 1, 16, 16, 14, 14, 3, 3, {{1, 1}, {1, 1}}}};
  const int before = threads();
  for (const Case& c : cases) {
    const Operands o = operands(c, DType::f32);
    set_threads(1);
    const Results one = run(o, c.attrs);
    for (int t : {2, 3}) {
      set_threads(t);
      const Results many = run(o, c.attrs);
      EXPECT_EQ(many.y.to_vector<float>(), one.y.to_vector<float>()) << describe(c);
      EXPECT_EQ(many.dx.to_vector<float>(), one.dx.to_vector<float>()) << describe(c);
      EXPECT_EQ(many.dw.to_vector<float>(), one.dw.to_vector<float>()) << describe(c);
    }
  }
  set_threads(before);
}

TEST(ConvKernels, AnyStridesIn) {
  const ConvAttrs a{{1, 1}, {1, 1}};
  const Tensor x = noise({2, 6, 5, 7}, DType::f64, 1), w = noise({4, 6, 3, 3}, DType::f64, 2);
  const auto conv = kernels::conv2d.find({}, DType::f64);
  const auto want = conv(x, w, a).to_vector<double>();
  Tensor last = Tensor::empty_ordered(x.shape(), {0, 2, 3, 1}, DType::f64);
  last.copy_from(x);
  EXPECT_EQ(conv(last, w, a).to_vector<double>(), want);
  const Tensor flipped = last.flip({2}).clone().flip({2}),
               turned = w.flip({0, 2}).clone().flip({0, 2});
  EXPECT_EQ(conv(flipped, turned, a).to_vector<double>(), want);
  const Tensor one = x.select(0, 0).unsqueeze(0), wide = one.expand({3, 6, 5, 7});
  const auto single = conv(one, w, a).to_vector<double>(),
             triple = conv(wide, w, a).to_vector<double>();
  for (std::size_t i = 0; i < triple.size(); ++i) EXPECT_EQ(triple[i], single[i % single.size()]);
  EXPECT_EQ(conv(last, w, a).strides()[1], 1) << "results are channels last";
}

TEST(ConvKernels, EmptySizes) {
  const ConvAttrs a{{1, 1}, {1, 1}};
  const auto conv = kernels::conv2d.find({}, DType::f32);
  EXPECT_EQ(conv(Tensor::zeros({0, 3, 4, 4}), Tensor::zeros({2, 3, 3, 3}), a).shape(),
            (Dims{0, 2, 4, 4}));
  EXPECT_EQ(conv(Tensor::zeros({2, 3, 4, 4}), Tensor::zeros({0, 3, 3, 3}), a).shape(),
            (Dims{2, 0, 4, 4}));
  const auto none = conv(Tensor::zeros({1, 0, 4, 4}), Tensor::zeros({2, 0, 3, 3}), a);
  EXPECT_EQ(none.to_vector<float>(), std::vector<float>(32, 0.0f));
  const auto grad = kernels::conv2d_weight_grad.find({}, DType::f32)(
      Tensor::zeros({0, 3, 4, 4}), Tensor::zeros({0, 2, 4, 4}), {3, 3}, a);
  EXPECT_EQ(grad.to_vector<float>(), std::vector<float>(54, 0.0f));
}

}  // namespace
}  // namespace sonde
