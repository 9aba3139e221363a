// Random numbers: integers, and what comes of them without a library function, are the CPU's to the
// bit; normals within the last bits.
#include "tensor/kernels/random.hpp"

#include <limits>

#include "tests/cuda/both.hpp"

namespace sonde::testing {
namespace {

using kernels::RandomParams;

// Keys of three lanes, row-major or not.
Tensor some_keys(bool strided = false) {
  const Tensor keys = Tensor::from<std::int64_t>(
      {1, 2, std::numeric_limits<std::int64_t>::min(), -7, 0, 99}, {3, 2});
  return strided ? keys.transpose(0, 1).contiguous().transpose(0, 1).flip({0}) : keys;
}

const Dims shapes[] = {{3, 1}, {3, 2}, {3, 7}, {3, 1000}, {3, 1001}, {3, 4, 5}, {3, 0}};

// Calls check(CPU's draw, device's draw, its keys) for lanes together and one alone.
template <class Run, class Check>
void for_each_draw(DType dtype, Run&& run, Check&& check) {
  for (const Dims& shape : shapes)
    for (const bool strided : {false, true}) {
      const Tensor keys = some_keys(strided);
      Tensor want = Tensor::empty(shape, dtype), got = there(want);
      run(keys, want);
      run(there(keys), got);
      check(want, got);
      Dims of_one = shape;
      of_one[0] = 1;
      Tensor alone = there(Tensor::empty(of_one, dtype));
      run(there(keys.slice(0, 1, 2)), alone);
      check(want.slice(0, 1, 2), alone);
    }
}

void expect_draw(Kernel<kernels::Random>& slot, DType dtype, const RandomParams& p,
                 double tolerance) {
  for_each_draw(
      dtype, [&](const Tensor& keys, Tensor& out) { slot.find(out.device(), dtype)(keys, p, out); },
      [&](const Tensor& want, const Tensor& got) {
        if (tolerance == 0)
          expect_equal(want, got);
        else
          expect_close(want, got, tolerance);
      });
}

TEST(CudaRandom, UniformHasTheSameBits) {
  for (const DType dtype : {DType::f32, DType::f64})
    for (const RandomParams& p :
         {RandomParams{0, 1}, RandomParams{-3, 5.5}, RandomParams{1, 1 + 1e-7}})
      expect_draw(kernels::random_uniform, dtype, p, 0);
}

TEST(CudaRandom, BernoulliHasTheSameBits) {
  for (const DType dtype : {DType::f32, DType::f64, DType::boolean})
    for (const double p : {0.0, 0.3, 1.0}) expect_draw(kernels::random_bernoulli, dtype, {p}, 0);
}

TEST(CudaRandom, NormalAgrees) {
  expect_draw(kernels::random_normal, DType::f64, {-1, 3}, 1e-14);
  expect_draw(kernels::random_normal, DType::f32, {-1, 3}, 1e-7);
}

// Both sides of the mean, far into the tail, and a narrow interval.
TEST(CudaRandom, TruncatedNormalAgrees) {
  for (const RandomParams& p : {RandomParams{0, 1, -2, 2}, RandomParams{1, 2, 3, 9},
                                RandomParams{0, 1, -30, -8}, RandomParams{0, 1, 0.1, 0.2}}) {
    expect_draw(kernels::random_truncated_normal, DType::f64, p, 1e-14);
    expect_draw(kernels::random_truncated_normal, DType::f32, p, 1e-7);
  }
}

TEST(CudaRandom, IntegersAreTheSame) {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                         most = std::numeric_limits<std::int64_t>::max();
  struct Range {
    DType dtype;
    std::int64_t low, high;
  };
  for (const Range& r :
       {Range{DType::i32, -5, 6}, Range{DType::i32, 0, 1}, Range{DType::i64, 0, 10},
        Range{DType::i64, least, most}, Range{DType::i64, least / 2, most / 4 * 3}})
    for_each_draw(
        r.dtype,
        [&](const Tensor& keys, Tensor& out) {
          kernels::random_integers.find(out.device(), r.dtype)(keys, r.low, r.high, out);
        },
        expect_equal);
}

TEST(CudaRandom, PermutationIsTheSame) {
  for (const std::int64_t n : {0, 1, 2, 300, 2048, 2500})
    for (const bool strided : {false, true}) {
      const Tensor keys = some_keys(strided);
      Tensor want = Tensor::empty({3, n}, DType::i64), got = there(want);
      kernels::random_permutation.find({}, DType::i64)(keys, want);
      kernels::random_permutation.find(gpu, DType::i64)(there(keys), got);
      expect_equal(want, got);
    }
}

TEST(CudaRandom, KeysAreTheSame) {
  for (const bool strided : {false, true})
    for (const std::int64_t n : {0, 1, 5, 300}) {
      const Tensor keys = some_keys(strided);
      Tensor want = Tensor::empty({3, n, 2}, DType::i64), got = there(want);
      kernels::split_keys.find({}, DType::i64)(keys, want);
      kernels::split_keys.find(gpu, DType::i64)(there(keys), got);
      expect_equal(want, got);
    }
  const Tensor data = Tensor::from<std::int64_t>({4, 0, -3, 0, 1LL << 60, 0}, {3, 2}).select(1, 0);
  Tensor want = Tensor::empty({3, 2}, DType::i64), got = there(want);
  kernels::fold_keys.find({}, DType::i64)(some_keys(), data, want);
  kernels::fold_keys.find(gpu, DType::i64)(there(some_keys()), there(data), got);
  expect_equal(want, got);
}

TEST(CudaRandom, NoLanesNoDraws) {
  const Tensor none = there(Tensor::zeros({0, 2}, DType::i64));
  Tensor out = there(Tensor::zeros({0, 5})), order = there(Tensor::zeros({0, 5}, DType::i64));
  kernels::random_normal.find(gpu, DType::f32)(none, {}, out);
  kernels::random_permutation.find(gpu, DType::i64)(none, order);
  EXPECT_EQ(out.to(Device{}).numel(), 0);
}

}  // namespace
}  // namespace sonde::testing
