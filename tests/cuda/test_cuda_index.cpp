// gather, scatter_add, take, take_add and one_hot against the CPU's: sums in the same order, so all
// of them to the bit.
#include <functional>
#include <random>

#include "tensor/error.hpp"
#include "tensor/kernels/index.hpp"
#include "tests/cuda/both.hpp"

namespace sonde::testing {
namespace {

Tensor indices(const Dims& shape, std::int64_t n, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::vector<std::int64_t> values(static_cast<std::size_t>(numel(shape)));
  for (std::int64_t& v : values)
    v = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
  return Tensor::from(std::span<const std::int64_t>(values), shape);
}

// The same elements, where strides are neither row-major nor all positive.
Tensor scrambled(const Tensor& t) {
  if (t.rank() < 2) return t.flip({0}).contiguous().flip({0});
  return t.transpose(0, -1).flip({0}).contiguous().flip({0}).transpose(0, -1);
}

// The same elements, one element behind the beginning of their memory.
Tensor shifted(const Tensor& t) {
  Tensor room = Tensor::zeros({t.numel() + 1}, t.dtype());
  Tensor out = room.as_strided(t.shape(), contiguous_strides(t.shape()), 1);
  out.copy_from(t);
  return out;
}

// A copy of its memory, so that strides and offsets stay.
Tensor twin(const Tensor& t) {
  const Tensor memory = t.as_strided({t.storage().bytes() / size_of(t.dtype())}, {1}, 0);
  return memory.clone().as_strided(t.shape(), t.strides(), t.offset());
}

constexpr DType all_types[] = {DType::f32, DType::f64,     DType::i32, DType::i64,
                               DType::u8,  DType::boolean, DType::f16, DType::bf16};
constexpr DType sum_types[] = {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8};

struct Case {
  Dims x, index;
  int axis;
};

void expect_gather(const Tensor& x, const Tensor& index, int axis) {
  Tensor want = Tensor::empty(index.shape(), x.dtype()), got = there(want);
  kernels::gather.find({}, x.dtype())(x, index, axis, want);
  kernels::gather.find(gpu, x.dtype())(there(x), there(index), axis, got);
  expect_equal(want, got);
}

TEST(CudaGather, EveryShapeTypeAndStride) {
  const Case cases[] = {{{5}, {7}, 0},
                        {{4, 6}, {4, 3}, 1},
                        {{4, 6}, {9, 6}, 0},
                        {{3, 4, 5}, {2, 7, 4}, 1},
                        {{3, 4, 200}, {3, 2, 150}, 1},
                        {{3, 4, 5}, {3, 4, 9}, 2},
                        {{3, 4}, {3, 0}, 1},
                        {{3, 0, 2}, {0, 5, 2}, 1},
                        {{2, 3, 4, 5}, {2, 3, 4, 1}, 3},
                        {{1}, {1}, 0},
                        {{70, 33}, {65, 33}, 0}};
  for (const Case& c : cases)
    for (const bool strided : {false, true})
      for (const DType dtype : all_types) {
        const Tensor x = drawn(c.x, dtype), index = indices(c.index, c.x[c.axis]);
        expect_gather(strided ? scrambled(x) : x, strided ? scrambled(index) : index, c.axis);
      }
  const Tensor x = drawn({40, 30});
  expect_gather(x, indices({1, 30}, 40).expand({25, 30}), 0);
  expect_gather(drawn({30}).expand({40, 30}), indices({25, 30}, 40), 0);
}

void expect_scatter(const Tensor& index, const Tensor& src, int axis, const Tensor& out) {
  Tensor want = twin(out), got = there(out), again = there(out);
  kernels::scatter_add.find({}, out.dtype())(index, src, axis, want);
  kernels::scatter_add.find(gpu, out.dtype())(there(index), there(src), axis, got);
  expect_equal(want, got);
  kernels::scatter_add.find(gpu, out.dtype())(there(index), there(src), axis, again);
  expect_equal(got.to(Device{}), again);
}

TEST(CudaScatterAdd, EveryShapeTypeAndStride) {
  const Case cases[] = {{{5}, {7}, 0},
                        {{4, 6}, {4, 3}, 1},
                        {{4, 6}, {9, 6}, 0},
                        {{3, 4, 5}, {2, 7, 4}, 1},
                        {{3, 4, 20}, {3, 2, 15}, 1},
                        {{3, 4, 5}, {3, 4, 9}, 2},
                        {{3, 4}, {3, 0}, 1},
                        {{3, 0, 2}, {0, 5, 2}, 1},
                        {{50}, {64}, 0},
                        {{50}, {65}, 0},
                        {{3, 300}, {3, 70}, 1},
                        {{300, 3}, {70, 3}, 0},
                        {{3, 7, 2}, {2, 100, 2}, 1}};
  for (const Case& c : cases)
    for (const bool strided : {false, true})
      for (const DType dtype : sum_types) {
        const Tensor index = indices(c.index, c.x[c.axis]), src = drawn(c.index, dtype);
        const Tensor out = drawn(c.x, dtype, 2);
        if (strided)
          expect_scatter(scrambled(index), scrambled(src), c.axis, scrambled(out));
        else
          expect_scatter(index, src, c.axis, out);
      }
}

// Runs of one place around the limits at which a thread, then its warp, takes over.
TEST(CudaScatterAdd, LongRuns) {
  for (const std::int64_t run : {15, 16, 17, 47, 48, 49, 200})
    for (const DType dtype : sum_types) {
      const std::int64_t n = 3 * run + 5;
      std::vector<std::int64_t> at(static_cast<std::size_t>(n), 3);
      for (std::size_t i = 0; i < at.size(); i += 3) at[i] = static_cast<std::int64_t>(i % 2);
      const Tensor index = Tensor::from(std::span<const std::int64_t>(at), {n});
      expect_scatter(index, drawn({n}, dtype), 0, drawn({4}, dtype, 3));
    }
}

Dims taken_shape(const Dims& x, const Dims& index, int axis, bool lanes) {
  Dims out;
  for (int i = 0; i < axis; ++i) out.push_back(x[i]);
  for (int i = lanes ? 1 : 0; i < index.rank(); ++i) out.push_back(index[i]);
  for (int i = axis + 1; i < x.rank(); ++i) out.push_back(x[i]);
  return out;
}

struct TakeCase {
  Dims x, index;
  int axis;
  bool lanes = false;
};
const TakeCase take_cases[] = {
    {{5}, {7}, 0},
    {{5, 3}, {2, 4}, 0},
    {{4, 6, 3}, {5}, 1},
    {{4, 6}, {3, 2}, 1},
    {{4, 6}, {}, 1},
    {{50, 16}, {100}, 0},
    {{50, 15}, {100}, 0},
    {{2, 10, 12}, {70}, 1},
    {{3, 5, 2}, {0}, 1},
    {{3, 6, 8}, {3, 4}, 1, true},
    {{3, 2, 6, 8}, {3, 70}, 2, true},
    {{3, 9, 5}, {3, 65}, 1, true},
    {{2, 6}, {2, 3, 2}, 1, true},
    {{0, 4, 2}, {3}, 1},
};

void expect_take(const TakeCase& c, const Tensor& x, const Tensor& index) {
  Tensor want = Tensor::empty(taken_shape(c.x, c.index, c.axis, c.lanes), x.dtype());
  Tensor got = there(want);
  kernels::take.find({}, x.dtype())(x, index, c.axis, c.lanes, want);
  kernels::take.find(gpu, x.dtype())(there(x), there(index), c.axis, c.lanes, got);
  expect_equal(want, got);
}

TEST(CudaTake, EveryShapeTypeAndAlignment) {
  for (const TakeCase& c : take_cases)
    for (const DType dtype : all_types) {
      const Tensor x = drawn(c.x, dtype), index = indices(c.index, c.x[c.axis]);
      expect_take(c, x, index);
      expect_take(c, shifted(x), shifted(index));
    }
}

TEST(CudaTake, ViewsAreCopiedFirst) {
  for (const TakeCase& c : take_cases)
    if (c.index.rank() > 0)
      expect_take(c, scrambled(drawn(c.x)), scrambled(indices(c.index, c.x[c.axis])));
}

void expect_take_add(const TakeCase& c, const Tensor& index, const Tensor& src, const Tensor& out) {
  Tensor want = twin(out), got = there(out), again = there(out);
  kernels::take_add.find({}, out.dtype())(index, src, c.axis, c.lanes, want);
  kernels::take_add.find(gpu, out.dtype())(there(index), there(src), c.axis, c.lanes, got);
  expect_equal(want, got);
  kernels::take_add.find(gpu, out.dtype())(there(index), there(src), c.axis, c.lanes, again);
  expect_equal(got.to(Device{}), again);
}

TEST(CudaTakeAdd, EveryShapeTypeAndAlignment) {
  for (const TakeCase& c : take_cases)
    for (const DType dtype : sum_types) {
      const Tensor index = indices(c.index, c.x[c.axis]), out = drawn(c.x, dtype, 2);
      const Tensor src = drawn(taken_shape(c.x, c.index, c.axis, c.lanes), dtype, 3);
      expect_take_add(c, index, src, out);
      expect_take_add(c, shifted(index), shifted(src), shifted(out));
    }
}

TEST(CudaTakeAdd, RunsOfEveryLength) {
  for (const std::int64_t run : {1, 7, 8, 9, 16, 90}) {
    const std::int64_t n = run + 70;
    const TakeCase c{{5, 8}, {n}, 0};
    std::vector<std::int64_t> at(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < at.size(); ++i) at[i] = i < 70 ? static_cast<int>(i % 2) : 4;
    const Tensor index = Tensor::from(std::span<const std::int64_t>(at), {n});
    expect_take_add(c, index, drawn({n, 8}), drawn({5, 8}, DType::f32, 1));
  }
}

TEST(CudaOneHot, EveryTypeAndSize) {
  constexpr DType types[] = {DType::f32, DType::f64, DType::i32,
                             DType::i64, DType::u8,  DType::boolean};
  for (const DType dtype : types)
    for (const Dims& shape : {Dims{}, {1}, {7}, {3, 16}, {0}})
      for (const std::int64_t n : {1, 2, 5, 16, 33}) {
        const Tensor index = indices(shape, n);
        Dims with_classes = shape;
        with_classes.push_back(n);
        Tensor want = Tensor::empty(with_classes, dtype), got = there(want);
        kernels::one_hot.find({}, dtype)(index, want);
        kernels::one_hot.find(gpu, dtype)(there(index), got);
        expect_equal(want, got);
      }
}

// Runs a call with a bad index, and expects its words when the host waits; then that all is well.
void expect_fault(const std::function<void()>& call, const std::string& words) {
  call();
  try {
    (void)Tensor::zeros({1}, DType::f32).to(gpu).to(Device{});
    ADD_FAILURE() << "nothing thrown; wanted: " << words;
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::axis);
    EXPECT_NE(std::string(e.what()).find(words), std::string::npos) << e.what();
  }
  EXPECT_EQ(Tensor::ones({1}, DType::f32).to(gpu).to(Device{}).item(), 1);
}

// Memory beside a tensor is the neighbours'; bad indices of either sign must not touch it.
TEST(CudaIndexFaults, AreToldAtTheNextWaitAndReadAndWriteNothing) {
  const Tensor bad = there(Tensor::from<std::int64_t>({1, 0, 4, -1}, {2, 2}));
  Tensor x = there(drawn({4, 2})), out = there(Tensor::zeros({2, 2}));
  expect_fault([&] { kernels::gather.find(gpu, DType::f32)(x, bad, 0, out); },
               "gather: index 4 at position 2 (row-major) is outside [0, 4)");
  EXPECT_EQ(out.to(Device{}).at({1, 0}), 0);
  EXPECT_EQ(out.to(Device{}).at({1, 1}), 0);
  expect_fault([&] { kernels::scatter_add.find(gpu, DType::f32)(bad, out, 0, x); },
               "scatter_add: index 4 at position 2 (row-major) is outside [0, 4)");
  Tensor taken = there(Tensor::zeros({2, 2, 2}));
  expect_fault([&] { kernels::take.find(gpu, DType::f32)(x, bad, 0, false, taken); },
               "take: index 4 at position 2 (row-major) is outside [0, 4)");
  expect_fault([&] { kernels::take_add.find(gpu, DType::f32)(bad, taken, 0, false, x); },
               "take_add: index 4 at position 2 (row-major) is outside [0, 4)");
  Tensor classes = there(Tensor::zeros({2, 2, 4}));
  expect_fault([&] { kernels::one_hot.find(gpu, DType::f32)(bad, classes); },
               "one_hot: index 4 at position 2 (row-major) is outside [0, 4)");
}

TEST(CudaIndexFaults, OfSortedSumsToo) {
  Tensor at = indices({2, 100}, 5);
  at.mutable_data<std::int64_t>()[130] = 5;
  Tensor out = there(drawn({2, 5, 8}));
  const Tensor before = out.to(Device{});
  Tensor src = there(Tensor::zeros({2, 100, 8}));
  expect_fault([&] { kernels::take_add.find(gpu, DType::f32)(there(at), src, 1, true, out); },
               "take_add: index 5 at position 130 (row-major) is outside [0, 5)");
  expect_equal(before, out);
  Tensor flat = there(drawn({2, 5})), flat_src = there(Tensor::zeros({2, 100}));
  expect_fault([&] { kernels::scatter_add.find(gpu, DType::f32)(there(at), flat_src, 1, flat); },
               "scatter_add: index 5 at position 130 (row-major) is outside [0, 5)");
}

TEST(CudaIndexFaults, WithoutElementsTheIndexIsStillLookedAt) {
  const Tensor bad = there(Tensor::from<std::int64_t>({0, 3}, {2}));
  Tensor x = there(Tensor::zeros({3, 0})), none = there(Tensor::zeros({2, 0}));
  expect_fault([&] { kernels::take.find(gpu, DType::f32)(x, bad, 0, false, none); },
               "take: index 3 at position 1 (row-major) is outside [0, 3)");
  expect_fault([&] { kernels::take_add.find(gpu, DType::f32)(bad, none, 0, false, x); },
               "take_add: index 3 at position 1 (row-major) is outside [0, 3)");
  expect_fault([&] { kernels::one_hot.find(gpu, DType::f32)(bad, none); },
               "one_hot: index 0 at position 0 (row-major) is outside [0, 0)");
}

}  // namespace
}  // namespace sonde::testing
