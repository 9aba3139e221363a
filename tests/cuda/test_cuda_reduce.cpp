// Reductions and running sums: the device's kernels against the CPU's.
#include <cmath>
#include <limits>

#include "tensor/kernels/reduce.hpp"
#include "tests/cuda/both.hpp"

namespace sonde::testing {
namespace {

constexpr DType all_dtypes[] = {DType::f32, DType::f64, DType::i32,
                                DType::i64, DType::u8,  DType::boolean};
constexpr Device cpu{};

using ReduceSlot = Kernel<kernels::Reduce>;

Dims without(const Dims& shape, const Dims& axes) {
  Dims rest;
  for (int i = 0; i < shape.rank(); ++i)
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) rest.push_back(shape[i]);
  return rest;
}

DType result_of(const ReduceSlot& slot, DType t) {
  if (&slot == &kernels::any || &slot == &kernels::all) return DType::boolean;
  const bool total = &slot == &kernels::sum || &slot == &kernels::prod;
  return total && !is_float(t) ? DType::i64 : t;
}

Tensor run(ReduceSlot& slot, const Tensor& x, const Dims& axes) {
  Tensor out = Tensor::empty(without(x.shape(), axes), result_of(slot, x.dtype()), x.device());
  slot.find(x.device(), x.dtype())(x, axes, out);
  return out;
}

// How much larger the sums of the absolute values are than the sums: digits that cancel.
double cancelled(const Tensor& x, const Dims& axes, const Tensor& sums) {
  std::vector<double> v = x.to_vector<double>();
  for (double& e : v) e = std::isfinite(e) ? std::abs(e) : 0;
  const Tensor absolute = Tensor::from(std::span<const double>(v), x.shape());
  return std::max(1.0, largest(run(kernels::sum, absolute, axes)) / largest(sums));
}

// Exact but for sums and products of floats, and twice the same.
void compare(ReduceSlot& slot, const Tensor& x, const Dims& axes) {
  SCOPED_TRACE(
      fmt::format("{} of {}, strides {}, over {}", slot.op(), x.spec(), x.strides(), axes));
  const Tensor on_gpu = there(x), got = run(slot, on_gpu, axes), want = run(slot, x, axes);
  double tolerance = x.dtype() == DType::f32 ? 2e-7 : 1e-14;
  if (&slot == &kernels::sum && is_float(x.dtype())) tolerance *= cancelled(x, axes, want);
  const bool rounded = is_float(x.dtype()) && (&slot == &kernels::sum || &slot == &kernels::prod ||
                                               &slot == &kernels::deviance);
  rounded ? expect_close(want, got, tolerance) : expect_equal(want, got);
  expect_equal(got.to(cpu), run(slot, on_gpu, axes));
}

// Numbers whose product neither vanishes nor overflows.
Tensor for_slot(const ReduceSlot& slot, const Dims& shape, DType dtype, std::uint64_t seed = 1) {
  const Tensor x = drawn(shape, dtype, seed);
  if (&slot != &kernels::prod || !is_float(dtype)) return x;
  std::vector<double> v = x.to_vector<double>();
  for (double& e : v) e = 1 + 0.05 * e;
  return Tensor::from(std::span<const double>(v), shape).to(dtype);
}

ReduceSlot* const general_slots[] = {&kernels::sum,  &kernels::prod, &kernels::amax,
                                     &kernels::amin, &kernels::any,  &kernels::all};

TEST(CudaReduce, EverySlotAndTypeAlongRowsAndColumns) {
  for (ReduceSlot* slot : general_slots)
    for (DType dtype : all_dtypes) {
      const Tensor x = for_slot(*slot, {5, 37, 3}, dtype);
      for (const Dims& axes : {Dims{2}, Dims{1}, Dims{0}, Dims{1, 2}, Dims{0, 2}, Dims{0, 1, 2}})
        compare(*slot, x, axes);
    }
  for (DType dtype : {DType::f32, DType::f64})
    for (const Dims& axes : {Dims{2}, Dims{1}, Dims{0}, Dims{1, 2}, Dims{0, 2}, Dims{0, 1, 2}})
      compare(kernels::deviance, drawn({5, 37, 3}, dtype), axes);
}

// A thread's block, teams of 8, 32 and 256 threads, one part and many.
TEST(CudaReduce, RowsOfEveryLength) {
  for (std::int64_t n : {1, 8, 9, 15, 16, 127, 128, 129, 500, 513, 2048, 4100, 9000}) {
    compare(kernels::sum, drawn({3, n}), {1});
    compare(kernels::sum, drawn({3, n}, DType::f64), {1});
    compare(kernels::amax, drawn({3, n}, DType::u8), {1});
    compare(kernels::deviance, drawn({3, n}), {1});
  }
  compare(kernels::sum, drawn({1100, 40}), {1});
  for (std::int64_t n : {20000, 40001}) {
    compare(kernels::sum, drawn({2, n}), {1});
    compare(kernels::sum, drawn({2, n}, DType::i32), {1});
    compare(kernels::amin, drawn({2, n}, DType::f64), {1});
    compare(kernels::deviance, drawn({2, n}, DType::f64), {1});
  }
}

TEST(CudaReduce, ColumnsOfEveryWidth) {
  for (std::int64_t inner : {2, 3, 8, 31, 32, 33, 70})
    for (std::int64_t n : {1, 5, 63, 64, 300}) {
      compare(kernels::sum, drawn({2, n, inner}), {1});
      compare(kernels::amax, drawn({2, n, inner}, DType::i64), {1});
    }
  compare(kernels::sum, drawn({5000, 4}), {0});  // many parts
  compare(kernels::deviance, drawn({3000, 5}), {0});
  compare(kernels::sum, drawn({700, 2, 2}), {1});  // many outputs
}

TEST(CudaReduce, AnyStrides) {
  const Tensor x = drawn({6, 40, 36}), row = drawn({40});
  const Dims axes[] = {{0}, {1}, {2}, {0, 1}, {1, 2}, {0, 2}, {0, 1, 2}};
  const Tensor views[] = {
      x.permute({2, 0, 1}),    // dense, kept axes out of order
      x.slice(2, 1, 35),       // gaps, an odd offset
      x.slice(1, {}, {}, 3),   // steps
      x.flip({2}),             // negative
      x.flip({0, 1}),          //
      row.expand({5, 8, 40}),  // broadcast
      row.unsqueeze(1).expand({40, 9}).unsqueeze(0),
      x.slice(0, 0, 1).expand({4, 40, 36}).permute({1, 0, 2}),
  };
  for (const Tensor& v : views)
    for (const Dims& a : axes) {
      compare(kernels::sum, v, a);
      compare(kernels::deviance, v, a);
      compare(kernels::amin, v, a);
    }
}

TEST(CudaReduce, KeptAxesAndNothingToReduce) {
  const Tensor x = drawn({4, 5, 6});
  Tensor want = Tensor::empty({4, 1, 6}), got = Tensor::empty({4, 1, 6}, DType::f32, gpu);
  kernels::sum.find(cpu, DType::f32)(x, {1}, want);
  kernels::sum.find(gpu, DType::f32)(there(x), {1}, got);
  expect_close(want, got, 1e-6);
  compare(kernels::sum, drawn({4, 1, 6}), {1});
  compare(kernels::deviance, drawn({4, 1, 6}), {1});
  compare(kernels::sum, drawn({}), {});
  compare(kernels::sum, drawn({3, 3}).transpose(0, 1), {});
}

TEST(CudaReduce, EmptyInputsGiveTheIdentity) {
  for (ReduceSlot* slot : {&kernels::sum, &kernels::prod, &kernels::any, &kernels::all})
    for (DType dtype : all_dtypes) {
      compare(*slot, drawn({3, 0}, dtype), {1});
      compare(*slot, drawn({0, 3}, dtype), {1});
    }
  compare(kernels::deviance, drawn({3, 0}), {1});
}

// Where a double and a block of floats would leave the range or lose digits.
TEST(CudaReduce, LongSumsKeepTheirDigits) {
  const std::int64_t n = 100000;
  const Tensor tenth = Tensor::full({n}, 0.1);
  const double exact = static_cast<double>(n) * static_cast<double>(0.1F);
  EXPECT_NEAR(run(kernels::sum, there(tenth), {0}).item(), exact, 1e-7 * exact);
  compare(kernels::prod,
          Tensor::from<float>(
              {1e30F, 1e30F, 1e-30F, 1e-30F, 1e30F, 1e-30F, 1, 2, 3, 1e20F, 1e-20F, 1, 1, 1, 1, 1},
              {16}),
          {0});
  compare(kernels::prod, drawn({64}, DType::i64, 4), {0});  // modulo 2^64
}

// The condition number is mean / deviation: six digits of sixteen are lost whatever the order.
TEST(CudaReduce, DevianceFarFromZero) {
  std::vector<double> far = drawn({3000}, DType::f64).to_vector<double>();
  for (double& v : far) v += 1e6;
  const Tensor x = Tensor::from(std::span<const double>(far), {3000});
  expect_close(run(kernels::deviance, x, {0}), run(kernels::deviance, there(x), {0}), 1e-10);
}

TEST(CudaReduce, NotANumberIsTheExtreme) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  for (std::int64_t at : {0, 7, 100, 299}) {
    Tensor x = drawn({2, 300});
    x.mutable_data<float>()[at] = nan;
    x.mutable_data<float>()[300 + at] = -inf;
    for (const Tensor& t : {x, x.transpose(0, 1).contiguous()}) {
      const Dims axis{t.size(0) == 2 ? 1 : 0};
      compare(kernels::amax, t, axis);
      compare(kernels::amin, t, axis);
      compare(kernels::any, t, axis);
      compare(kernels::sum, t, axis);
    }
  }
}

