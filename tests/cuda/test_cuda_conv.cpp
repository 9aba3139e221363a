// Convolutions on the device against their definition, and against the CPU's.
#include <gtest/gtest.h>

#include <cmath>

#include "both.hpp"
#include "tests/conv_reference.hpp"

namespace sonde {
namespace {

using reference::noise;
using reference::relative_error;
using testing::gpu;
using testing::there;

struct Case {
  std::int64_t lanes, batch, in, out, height, width, r, s;
  ConvAttrs attrs{};
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

// On the device on which the operands are.
Results run(const Operands& o, const ConvAttrs& a) {
  const DType t = o.x.dtype();
  const Device d = o.x.device();
  return {kernels::conv2d.find(d, t)(o.x, o.w, a),
          kernels::conv2d_input_grad.find(d, t)(o.dy, o.w, {o.x.size(-2), o.x.size(-1)}, a),
          kernels::conv2d_weight_grad.find(d, t)(o.x, o.dy, {o.w.size(-2), o.w.size(-1)}, a)};
}
Results run_there(const Operands& o, const ConvAttrs& a) {
  return run({there(o.x), there(o.w), there(o.dy)}, a);
}

void expect_same_bits(const Results& a, const Results& b) {
  testing::expect_equal(a.y.to(Device{}), b.y);
  testing::expect_equal(a.dx.to(Device{}), b.dx);
  testing::expect_equal(a.dw.to(Device{}), b.dw);
}

// The definition is summed in double over the operands' own values.
void check(const Case& c, DType dtype, double tolerance) {
  SCOPED_TRACE(describe(c) + " " + std::string(to_string(dtype)));
  const Operands o = operands(c, dtype);
  const reference::Convolution want = reference::convolve(o.x, o.w, o.dy, c.attrs);
  const Results got = run_there(o, c.attrs);
  EXPECT_EQ(got.y.shape(), o.dy.shape());
  EXPECT_EQ(got.dx.shape(), o.x.shape());
  EXPECT_EQ(got.dw.shape(), o.w.shape());
  EXPECT_LE(relative_error(got.y, want.y), tolerance);
  EXPECT_LE(relative_error(got.dx, want.dx), tolerance);
  EXPECT_LE(relative_error(got.dw, want.dw), tolerance);
}
void check(const Case& c) {
  check(c, DType::f64, 1e-12);
  check(c, DType::f32, 1e-5);
}

// Tiles are 8, 32, 64 and 128 channels wide; packs are 2 and 4 elements.
TEST(CudaConv, ChannelsAroundEveryTile) {
  for (std::int64_t channels : {1, 2, 3, 4, 7, 8, 9, 31, 32, 33})
    for (std::int64_t out : {1, 8, 12, 33})
      check({1, 2, channels, out, 5, 4, 3, 3, {{1, 1}, {1, 1}}});
  for (std::int64_t channels : {63, 64, 65, 127, 128, 129})
    check({1, 1, channels, 129 - channels / 2, 3, 3, 1, 2, {{1, 1}, {0, 1}}});
}

TEST(CudaConv, StridesPaddingsDilations) {
  for (std::int64_t stride : {1, 2, 3, 5})
    for (std::int64_t padding : {0, 1, 4})
      for (std::int64_t dilation : {1, 2, 3})
        for (std::int64_t kernel : {1, 2, 3}) {
          const ConvAttrs a{{stride, 1 + stride % 2}, {padding, 2}, {dilation, 1 + dilation % 2}};
          const std::int64_t reach = dilation * (kernel - 1) + 1;
          check({1, 2, 3, 5, std::max<std::int64_t>(reach, 9), 8, kernel, 3, a});
        }
  check({1, 2, 4, 8, 9, 13, 1, 5, {{4, 2}, {1, 3}, {1, 2}}});  // packs
}

TEST(CudaConv, GroupsAndLanes) {
  for (std::int64_t lanes : {1, 3})
    for (std::int64_t groups : {1, 2, 4}) {
      check({lanes, 2, 4 * groups, 6 * groups, 6, 5, 3, 3, {{1, 1}, {1, 1}, {1, 1}, groups}});
      check({lanes, 2, 3 * groups, 2 * groups, 6, 5, 3, 2, {{2, 1}, {1, 0}, {1, 2}, groups}});
    }
  check({40, 1, 8, 8, 6, 6, 3, 3, {{1, 1}, {1, 1}}});
}

TEST(CudaConv, Depthwise) {
  for (std::int64_t channels : {2, 16, 33})
    for (std::int64_t kernel : {1, 2, 3, 4, 7})
      for (std::int64_t stride : {1, 2, 3})
        check({2,
               1,
               channels,
               channels,
               11,
               10,
               kernel,
               kernel,
               {{stride, stride}, {kernel / 2, kernel / 2}, {1, 1}, channels}});
  check({1, 2, 20, 20, 11, 13, 3, 5, {{1, 2}, {2, 3}, {2, 3}, 20}});
  check({2, 2, 5, 15, 9, 12, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 5}});
  check({2, 2, 3, 12, 9, 12, 3, 2, {{2, 3}, {1, 0}, {1, 2}, 3}});
}

// Their columns count as channels, but where some are left over or the groups would mix.
TEST(CudaConv, FiltersThatStepByTheirWidth) {
  for (std::int64_t channels : {1, 3, 4}) {
    check({2, 3, channels, 19, 9, 12, 4, 3, {{4, 3}}});
    check({1, 2, channels, 5, 9, 12, 3, 4, {{2, 4}, {1, 0}, {2, 1}}});
    check({2, 2, channels, 5, 9, 13, 3, 4, {{3, 4}}});
  }
  check({1, 2, 6, 10, 8, 8, 2, 2, {{2, 2}, {0, 0}, {1, 1}, 2}});
  check({1, 2, 2, 5, 6, 8, 2, 2, {{2, 2}, {0, 0}, {1, 2}}});
  const Case shared{3, 2, 3, 4, 4, 6, 2, 3, {{2, 3}}};
  const Operands own = operands(shared, DType::f64);
  const Tensor w = own.w.slice(0, 0, 1).expand(own.w.shape());
  expect_same_bits(run_there({own.x, w, own.dy}, shared.attrs),
                   run_there({own.x, w.clone(), own.dy}, shared.attrs));
}

TEST(CudaConv, SumsInParts) {
  check({1, 1, 300, 40, 3, 4, 3, 3, {{1, 1}, {1, 1}}});             // of the output
  check({1, 30, 4, 8, 17, 19, 3, 3, {{1, 1}, {1, 1}}});             // of the weights' gradient
  check({1, 1, 8, 8, 140, 63, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 8}});  // the same, depthwise
}

// Enough pixels for every tile, some slices deep; too many for the definition.
TEST(CudaConv, LargeTiles) {
  const auto agrees = [](const Case& c, DType t, double tolerance) {
    SCOPED_TRACE(describe(c) + " " + std::string(to_string(t)));
    const Operands o = operands(c, t);
    const Results got = run_there(o, c.attrs),
                  want =
                      run({o.x.to(DType::f64), o.w.to(DType::f64), o.dy.to(DType::f64)}, c.attrs);
    EXPECT_LE(relative_error(got.y, want.y.to_vector<double>()), tolerance);
    EXPECT_LE(relative_error(got.dx, want.dx.to_vector<double>()), tolerance);
    EXPECT_LE(relative_error(got.dw, want.dw.to_vector<double>()), tolerance);
  };
  for (std::int64_t odd : {0, 1}) {
    const Case wide{1, 8, 36 + odd, 96 + odd, 50, 41, 1, 2, {{1, 1}, {0, 1}}};
    const Case tall{1, 8, 16 + odd, 32 - odd, 50, 41, 2, 1, {{1, 1}, {1, 0}}};
    for (const Case& c : {wide, tall}) {
      agrees(c, DType::f32, 1e-5);
      if (odd == 0) agrees(c, DType::f64, 1e-12);
    }
  }
}

TEST(CudaConv, SameBitsTwice) {
  for (const Case& c :
       std::initializer_list<Case>{{1, 3, 16, 24, 10, 9, 3, 3, {{1, 1}, {1, 1}}},
                                   {1, 1, 300, 40, 3, 4, 3, 3, {{1, 1}, {1, 1}}},
                                   {1, 9, 8, 8, 16, 16, 3, 3, {{2, 2}, {1, 1}, {1, 1}, 8}}}) {
    const Operands o = operands(c, DType::f32);
    expect_same_bits(run_there(o, c.attrs), run_there(o, c.attrs));
  }
}

// Where the CPU's results lie, the device's lie too.
TEST(CudaConv, AnyStridesIn) {
  const ConvAttrs a{{1, 1}, {1, 1}};
  const Case c{1, 2, 6, 4, 5, 7, 3, 3, a};
  const Operands o = operands(c, DType::f64);
  const Results want = run_there(o, a);
  Operands turned;
  for (Tensor Operands::*t : {&Operands::x, &Operands::w, &Operands::dy})
    turned.*t = (o.*t).flip({2, 3}).clone().flip({2, 3});
  expect_same_bits(run_there(turned, a), want);
  Operands last = o;
  for (Tensor Operands::*t : {&Operands::x, &Operands::w, &Operands::dy}) {
    last.*t = Tensor::empty_ordered((o.*t).shape(), {0, 1, 3, 4, 2}, DType::f64);
    (last.*t).copy_from(o.*t);
  }
  expect_same_bits(run_there(last, a), want);
  EXPECT_EQ(want.y.strides(), run(o, a).y.strides());
  EXPECT_EQ(want.dx.strides(), run(o, a).dx.strides());
  EXPECT_EQ(want.dw.strides(), run(o, a).dw.strides());
}

// An odd first element, and rows that packs could not start at.
TEST(CudaConv, UnalignedViewsOfPacks) {
  for (DType t : {DType::f32, DType::f64}) {
    const Case c{1, 2, 8, 8, 6, 5, 3, 3, {{1, 1}, {1, 1}}};
    const Operands o = operands(c, t);
    const Results want = run_there(o, c.attrs);
    Operands odd;
    for (Tensor Operands::*m : {&Operands::x, &Operands::w, &Operands::dy}) {
      Dims wide = (o.*m).shape();
      wide[2] += 3;
      Tensor whole = Tensor::empty_ordered(wide, {0, 1, 3, 4, 2}, t);
      odd.*m = whole.slice(2, 1, wide[2] - 2);
      (odd.*m).copy_from(o.*m);
    }
    expect_same_bits(run_there(odd, c.attrs), want);
  }
}

TEST(CudaConv, LanesThatShareAnOperand) {
  for (std::int64_t groups : {1, 6}) {
    const Case c{3, 2, 6, 6, 5, 7, 3, 3, {{1, 1}, {1, 1}, {1, 1}, groups}};
    const Operands own = operands(c, DType::f64);
    for (Tensor Operands::*m : {&Operands::x, &Operands::w, &Operands::dy}) {
      Operands shared = own, repeated = own;
      shared.*m = (own.*m).slice(0, 0, 1).expand((own.*m).shape());
      repeated.*m = (shared.*m).clone();
      expect_same_bits(run_there(shared, c.attrs), run_there(repeated, c.attrs));
    }
  }
}

TEST(CudaConv, WithoutLanes) {
  const Case c{1, 2, 3, 4, 5, 6, 2, 3, {{2, 1}, {1, 1}}};
  const Operands o = operands(c, DType::f64);
  const Results want = run_there(o, c.attrs),
                got = run_there({o.x.select(0, 0), o.w.select(0, 0), o.dy.select(0, 0)}, c.attrs);
  testing::expect_equal(got.y.to(Device{}), want.y.select(0, 0));
  testing::expect_equal(got.dx.to(Device{}), want.dx.select(0, 0));
  testing::expect_equal(got.dw.to(Device{}), want.dw.select(0, 0));
}

TEST(CudaConv, EmptySizes) {
  const ConvAttrs a{{1, 1}, {1, 1}};
  const auto zeros = [](const Dims& shape) { return there(Tensor::zeros(shape)); };
  const auto conv = kernels::conv2d.find(gpu, DType::f32);
  EXPECT_EQ(conv(zeros({0, 3, 4, 4}), zeros({2, 3, 3, 3}), a).shape(), (Dims{0, 2, 4, 4}));
  EXPECT_EQ(conv(zeros({2, 3, 4, 4}), zeros({0, 3, 3, 3}), a).shape(), (Dims{2, 0, 4, 4}));
  EXPECT_EQ(conv(zeros({1, 0, 4, 4}), zeros({2, 0, 3, 3}), a).to_vector<float>(),
            std::vector<float>(32, 0.0f));
  EXPECT_EQ(kernels::conv2d_input_grad
                .find(gpu, DType::f32)(zeros({1, 0, 4, 4}), zeros({0, 2, 3, 3}), {4, 4}, a)
                .to_vector<float>(),
            std::vector<float>(32, 0.0f));
  EXPECT_EQ(kernels::conv2d_weight_grad
                .find(gpu, DType::f32)(zeros({0, 3, 4, 4}), zeros({0, 2, 4, 4}), {3, 3}, a)
                .to_vector<float>(),
            std::vector<float>(54, 0.0f));
}

struct Tf32 {
  Tf32() { set_conv_tf32(true); }
  ~Tf32() { set_conv_tf32(false); }
};

// Integers that TF32 holds and f32 sums: each tile's every result is exact.
TEST(CudaConv, Tf32OfSmallIntegersIsExact) {
  const Tf32 on;
  const auto check_exactly = [](const Case& c) {
    SCOPED_TRACE(describe(c));
    Operands o = operands(c, DType::f64);
    for (Tensor Operands::*m : {&Operands::x, &Operands::w, &Operands::dy}) {
      std::vector<double> values = (o.*m).to_vector<double>();
      for (double& v : values) v = std::round(8 * v);
      o.*m = Tensor::from<double>(values, (o.*m).shape()).to(DType::f32);
    }
    const reference::Convolution want = reference::convolve(o.x, o.w, o.dy, c.attrs);
    const Results got = run_there(o, c.attrs);
    EXPECT_EQ(relative_error(got.y, want.y), 0);
    EXPECT_EQ(relative_error(got.dx, want.dx), 0);
    EXPECT_EQ(relative_error(got.dw, want.dw), 0);
  };
  check_exactly({1, 2, 16, 24, 6, 5, 3, 3, {{1, 1}, {1, 1}}});  // packs
  check_exactly({2, 2, 9, 11, 7, 6, 3, 2, {{2, 1}, {1, 0}, {1, 2}}});
  check_exactly({1, 1, 22, 26, 5, 6, 2, 2, {{1, 2}, {0, 1}, {2, 1}, 2}});
  check_exactly({1, 1, 65, 70, 4, 5, 1, 1});   // 128 x 128, of the weights' gradient
  check_exactly({128, 1, 3, 66, 2, 3, 1, 1});  // 128 x 128, of the output
}

TEST(CudaConv, Tf32OnlyWhereAskedFor) {
  ASSERT_FALSE(conv_tf32());
  const Case c{1, 2, 16, 24, 6, 5, 3, 3, {{1, 1}, {1, 1}}};
  const Operands o = operands(c, DType::f32), wide = operands(c, DType::f64);
  const reference::Convolution want = reference::convolve(o.x, o.w, o.dy, c.attrs);
  const Results plain_wide = run_there(wide, c.attrs);
  const Tf32 on;
  const Results got = run_there(o, c.attrs);
  for (const auto& [result, reference] :
       {std::pair(got.y, &want.y), std::pair(got.dx, &want.dx), std::pair(got.dw, &want.dw)}) {
    EXPECT_LE(relative_error(result, *reference), 1e-3);
    EXPECT_GE(relative_error(result, *reference), 1e-5) << "TF32 did not run";
  }
  expect_same_bits(run_there(o, c.attrs), got);
  expect_same_bits(run_there(wide, c.attrs), plain_wide);
}

// An infinity does not become a number on its way through the tensor cores.
TEST(CudaConv, Tf32KeepsInfinitiesAndNans) {
  const Tf32 on;
  Tensor x = Tensor::ones({1, 1, 16, 2, 2});
  x.mutable_data<float>()[0] = INFINITY;
  x.mutable_data<float>()[1] = std::nanf("");
  const Tensor w = Tensor::ones({1, 12, 16, 1, 1});
  const auto conv = [&](Device d, const Tensor& a, const Tensor& b) {
    return kernels::conv2d.find(d, DType::f32)(a, b, {});
  };
  testing::expect_close(conv({}, x, w), conv(gpu, there(x), there(w)), 1e-6);
}

TEST(CudaConv, ReachTooFarIsAnError) {
  const std::int64_t far = std::int64_t{1} << 29;
  const Tensor x = there(Tensor::ones({1, 1, 1, 1})), w = there(Tensor::ones({1, 1, 1, 1}));
  try {
    kernels::conv2d.find(gpu, DType::f32)(x, w, {{far, 1}, {0, 0}, {far, 1}});
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::size);
  }
}

}  // namespace
}  // namespace sonde
