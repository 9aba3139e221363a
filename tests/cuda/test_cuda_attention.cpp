// Attention on the device against the CPU's kernels.
#include <limits>

#include "tensor/kernels/attention.hpp"
#include "tests/cuda/both.hpp"

namespace sonde::testing {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

double tolerance(DType t) {
  return t == DType::f32 ? 1e-5 : 1e-12;
}

struct Problem {
  Tensor q, k, v, mask;
  kernels::Attention attributes = {0.3, false};

  Tensor forward() const {
    return kernels::attention.find(q.device(), q.dtype())(q, k, v, mask, attributes);
  }
  std::array<Tensor, 4> backward(const Tensor& o, const Tensor& ct, bool mask_wanted) const {
    return kernels::attention_grad.find(q.device(), q.dtype())({q, k, v, mask, o}, ct, attributes,
                                                               mask_wanted);
  }
  Problem there() const {
    return {testing::there(q), testing::there(k), testing::there(v), testing::there(mask),
            attributes};
  }
};

// Forward and backward on both. The cotangent of the mask is one of the scores' even where the mask
// is empty or bool.
void check(const Problem& here, bool mask_wanted = true) {
  const double tol = tolerance(here.q.dtype());
  const Problem device = here.there();
  const Tensor o = here.forward();
  expect_close(o, device.forward(), tol);
  const Tensor ct = drawn(o.shape(), o.dtype(), 9);
  const auto expected = here.backward(o, ct, mask_wanted);
  const auto grads = device.backward(there(o), there(ct), mask_wanted);
  for (std::size_t i = 0; i < 3; ++i) expect_close(expected[i], grads[i], tol);
  EXPECT_EQ(static_cast<bool>(grads[3]), mask_wanted);
  if (mask_wanted) expect_close(expected[3], grads[3], tol);
}

struct Sizes {
  std::int64_t heads, queries, keys, d, e;
};

Problem random_problem(const Sizes& n, DType t, bool causal = false) {
  return {drawn({n.heads, n.queries, n.d}, t, 1),
          drawn({n.heads, n.keys, n.d}, t, 2),
          drawn({n.heads, n.keys, n.e}, t, 3),
          {},
          {0.3, causal}};
}

class CudaAttention : public ::testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(Types, CudaAttention, ::testing::Values(DType::f32, DType::f64),
                         [](const auto& p) { return std::string(to_string(p.param)); });

TEST_P(CudaAttention, Lengths) {
  for (const Sizes& n : {Sizes{1, 1, 1, 4, 4}, Sizes{2, 5, 7, 3, 4}, Sizes{1, 31, 65, 8, 8},
                         Sizes{1, 64, 63, 8, 4}, Sizes{2, 65, 64, 5, 8}, Sizes{1, 33, 129, 4, 4}})
    for (bool causal : {false, true}) check(random_problem(n, GetParam(), causal));
}

TEST_P(CudaAttention, HeadWidthsOfEveryTile) {
  for (const Sizes& n : {Sizes{1, 9, 10, 1, 1}, Sizes{1, 9, 10, 32, 31}, Sizes{1, 9, 10, 33, 64},
                         Sizes{1, 9, 10, 64, 12}, Sizes{1, 9, 10, 66, 128}})
    check(random_problem(n, GetParam()));
}

TEST_P(CudaAttention, HeadsWiderThanATile) {
  for (const Sizes& n :
       {Sizes{1, 9, 10, 130, 8}, Sizes{1, 9, 10, 8, 257}, Sizes{1, 34, 70, 129, 300}})
    check(random_problem(n, GetParam(), true));
}

TEST_P(CudaAttention, NoQueriesNoKeysNoColumns) {
  for (const Sizes& n : {Sizes{2, 0, 3, 4, 4}, Sizes{2, 3, 0, 4, 2}, Sizes{0, 3, 3, 2, 2},
                         Sizes{2, 4, 6, 0, 3}, Sizes{2, 4, 6, 3, 0}, Sizes{1, 3, 4, 0, 0}})
    for (bool mask_wanted : {false, true}) check(random_problem(n, GetParam()), mask_wanted);
}

TEST_P(CudaAttention, MasksBroadcastEveryWay) {
  const std::int64_t b = 2, h = 2, queries = 5, keys = 67;
  for (DType mask : {DType::boolean, GetParam()})
    for (const Dims& shape :
         {Dims{}, Dims{1}, Dims{keys}, Dims{queries, 1}, Dims{queries, keys}, Dims{h, 1, keys},
          Dims{b, 1, queries, keys}, Dims{b, 1, 1, keys}, Dims{b, h, queries, keys}})
      for (bool causal : {false, true})
        check({drawn({b, h, queries, 4}, GetParam(), 1),
               drawn({b, h, keys, 4}, GetParam(), 2),
               drawn({b, h, keys, 4}, GetParam(), 3),
               drawn(shape, mask, 4),
               {0.7, causal}});
}

TEST_P(CudaAttention, AQueryThatSeesNoKeyGivesZeros) {
  const DType t = GetParam();
  const Tensor q = drawn({1, 3, 4}, t, 1);
  const Tensor seen =
      Tensor::from<bool>({true, true, true, false, false, false, true, false, true}, {3, 3});
  const Tensor added = Tensor::from<double>({0, 1, 0, -inf, -inf, -inf, 0, -inf, 1}, {3, 3}).to(t);
  for (const Tensor& mask : {seen, added}) {
    const Problem p{q, q, q, mask, {1, false}};
    check(p);
    expect_equal(Tensor::zeros({1, 4}, t), p.there().forward().select(1, 1));
  }
}

TEST_P(CudaAttention, LargeScoresDoNotOverflowAndNaNIsSeen) {
  const DType t = GetParam();
  const Tensor large = Tensor::full({1, 70, 4}, 300, t);
  const Problem same{large, large, large, {}, {1, false}};
  expect_close(same.forward(), same.there().forward(), tolerance(t));
  const Tensor shifted = Tensor::full({5, 70}, -1e4, t);  // the sums are not lost beside it
  Problem p = random_problem({1, 5, 70, 4, 4}, t);
  p.mask = shifted;
  expect_close(p.forward(), p.there().forward(), tolerance(t));
  Tensor q = drawn({1, 3, 4}, t, 1);
  Tensor row = q.select(1, 1);
  row.copy_from(Tensor::full(row.shape(), std::numeric_limits<double>::quiet_NaN(), t));
  check({q, drawn({1, 6, 4}, t, 2), drawn({1, 6, 4}, t, 3), {}, {1, false}});
}

TEST_P(CudaAttention, PermutedHeadsAreReadInPlace) {
  // [B, T, 3, H, d], as one linear layer gives q, k and v; d = 6 leaves f32 rows unaligned.
  for (std::int64_t d : {8, 6}) {
    const Tensor qkv = drawn({2, 11, 3, 4, d}, GetParam(), 1);
    auto part = [&](int i) { return qkv.select(2, i).permute({0, 2, 1, 3}); };
    const Problem p{part(0), part(1), part(2), {}, {0.5, true}};
    check(p);
    EXPECT_TRUE(p.there().forward().permute({0, 2, 1, 3}).is_contiguous());
  }
}

TEST_P(CudaAttention, OtherStrides) {
  const DType t = GetParam();
  const Tensor x = drawn({2, 3, 40, 9}, t, 1);
  const Tensor reversed = x.flip({1, 2}), offset = x.slice(3, 1, 9);
  check({offset, offset.flip({2}), offset, {}, {0.5, true}});
  check({reversed, x, reversed, {}, {0.5, false}});
  const Tensor one = drawn({1, 1, 40, 9}, t, 2).expand({2, 3, 40, 9});  // shared by all heads
  check({x, one, one, drawn({40, 40}, t, 3).transpose(0, 1), {0.5, false}});
}

TEST_P(CudaAttention, SameBitsEachTime) {
  const Problem p = random_problem({2, 70, 80, 20, 12}, GetParam(), true).there();
  const Tensor ct = there(drawn({2, 70, 12}, GetParam(), 4));
  const Tensor o = p.forward();
  const auto grads = p.backward(o, ct, true);
  for (int i = 0; i < 3; ++i) {
    expect_equal(o.to(Device{}), p.forward());
    const auto again = p.backward(o, ct, true);
    for (std::size_t g = 0; g < 4; ++g) expect_equal(grads[g].to(Device{}), again[g]);
  }
}

}  // namespace
}  // namespace sonde::testing
