// copy on the device against the CPU's: every pair of types, all kinds of strides, numbers of the
// host.
#include <cmath>
#include <cstring>
#include <limits>

#include "tensor/cuda/elementwise_plan.hpp"
#include "tensor/kernels/elementwise.hpp"
#include "tests/cuda/both.hpp"

namespace sonde::testing {
namespace {

constexpr DType all_dtypes[] = {DType::f32, DType::f64,     DType::i32, DType::i64,
                                DType::u8,  DType::boolean, DType::f16, DType::bf16};

void run(const Tensor& in, Tensor out) {
  kernels::copy.find(out.device(), in.dtype())(std::span(&in, 1), out, nullptr);
}

// Copies to `out`, as it lies, on both devices; the storages agree, gaps included.
void expect_same_copy(const Tensor& in, const Tensor& out) {
  Tensor whole = out.as_strided({out.storage().bytes() / size_of(out.dtype())}, {1}, 0);
  const Tensor on_gpu = there(whole);
  run(there(in), on_gpu.as_strided(out.shape(), out.strides(), out.offset()));
  run(in, out);
  expect_equal(whole, on_gpu);
}

// Floats of which some are out of the range of every integer, others between two 16-bit floats.
Tensor wild(const Dims& shape, DType dtype) {
  const Tensor t = drawn(shape, DType::f64, 3);
  const double inf = std::numeric_limits<double>::infinity();
  const double special[] = {0.0,    -0.0,         inf,           -inf,     std::nan(""), 1e300,
                            -1e300, 2147483648.0, -2147483649.0, 255.5,    256,          -0.5,
                            -1,     0x1p63,       -0x1p63,       0x1p-149, 0x1p-24,      65519,
                            65520,  0x1p-1074,    0x1.8p-25,     3.4e38,   1e39,         -7.9};
  auto* v = t.data<double>();
  for (std::size_t i = 0; i < std::size(special) && static_cast<std::int64_t>(i) < t.numel(); ++i)
    v[i] = special[i];
  return is_float(dtype) ? t.to(dtype) : drawn(shape, dtype, 3);
}

TEST(CudaCopy, EveryPairOfTypes) {
  for (DType from : all_dtypes)
    for (DType to : all_dtypes)
      for (std::int64_t n : {0, 1, 15, 33, 2051})
        expect_same_copy(wild({n}, from), Tensor::zeros({n}, to));
}

TEST(CudaCopy, AllSixteenBitFloats) {
  std::vector<std::uint16_t> bits(65536);
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<std::uint16_t>(i);
  for (DType from : {DType::f16, DType::bf16}) {
    const Tensor t = Tensor::empty({65536}, from);
    std::memcpy(t.bytes(), bits.data(), 2 * bits.size());
    const Tensor wide = Tensor::zeros({65536}, DType::f32);
    expect_same_copy(t, wide);
    expect_same_copy(wide, Tensor::zeros({65536}, from));
    // Halfway to the next, and next to halfway: where rounding decides.
    for (float part : {0.5F, 0.4999F, 0.5001F}) {
      const Tensor between = wide.clone();
      auto* v = between.data<float>();
      for (std::size_t i = 0; i + 1 < bits.size(); ++i) v[i] += (v[i + 1] - v[i]) * part;
      expect_same_copy(between, Tensor::zeros({65536}, from));
    }
  }
}

// Views of shape [9, 67, 5] of larger tensors.
std::vector<Tensor> views(DType t) {
  const auto draw = [&](const Dims& s) { return drawn(s, t, 7); };
  return {draw({9, 67, 5}),
          draw({67, 9, 5}).transpose(0, 1),
          draw({5, 67, 9}).permute({2, 1, 0}),
          draw({9, 5, 67}).transpose(1, 2),
          draw({9, 67, 5}).flip({2}),
          draw({9, 67, 5}).flip({0, 1, 2}),
          draw({9, 67, 11}).slice(2, 1, std::nullopt, 2),
          draw({11, 67, 5}).slice(0, 1, 10),
          draw({9, 1, 5}).expand({9, 67, 5}),
          draw({67, 1}).expand({9, 67, 5}),
          draw({5}).expand({9, 67, 5}),
          draw({}).expand({9, 67, 5})};
}

TEST(CudaCopy, AnyStridesOnBothSides) {
  for (DType t : {DType::u8, DType::f16, DType::f32, DType::i64})
    for (const Tensor& in : views(t))
      for (std::size_t out = 0; out < 8; ++out) expect_same_copy(in, views(t)[out]);
}

TEST(CudaCopy, ConvertsFromAnyStrides) {
  for (const Tensor& in : views(DType::f32))
    for (std::size_t out = 0; out < 8; ++out) expect_same_copy(in, views(DType::f16)[out]);
}

TEST(CudaCopy, TransposesBatchesAroundTileEdges) {
  for (DType t : {DType::u8, DType::bf16, DType::f32, DType::f64})
    for (std::int64_t n : {8, 31, 32, 33, 65})
      for (std::int64_t m : {8, 32, 70}) {
        const Tensor in = drawn({2, n, 3, m}, t, 5);
        expect_same_copy(in.permute({0, 3, 2, 1}), Tensor::zeros({2, m, 3, n}, t));
        expect_same_copy(in.permute({2, 3, 1, 0}), Tensor::zeros({3, m, n, 2}, t));
      }
}

TEST(CudaCopy, MoreTilesThanBlocks) {
  const std::int64_t n = cuda::most_blocks + 200;
  expect_same_copy(drawn({n, 8, 9}, DType::i32).transpose(1, 2),
                   Tensor::zeros({n, 9, 8}, DType::i32));
}

TEST(CudaCopy, UnalignedRows) {
  for (DType t : {DType::u8, DType::f16, DType::f32, DType::f64})
    for (std::int64_t start : {0, 1, 2, 3, 4, 8})
      for (std::int64_t n : {1, 7, 64, 1000}) {
        expect_same_copy(drawn({1024}, t).slice(0, start, start + n), Tensor::zeros({n}, t));
        expect_same_copy(drawn({1024}, DType::i32).slice(0, start, start + n),
                         Tensor::zeros({1024}, t).slice(0, start, start + n));
        expect_same_copy(drawn({4, 1022}, t).slice(1, start, start + n),
                         Tensor::zeros({4, 1022}, t).slice(1, start, start + n));
        expect_same_copy(drawn({4, 1024}, t).slice(1, start, start + n),
                         Tensor::zeros({4, 1024}, t).slice(1, start, start + n));
      }
}

TEST(CudaCopy, NumbersOfTheHostFill) {
  for (DType t : all_dtypes)
    for (double value : {0.0, 1.0, -2.75, 300.0, std::nan("")}) {
      expect_equal(Tensor::full({5, 7}, value, t), Tensor::full({5, 7}, value, t, gpu));
      expect_equal(Tensor::full({}, value, t), Tensor::full({}, value, t, gpu));
      expect_equal(Tensor::full({3, 0}, value, t), Tensor::full({3, 0}, value, t, gpu));
      const Tensor there_too = Tensor::zeros({9, 67, 5}, t, gpu);
      run(Tensor::scalar(value, DType::f32), there_too.slice(2, 1, 4));
      const Tensor want = Tensor::zeros({9, 67, 5}, t);
      run(Tensor::scalar(value, DType::f32), want.slice(2, 1, 4));
      expect_equal(want, there_too);
    }
}

TEST(CudaCopy, LargeConversionsOfTransposesGoByTiles) {
  const Tensor in = drawn({300, 260}, DType::f64, 2);
  expect_same_copy(in.transpose(0, 1), Tensor::zeros({260, 300}, DType::f32));
}

// --- what may be read in vectors

TEST(CudaElementwisePlan, PacksAreWholeAndAligned) {
  const auto packs = [](const Tensor& t, int width) {
    return cuda::has_packs(walk_of({}, t), 0, width);
  };
  const auto zeros = [](const Dims& s) { return Tensor::zeros(s, DType::f32); };
  EXPECT_TRUE(packs(zeros({64}), 4));
  EXPECT_FALSE(packs(zeros({63}), 4));
  EXPECT_FALSE(packs(zeros({68}).slice(0, 1, 65), 4));  // where it begins
  EXPECT_TRUE(packs(zeros({3, 68}).slice(1, 4, 68), 4));
  EXPECT_FALSE(packs(zeros({3, 66}).slice(1, 0, 64), 4));  // where its second row begins
  EXPECT_TRUE(packs(zeros({3, 66}).slice(1, 0, 64), 2));
  EXPECT_FALSE(packs(zeros({128}).slice(0, 0, 128, 2), 4));
  EXPECT_FALSE(packs(zeros({64}).flip({0}), 4));
}

// --- what cuts a walk that 31 bits cannot number

TEST(CudaElementwisePlan, PartsCoverTheWalkOnce) {
  const Tensor in = Tensor::zeros({7, 1, 50}, DType::i32),
               out = Tensor::zeros({7, 9, 50}, DType::i32);
  const Walk walk = walk_of(std::span(&in, 1), out);
  for (std::int64_t most : {1, 5, 13, 100, 100000}) {
    std::vector<int> seen(static_cast<std::size_t>(out.numel()));
    for (const Walk& part : cuda::cut(walk, 4, most)) {
      const cuda::StridedPlan<2> plan(part, 4);
      EXPECT_LE(plan.packs, most);
      EXPECT_EQ(part.stride, walk.stride);
      std::int64_t rows = 1;
      for (int i = 1; i < part.rank; ++i) rows *= part.size[i];
      for (std::int64_t row = 0; row < rows; ++row) {
        std::int64_t offset = part.base[0] - walk.base[0], rest = row;
        for (int i = 1; i < part.rank; ++i) {
          offset += rest % part.size[i] * part.stride[i][0];
          rest /= part.size[i];
        }
        for (std::int64_t i = 0; i < part.size[0]; ++i)
          ++seen[static_cast<std::size_t>(offset / 4 + i)];
      }
    }
    EXPECT_EQ(seen, std::vector<int>(seen.size(), 1)) << most;
  }
}

TEST(CudaElementwisePlan, DivisionByMultiplicationIsExact) {
  for (std::uint32_t d : {1U, 2U, 3U, 7U, 10U, 641U, 65535U, 65536U, 65537U, 1U << 30, 2147483647U})
    for (std::uint32_t n : {0U, 1U, 2U, 6U, 9U, 640U, 641U, 65534U, 65535U, 65536U, 2147483646U,
                            2147483647U, d - 1, d, 2 * (d / 2), 123456789U}) {
      std::uint32_t rest = n;
      EXPECT_EQ(cuda::Divider(d).split(rest), n % d) << n << " by " << d;
      EXPECT_EQ(rest, n / d) << n << " by " << d;
    }
}

}  // namespace
}  // namespace sonde::testing