// --- positions

void compare_positions(const Tensor& x, int axis) {
  SCOPED_TRACE(fmt::format("{}, strides {}, axis {}", x.spec(), x.strides(), axis));
  for (auto* slot : {&kernels::argmax, &kernels::argmin}) {
    const Dims shape = without(x.shape(), {axis});
    Tensor want = Tensor::empty(shape, DType::i64), got = Tensor::empty(shape, DType::i64, gpu);
    slot->find(cpu, x.dtype())(x, axis, want);
    slot->find(gpu, x.dtype())(there(x), axis, got);
    expect_equal(want, got);
  }
}

TEST(CudaArgExtreme, FirstOfEqualValues) {
  for (DType dtype : all_dtypes)
    for (std::int64_t n : {1, 2, 9, 40, 600}) {
      compare_positions(drawn({3, n}, dtype), 1);  // small integers: many ties
      compare_positions(drawn({n, 5}, dtype), 0);
    }
  compare_positions(drawn({1, 40000}, DType::i32), 1);
  compare_positions(drawn({3000, 2}, DType::u8), 0);
  compare_positions(Tensor::full({2, 20000}, 3), 1);
  const Tensor x = drawn({7, 8, 33}, DType::i32);
  for (int axis : {0, 1, 2}) {
    compare_positions(x.permute({2, 1, 0}), axis);
    compare_positions(x.slice(2, 1, 30, 2).flip({0}), axis);
  }
}

