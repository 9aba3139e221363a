// Sorting against the CPU's: the same order to the bit, ties and NaN included.
#include <cmath>
#include <limits>
#include <random>

#include "tensor/kernels/index.hpp"
#include "tests/cuda/both.hpp"

namespace sonde::testing {
namespace {

constexpr DType types[] = {DType::f32, DType::f64, DType::i32,
                           DType::i64, DType::u8,  DType::boolean};

// Numbers with many ties; of floats, some zeros of either sign, infinities and NaN.
Tensor with_ties(const Dims& shape, DType dtype, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  constexpr double inf = std::numeric_limits<double>::infinity();
  const double special[] = {-0.0, 0.0, inf, -inf, std::nan(""), -std::nan("")};
  std::vector<double> values(static_cast<std::size_t>(numel(shape)));
  for (double& v : values) {
    const bool odd = is_float(dtype) && random() % 4 == 0;
    v = odd ? special[random() % 6] : static_cast<double>(random() % 200) - 100;
    if (dtype == DType::u8) v = std::abs(v);
  }
  return Tensor::from(std::span<const double>(values), shape).to(dtype);
}

void expect_sort(const Tensor& x, int axis, std::int64_t k) {
  Dims shape = x.shape();
  shape[axis] = k;
  for (const bool descending : {false, true}) {
    Tensor values = Tensor::empty(shape, x.dtype()), at = Tensor::empty(shape, DType::i64);
    Tensor got_values = there(values), got_at = there(at);
    kernels::sort.find({}, x.dtype())(x, axis, descending, values, at);
    kernels::sort.find(gpu, x.dtype())(there(x), axis, descending, got_values, got_at);
    expect_equal(at, got_at);
    expect_equal(values, got_values);
  }
}

TEST(CudaSort, ShortRowsOfEveryType) {
  for (const DType dtype : types)
    for (const std::int64_t n : {1, 2, 3, 31, 32, 33, 65, 200})
      for (const std::int64_t rows : {1, 3, 17}) {
        const Tensor x = with_ties({rows, n}, dtype);
        expect_sort(x, 1, n);
        expect_sort(x, 1, (n + 1) / 2);
      }
}

TEST(CudaSort, AroundTheLongestRowOfABlock) {
  for (const DType dtype : {DType::f32, DType::f64})
    for (const std::int64_t n : {1024, 1025, 2047, 2048, 2049}) {
      const Tensor x = with_ties({2, n}, dtype);
      expect_sort(x, 1, n);
      expect_sort(x, 1, 10);
    }
}

TEST(CudaSort, LongRowsOfEveryType) {
  for (const DType dtype : types) {
    expect_sort(with_ties({3000}, dtype), 0, 3000);
    expect_sort(with_ties({5, 2500}, dtype), 1, 2500);
  }
}

TEST(CudaSort, AlongAnyAxis) {
  const Tensor x = with_ties({4, 6, 5}, DType::f32);
  for (const int axis : {0, 1, 2}) {
    expect_sort(x, axis, x.shape()[axis]);
    expect_sort(x.flip({0}).transpose(0, 2), axis, 3);
  }
  expect_sort(with_ties({2100, 2}, DType::f32), 0, 2100);
}

TEST(CudaSort, OfNothing) {
  expect_sort(Tensor::zeros({0, 3}), 1, 3);
  expect_sort(Tensor::zeros({3, 0}), 1, 0);
  expect_sort(with_ties({3, 4}, DType::f32), 1, 0);
}

// Numbers of which every bit counts: a radix sort has a pass for each eight of them.
TEST(CudaSort, OfTheWholeRangeOfIntegers) {
  for (const std::int64_t n : {100, 2100}) {
    std::mt19937_64 random(static_cast<std::uint64_t>(n));
    std::vector<std::int64_t> wide(static_cast<std::size_t>(3 * n));
    std::vector<std::int32_t> narrow(wide.size());
    for (std::size_t i = 0; i < wide.size(); ++i) {
      wide[i] = static_cast<std::int64_t>(random());
      narrow[i] = static_cast<std::int32_t>(wide[i] >> 32);
    }
    expect_sort(Tensor::from(std::span<const std::int64_t>(wide), {3, n}), 1, n);
    expect_sort(Tensor::from(std::span<const std::int32_t>(narrow), {3, n}), 1, n);
  }
}

// 2^33 elements, of which one is stored: found before anything is allocated.
TEST(CudaSort, OfMoreThanThirtyTwoBitsCount) {
  const Tensor x = there(Tensor::zeros({1, 1})).expand({1 << 21, 1 << 12});
  Tensor values = there(Tensor::zeros({1 << 21, 1}));
  Tensor at = there(Tensor::zeros({1 << 21, 1}, DType::i64));
  try {
    kernels::sort.find(gpu, DType::f32)(x, 1, false, values, at);
    ADD_FAILURE() << "sorted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::size) << e.what();
  }
}

}  // namespace
}  // namespace sonde::testing
