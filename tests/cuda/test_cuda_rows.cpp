// Softmax, cross-entropy and normalisation: the device's kernels against the CPU's.
#include <cmath>
#include <limits>

#include "tensor/backend.hpp"
#include "tensor/kernels/softmax_norm.hpp"
#include "tests/cuda/both.hpp"

namespace sonde::testing {
namespace {

constexpr Device cpu{};
constexpr DType floats[] = {DType::f32, DType::f64};
constexpr float inf = std::numeric_limits<float>::infinity();

// Lengths around the kinds of rows: a few lanes, a warp, a block, in memory; in vectors or not.
constexpr std::int64_t lengths[] = {1,   2,   7,    8,    32,   33,   64,   65,   100,
                                    512, 513, 1024, 1030, 4096, 4097, 8192, 9000, 9001};

double tolerance(DType t) {
  return t == DType::f32 ? 2e-6 : 1e-14;
}

// Close, and with the same axes innermost. `terms`: the magnitude of what the elements are sums of,
// where that may be more than theirs.
void expect_alike(const Tensor& want, const Tensor& got, double at_most, double terms = 0) {
  ASSERT_EQ(static_cast<bool>(want), static_cast<bool>(got));
  if (!want) return;
  EXPECT_EQ(want.strides(), got.strides());
  expect_close(want, got, at_most * std::max(1.0, terms / largest(want)));
}

// --- softmax

using SoftmaxSlot = Kernel<kernels::Softmax>;
using SoftmaxGradSlot = Kernel<kernels::SoftmaxGrad>;

void compare_softmax(const Tensor& x, int axis) {
  const Tensor ct = drawn(x.shape(), x.dtype(), 9);
  const std::pair<SoftmaxSlot*, SoftmaxGradSlot*> pairs[] = {
      {&kernels::softmax, &kernels::softmax_grad},
      {&kernels::log_softmax, &kernels::log_softmax_grad}};
  for (const auto& [forward, backward] : pairs) {
    SCOPED_TRACE(
        fmt::format("{} of {}, strides {}, axis {}", forward->op(), x.spec(), x.strides(), axis));
    const Tensor x_there = there(x), ct_there = there(ct);
    const Tensor y = forward->find(cpu, x.dtype())(x, axis);
    const Tensor y_there = forward->find(gpu, x.dtype())(x_there, axis);
    expect_alike(y, y_there, tolerance(x.dtype()));
    expect_equal(y_there.to(cpu), forward->find(gpu, x.dtype())(x_there, axis));
    const Tensor saved = there(y), g = backward->find(gpu, x.dtype())(saved, ct_there, axis);
    expect_alike(backward->find(cpu, x.dtype())(y, ct, axis), g, 4 * tolerance(x.dtype()));
    expect_equal(g.to(cpu), backward->find(gpu, x.dtype())(saved, ct_there, axis));
  }
}

TEST(CudaSoftmax, RowsOfEveryLength) {
  for (DType dtype : floats)
    for (std::int64_t n : lengths) compare_softmax(drawn({3, n}, dtype, 1), 1);
  compare_softmax(drawn({300, 10}), 1);  // more rows than a block has teams
  compare_softmax(drawn({40, 100}), 1);
}

TEST(CudaSoftmax, AnyAxisAndStrides) {
  const Tensor x = drawn({3, 5, 4, 6});
  for (int axis : {0, 1, 2, 3}) {
    compare_softmax(x, axis);
    compare_softmax(x.permute({0, 2, 3, 1}), axis);
    compare_softmax(x.slice(3, 1, 5).flip({2}), axis);
    compare_softmax(x.slice(1, 0, 1).expand({3, 7, 4, 6}), axis);
  }
  compare_softmax(drawn({65}).slice(0, 1, {}), 0);  // 64 elements, an odd offset
  compare_softmax(drawn({3, 0}), 1);
  compare_softmax(drawn({0, 3}), 1);
}

TEST(CudaSoftmax, InfinitiesAndNotANumber) {
  for (std::int64_t n : {10, 100, 2000, 9000}) {
    Tensor x = drawn({5, n});
    auto* p = x.mutable_data<float>();
    for (std::int64_t i = 0; i < n; ++i) {
      if (i % 3 != 1) p[i] = -inf;  // masked
      p[n + i] = -inf;              // nothing left
    }
    p[2 * n + n / 2] = std::numeric_limits<float>::quiet_NaN();
    p[3 * n + n - 1] = inf;
    p[4 * n] = 1e30F;
    compare_softmax(x, 1);
  }
}

// --- cross-entropy

Tensor targets_for(const Dims& shape, std::int64_t classes, std::int64_t ignored) {
  Tensor target = Tensor::empty(shape, DType::i64);
  auto* t = target.data<std::int64_t>();
  for (std::int64_t i = 0; i < target.numel(); ++i) t[i] = i % 5 == 3 ? ignored : i * 7 % classes;
  return target;
}

void compare_cross_entropy(const Tensor& x, const kernels::CrossEntropy& a) {
  SCOPED_TRACE(fmt::format("{}, strides {}, axis {}, smoothing {}", x.spec(), x.strides(), a.axis,
                           a.label_smoothing));
  Dims rest = x.shape();
  rest.erase(a.axis);
  const DType t = x.dtype();
  const Tensor target = targets_for(rest, x.size(a.axis), a.ignore_index), ct = drawn(rest, t, 5);
  const auto want = kernels::cross_entropy.find(cpu, t)(x, target, a);
  const auto got = kernels::cross_entropy.find(gpu, t)(there(x), there(target), a);
  for (int i : {0, 1, 2}) expect_alike(want[i], got[i], tolerance(t));
  const auto gradient = [&](Device device, bool here) {
    auto at = [&](const Tensor& v) { return here ? v : there(v); };
    return kernels::cross_entropy_grad.find(device, t)(at(x), at(target), at(want[1]), at(ct), a);
  };
  const Tensor g = gradient(gpu, false);
  expect_alike(gradient(cpu, true), g, tolerance(t));
  expect_equal(g.to(cpu), gradient(gpu, false));
}

TEST(CudaCrossEntropy, RowsOfEveryLength) {
  for (DType dtype : floats)
    for (std::int64_t n : lengths)
      for (double smoothing : {0.0, 0.1})
        compare_cross_entropy(drawn({5, n}, dtype), {1, -100, smoothing});
  compare_cross_entropy(drawn({5, 10}), {1, 2, 0.2});  // a class is ignored
  compare_cross_entropy(drawn({5, 10}), {1, -100, 0.2, false});
  compare_cross_entropy(drawn({300, 10}), {});
}

TEST(CudaCrossEntropy, AnyAxisAndStrides) {
  const Tensor x = drawn({3, 5, 4, 6});
  for (int axis : {0, 1, 2, 3}) {
    compare_cross_entropy(x, {axis});
    compare_cross_entropy(x.permute({0, 3, 1, 2}), {axis});
    compare_cross_entropy(x.slice(3, 1, 5).flip({0}), {axis});
  }
  compare_cross_entropy(drawn({0, 4}), {});
}

TEST(CudaCrossEntropy, ATargetOutsideTheClassesIsAnErrorWhenTheHostWaits) {
  const Tensor x = drawn({4, 3});
  const kernels::CrossEntropy a{};
  for (std::int64_t bad : {std::int64_t{3}, std::int64_t{-1}, INT64_MIN, INT64_MAX}) {
    const Tensor target = there(Tensor::from<std::int64_t>({0, 1, bad, -100}, {4}));
    const auto out = kernels::cross_entropy.find(gpu, DType::f32)(there(x), target, a);
    auto expect_error = [&](std::string_view name) {
      try {
        synchronize(gpu);
        ADD_FAILURE() << "no error for " << bad;
      } catch (const Error& e) {
        EXPECT_EQ(e.code(), ErrorCode::value);
        const std::string text = e.what();
        EXPECT_NE(text.find(fmt::format("target {} at position 2", bad)), std::string::npos)
            << text;
        EXPECT_NE(text.find(name), std::string::npos) << text;
      }
    };
    expect_error("cross_entropy");
    for (int i : {0, 2}) EXPECT_EQ(out[i].at({2}), 0);
    EXPECT_EQ(out[2].at({1}), 1);
    const Tensor ct = there(drawn({4}));
    const Tensor g =
        kernels::cross_entropy_grad.find(gpu, DType::f32)(there(x), target, out[1], ct, a);
    expect_error("cross_entropy");
    for (std::int64_t k : {0, 1, 2}) EXPECT_EQ(g.at({2, k}), 0);
    synchronize(gpu);  // told once
  }
}

// --- normalisation

struct Norm {
  Tensor x, weight, bias, ct;
  kernels::Normalize attributes{};
};

Norm drawn_norm(const Dims& s, DType t, bool lanes_own_parameters = false) {
  const Dims parameters{lanes_own_parameters ? s[0] : 1, s[3], s[4]};
  const Dims lanes{s[0], s[3], s[4]};
  return {drawn(s, t, 1), drawn(parameters, t, 2).expand(lanes),
          drawn(parameters, t, 3).expand(lanes), drawn(s, t, 4)};
}

void compare_backward(const kernels::NormalizeSaved& saved, const Norm& n) {
  const DType t = n.x.dtype();
  const kernels::NormalizeSaved on_gpu{there(saved.x), there(saved.weight), there(saved.mean),
                                       there(saved.rstd)};
  const double ct = largest(n.ct), weight = saved.weight ? largest(saved.weight) : 1;
  const double terms[] = {largest(saved.rstd) * ct * weight, ct, ct};
  for (bool parameters : {true, false}) {
    const auto backward = kernels::normalize_grad.find(gpu, t);
    const auto want = kernels::normalize_grad.find(cpu, t)(saved, n.ct, n.attributes, parameters);
    const auto got = backward(on_gpu, there(n.ct), n.attributes, parameters);
    for (int i : {0, 1, 2}) expect_alike(want[i], got[i], 4 * tolerance(t), terms[i]);
    const auto again = backward(on_gpu, there(n.ct), n.attributes, parameters);
    for (int i : {0, 1, 2})
      if (got[i]) expect_equal(got[i].to(cpu), again[i]);
  }
}

void compare_norm(const Norm& n) {
  SCOPED_TRACE(
      fmt::format("{}, strides {}, center {}", n.x.spec(), n.x.strides(), n.attributes.center));
  const DType t = n.x.dtype();
  const auto want = kernels::normalize.find(cpu, t)(n.x, n.weight, n.bias, n.attributes);
  const Tensor x = there(n.x), weight = there(n.weight), bias = there(n.bias);
  const auto got = kernels::normalize.find(gpu, t)(x, weight, bias, n.attributes);
  const auto again = kernels::normalize.find(gpu, t)(x, weight, bias, n.attributes);
  for (int i : {0, 1, 2}) {
    expect_alike(want[i], got[i], tolerance(t), i == 1 ? largest(n.x) : 0);
    expect_equal(got[i].to(cpu), again[i]);
  }
  compare_backward({n.x, n.weight, want[1], want[2]}, n);
  if (n.weight) compare_backward({n.x, {}, {}, want[2]}, n);  // x is the normalised value
}

void compare_norms(Norm n) {
  for (bool center : {true, false}) {
    n.attributes.center = center;
    compare_norm(n);
    compare_norm({n.x, {}, {}, n.ct, n.attributes});
    compare_norm({n.x, n.weight, {}, n.ct, n.attributes});
  }
}

TEST(CudaNormalize, RowsOfEveryLength) {
  for (DType t : floats)
    for (std::int64_t n : lengths) compare_norm(drawn_norm({1, 3, 1, 1, n}, t));
  for (DType t : floats) compare_norms(drawn_norm({1, 40, 1, 1, 36}, t));
  compare_norm(drawn_norm({1, 700, 1, 1, 12}, DType::f32));  // parts of columns
  compare_norm(drawn_norm({2, 3, 1, 4, 5}, DType::f32, true));
  compare_norm(drawn_norm({2, 3, 1, 4, 8}, DType::f64, false));
}

TEST(CudaNormalize, BatchNormOfChannelsLastImages) {
  for (DType t : floats)
    for (std::int64_t channels : {1, 3, 4, 16, 31, 130}) {
      compare_norm(drawn_norm({1, 1, 50, channels, 1}, t));
      compare_norm(drawn_norm({2, 1, 130, channels, 1}, t, true));
    }
  compare_norms(drawn_norm({1, 1, 3000, 8, 1}, DType::f32));
  compare_norms(drawn_norm({1, 1, 3001, 3, 1}, DType::f64));
}

TEST(CudaNormalize, GroupNorm) {
  for (DType t : floats)
    for (const Dims& s : {Dims{1, 3, 20, 4, 2}, Dims{1, 4, 70, 2, 16}, Dims{2, 2, 9, 3, 5},
                          Dims{1, 2, 33, 1, 40}, Dims{1, 5, 16, 1, 1}})
      compare_norms(drawn_norm(s, t, s[0] > 1));
}

TEST(CudaNormalize, StridesAndEmptyTensors) {
  Norm n = drawn_norm({1, 1, 50, 8, 1}, DType::f32);
  n.ct = n.ct.slice(2, 0, 1).expand(n.x.shape());
  compare_norm(n);
  n.x = drawn({1, 1, 8, 50, 1}).permute({0, 1, 3, 2, 4});
  compare_norm(n);
  Norm rows = drawn_norm({1, 6, 1, 1, 64}, DType::f32);
  rows.weight = drawn({1, 1, 65}).slice(2, 1, {});  // an odd offset
  compare_norm(rows);
  for (const Dims& s : {Dims{1, 0, 1, 1, 4}, Dims{1, 3, 1, 1, 0}, Dims{1, 3, 0, 2, 4},
                        Dims{1, 3, 5, 2, 0}, Dims{1, 0, 5, 2, 3}, Dims{2, 1, 0, 3, 1}})
    compare_norm(drawn_norm(s, DType::f32));
}

// A mean of 1e4: the deviations have lost four of seven digits before the kernel sees them, and the
// kernels must not lose more.
TEST(CudaNormalize, NumbersFarFromZero) {
  for (const Dims& s : {Dims{1, 4, 1, 1, 600}, Dims{1, 1, 600, 4, 1}}) {
    std::vector<double> v = drawn(s, DType::f64).to_vector<double>();
    for (double& e : v) e += 1e4;
    const Tensor x = Tensor::from(std::span<const double>(v), s).to(DType::f32);
    const auto exact =
        kernels::normalize.find(cpu, DType::f64)(x.to(DType::f64), {}, {}, {0, true});
    const auto got = kernels::normalize.find(gpu, DType::f32)(there(x), {}, {}, {0, true});
    expect_close(exact[0].to(DType::f32), got[0], 4e-4);  // half a unit of the mean is 5e-4
    expect_close(exact[2].to(DType::f32), got[2], 1e-5);
  }
}

}  // namespace
}  // namespace sonde::testing