TEST(CudaArgExtreme, FirstNotANumber) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (std::int64_t n : {40, 600, 20000}) {
    Tensor x = drawn({2, n}, DType::f64);
    for (std::int64_t at : {n / 2, n / 2 + 1, n - 1}) x.mutable_data<double>()[at] = nan;
    compare_positions(x, 1);
    compare_positions(x.transpose(0, 1).contiguous(), 0);
  }
}

// --- running sums

void compare_sums(const Tensor& x, int axis) {
  SCOPED_TRACE(fmt::format("{}, strides {}, axis {}", x.spec(), x.strides(), axis));
  const DType dtype = is_float(x.dtype()) ? x.dtype() : DType::i64;
  for (bool reverse : {false, true}) {
    auto sums = [&](const Tensor& t) {
      Tensor out = Tensor::empty(t.shape(), dtype, t.device());
      kernels::cumsum.find(t.device(), t.dtype())(t, axis, reverse, out);
      return out;
    };
    const Tensor on_gpu = there(x), got = sums(on_gpu);
    if (is_float(dtype))
      expect_close(sums(x), got, dtype == DType::f32 ? 1e-7 : 1e-14);
    else
      expect_equal(sums(x), got);
    expect_equal(got.to(cpu), sums(on_gpu));
  }
}

TEST(CudaCumsum, RowsAndColumnsOfEveryLength) {
  for (DType dtype : all_dtypes)
    for (std::int64_t n : {1, 3, 4, 130, 601}) {
      compare_sums(drawn({3, n}, dtype), 1);
      compare_sums(drawn({2, n, 3}, dtype), 1);
    }
  for (std::int64_t n : {20000, 33333}) {  // parts
    compare_sums(drawn({n}), 0);
    compare_sums(drawn({2, n}, DType::i32), 1);
    compare_sums(drawn({n / 20, 3}), 0);
  }
  compare_sums(drawn({0, 4}), 0);
  compare_sums(drawn({4, 0}), 0);
  compare_sums(drawn({5, 6, 7}).permute({2, 0, 1}), 1);
  compare_sums(drawn({4, 9}).slice(1, 1, 9), 1);
}

TEST(CudaCumsum, InfinitiesTouchOnlyWhatComesLater) {
  const float inf = std::numeric_limits<float>::infinity();
  Tensor x = drawn({3, 700});
  for (std::int64_t at : {5, 6, 300}) x.mutable_data<float>()[700 + at] = at == 300 ? -inf : inf;
  compare_sums(x, 1);
  compare_sums(x.transpose(0, 1).contiguous(), 0);
}

}  // namespace
}  // namespace sonde::testing
