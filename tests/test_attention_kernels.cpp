// Fused attention against plain loops in double.
#include <gtest/gtest.h>

#include "tensor/allocator.hpp"
#include "tensor/kernels/attention.hpp"
#include "tests/row_reference.hpp"

namespace sonde {
namespace {

using test::expect_close;
using test::random_tensor;
using test::tolerance;
using Values = std::vector<double>;
constexpr double inf = std::numeric_limits<double>::infinity();
const Device cpu{};

struct Naive {
  Values o, dq, dk, dv, dmask;
};

// q [H,T,d], k [H,S,d], v [H,S,e]; mask [H,T,S] of what is added to the scores.
Naive naive_attention(const Tensor& q, const Tensor& k, const Tensor& v, const Values& mask,
                      const Tensor& ct, double scale) {
  const std::int64_t heads = q.size(0), queries = q.size(1), keys = k.size(1), d = q.size(2),
                     e = v.size(2);
  const Values a = q.to_vector<double>(), b = k.to_vector<double>(), c = v.to_vector<double>();
  const Values g = ct.to_vector<double>();
  Naive out{Values(g.size(), 0), Values(a.size(), 0), Values(b.size(), 0), Values(c.size(), 0),
            Values(mask.size(), 0)};
  for (std::int64_t h = 0; h < heads; ++h)
    for (std::int64_t t = 0; t < queries; ++t) {
      const std::int64_t row = h * queries + t;
      Values p(keys), dp(keys, 0);
      double sum = 0, dot = 0;
      for (std::int64_t s = 0; s < keys; ++s) {
        double score = 0;
        for (std::int64_t i = 0; i < d; ++i) score += a[row * d + i] * b[(h * keys + s) * d + i];
        p[s] = std::exp(scale * score + mask[row * keys + s]);
        sum += p[s];
      }
      for (std::int64_t s = 0; s < keys; ++s) {
        p[s] = sum > 0 ? p[s] / sum : 0;
        for (std::int64_t i = 0; i < e; ++i) {
          out.o[row * e + i] += p[s] * c[(h * keys + s) * e + i];
          out.dv[(h * keys + s) * e + i] += p[s] * g[row * e + i];
          dp[s] += g[row * e + i] * c[(h * keys + s) * e + i];
        }
        dot += p[s] * dp[s];
      }
      for (std::int64_t s = 0; s < keys; ++s) out.dmask[row * keys + s] = p[s] * (dp[s] - dot);
      for (std::int64_t s = 0; s < keys; ++s)
        for (std::int64_t i = 0; i < d; ++i) {
          const double ds = scale * p[s] * (dp[s] - dot);
          out.dq[row * d + i] += ds * b[(h * keys + s) * d + i];
          out.dk[(h * keys + s) * d + i] += ds * a[row * d + i];
        }
    }
  return out;
}

Values full_mask(const Tensor& mask, const Dims& shape, bool causal) {
  Values m(numel(shape), 0);
  if (mask) m = mask.expand(shape).to_vector<double>();
  if (mask && mask.dtype() == DType::boolean)
    for (double& v : m) v = v != 0 ? 0 : -inf;
  for (std::size_t i = 0; causal && i < m.size(); ++i)
    if (static_cast<std::int64_t>(i) % shape[2] >
        static_cast<std::int64_t>(i) / shape[2] % shape[1])
      m[i] = -inf;
  return m;
}

Tensor random_bool(const Dims& shape, unsigned seed) {
  const Tensor x = random_tensor(shape, DType::f64, seed, 0.5);
  std::vector<double> v = x.to_vector<double>();
  for (double& e : v) e = e > 0;
  return Tensor::from<double>(std::span<const double>(v), shape).to(DType::boolean);
}

void check(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, bool causal,
           double tol) {
  const DType t = q.dtype();
  const kernels::Attention attributes{0.3, causal};
  const Tensor ct = random_tensor({q.size(0), q.size(1), v.size(2)}, t, 9);
  const Naive expected = naive_attention(
      q, k, v, full_mask(mask, {q.size(0), q.size(1), k.size(1)}, causal), ct, attributes.scale);
  const Tensor o = kernels::attention.find(cpu, t)(q, k, v, mask, attributes);
  expect_close(o, expected.o, tol);
  const auto grads = kernels::attention_grad.find(cpu, t)({q, k, v, mask, o}, ct, attributes, true);
  expect_close(grads[3], expected.dmask, tol);
  expect_close(grads[0], expected.dq, tol);
  expect_close(grads[1], expected.dk, tol);
  expect_close(grads[2], expected.dv, tol);
}

TEST(Attention, SizesAndMasksAgreeWithLoops) {
  for (DType t : {DType::f32, DType::f64})
    for (const Dims& s :
         {Dims{1, 1, 1, 1, 1}, Dims{2, 5, 7, 3, 4}, Dims{3, 17, 17, 16, 16}, Dims{1, 130, 65, 8, 5},
          Dims{2, 97, 200, 9, 1}, Dims{2, 3, 0, 4, 2}, Dims{0, 3, 3, 2, 2}, Dims{2, 4, 6, 0, 3}}) {
      const Tensor q = random_tensor({s[0], s[1], s[3]}, t, 1),
                   k = random_tensor({s[0], s[2], s[3]}, t, 2);
      const Tensor v = random_tensor({s[0], s[2], s[4]}, t, 3);
      for (const Tensor& mask :
           {Tensor(), random_bool({s[1], s[2]}, 4), random_bool({s[0], 1, s[2]}, 5),
            random_tensor({s[0], s[1], s[2]}, t, 6), random_tensor({1}, t, 7)})
        for (bool causal : {false, true}) check(q, k, v, mask, causal, tolerance(t));
    }
}

TEST(Attention, StridedHeadsNeedNoCopy) {
  // [B, T, 3, H, d], as one linear layer gives q, k and v.
  const Tensor qkv = random_tensor({2, 11, 3, 4, 8}, DType::f64, 1);
  auto part = [&](int i) { return qkv.select(2, i).permute({0, 2, 1, 3}); };
  const auto attention = kernels::attention.find(cpu, DType::f64);
  const Tensor o = attention(part(0), part(1), part(2), {}, {0.5, true});
  expect_close(
      o,
      attention(part(0).contiguous(), part(1).contiguous(), part(2).contiguous(), {}, {0.5, true}),
      1e-14);
  EXPECT_TRUE(o.permute({0, 2, 1, 3}).is_contiguous());
  const Tensor odd = part(0).flip({3});
  check(odd.select(0, 0), part(1).select(0, 0).flip({1}), part(2).select(0, 1), {}, false, 1e-12);
  const Tensor columns = random_tensor({2, 8, 130}, DType::f64, 4).permute({0, 2, 1});
  check(columns, columns, columns, {}, true, 1e-12);
}

TEST(Attention, AQueryThatSeesNoKeyGivesZeros) {
  const Tensor q = random_tensor({1, 3, 4}, DType::f32, 1);
  const Tensor mask =
      Tensor::from<bool>({true, true, true, false, false, false, true, false, true}, {3, 3});
  const Tensor o = kernels::attention.find(cpu, DType::f32)(q, q, q, mask, {1, false});
  expect_close(o.select(1, 1), Values(4, 0), 0);
  const auto grads =
      kernels::attention_grad.find(cpu, DType::f32)({q, q, q, mask, o}, q, {1, false}, true);
  expect_close(grads[0].select(1, 1), Values(4, 0), 0);
  for (const Tensor& g : grads)
    for (double x : g.to_vector<double>()) EXPECT_TRUE(std::isfinite(x));
}

TEST(Attention, LargeScoresDoNotOverflowAndNaNIsSeen) {
  Tensor q = Tensor::full({1, 2, 4}, 300, DType::f32);
  const auto attention = kernels::attention.find(cpu, DType::f32);
  expect_close(attention(q, q, q, {}, {1, false}), Values(8, 300), 1e-6);
  *q.mutable_data<float>() = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(attention(q, q, Tensor::ones({1, 2, 4}), {}, {1, false}).at({0, 0, 0})));
}

TEST(Attention, MemoryIsLinearInTheLength) {
  auto peak = [](std::int64_t length) {
    const Tensor q = random_tensor({1, length, 8}, DType::f32, 1);
    reset_peak_bytes();
    const std::int64_t before = current_bytes();
    const Tensor o = kernels::attention.find(cpu, DType::f32)(q, q, q, {}, {1, false});
    kernels::attention_grad.find(cpu, DType::f32)({q, q, q, {}, o}, q, {1, false}, false);
    return peak_bytes() - before;
  };
  const int before = threads();
  set_threads(1);  // each task has its own block of scores
  EXPECT_LT(peak(6144), 5 * peak(1536));
  set_threads(before);
}

TEST(Attention, SameBitsForAnyThreads) {
  const Tensor q = random_tensor({3, 400, 16}, DType::f32, 1),
               k = random_tensor({3, 300, 16}, DType::f32, 2);
  const Tensor ct = random_tensor({3, 400, 16}, DType::f32, 3);
  for (int i = 0; i < 3; ++i)
    test::expect_same_for_any_threads([&] {
      const Tensor o = kernels::attention.find(cpu, DType::f32)(q, k, k, {}, {0.25, false});
      return kernels::attention_grad.find(cpu, DType::f32)({q, k, k, {}, o}, ct, {0.25, false},
                                                           false)[i];
    });
}

}  // namespace
}  // namespace sonde
