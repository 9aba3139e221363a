// Every elementwise slot of the device against the CPU's, over all types and kinds of operands.
#include <cmath>
#include <limits>

#include "tensor/cuda/elementwise_plan.hpp"
#include "tensor/kernels/elementwise.hpp"
#include "tests/cuda/both.hpp"

namespace sonde::testing {
namespace {

namespace k = kernels;
using Slot = Kernel<kernels::Elementwise>;

constexpr DType floats[] = {DType::f32, DType::f64};
constexpr DType integers[] = {DType::i32, DType::i64, DType::u8};
constexpr DType computing[] = {DType::f32, DType::f64, DType::i32,
                               DType::i64, DType::u8,  DType::boolean};

struct Op {
  Slot* slot;
  int arity;
  std::vector<double> params = {};
  double scale = 0;  ///< errors are relative to this where results are smaller
};

const std::vector<Op> exact_on_all_numbers = {{&k::neg, 1},     {&k::abs, 1},      {&k::sign, 1},
                                              {&k::square, 1},  {&k::add, 2},      {&k::sub, 2},
                                              {&k::mul, 2},     {&k::fmod, 2},     {&k::maximum, 2},
                                              {&k::minimum, 2}, {&k::remainder, 2}};
const std::vector<Op> exact_on_floats = {{&k::sqrt, 1},
                                         {&k::rsqrt, 1},
                                         {&k::reciprocal, 1},
                                         {&k::floor, 1},
                                         {&k::ceil, 1},
                                         {&k::round, 1},
                                         {&k::trunc, 1},
                                         {&k::div, 2},
                                         {&k::relu, 1},
                                         {&k::leaky_relu, 1, {0.1}},
                                         {&k::clamp, 1, {-0.5, 0.75}},
                                         {&k::relu_backward, 2},
                                         {&k::leaky_relu_backward, 2, {0.1}},
                                         {&k::clamp_backward, 2, {-0.5, 0.75}}};
const std::vector<Op> rounded = {{&k::exp, 1},
                                 {&k::expm1, 1},
                                 {&k::log, 1},
                                 {&k::log1p, 1},
                                 {&k::sin, 1},
                                 {&k::cos, 1},
                                 {&k::tan, 1},
                                 {&k::tanh, 1},
                                 {&k::sinh, 1},
                                 {&k::cosh, 1},
                                 {&k::asin, 1},
                                 {&k::acos, 1},
                                 {&k::atan, 1},
                                 {&k::erf, 1},
                                 {&k::erfc, 1},
                                 {&k::sigmoid, 1},
                                 {&k::elu, 1, {1.5}},
                                 {&k::gelu, 1, {}, 4},
                                 {&k::gelu_tanh, 1, {}, 1},
                                 {&k::silu, 1},
                                 {&k::softplus, 1, {2, 3}},
                                 {&k::pow, 2},
                                 {&k::atan2, 2},
                                 {&k::tanh_backward, 2, {}, 4},
                                 {&k::sigmoid_backward, 2, {}, 4},
                                 {&k::elu_backward, 2, {1.5}},
                                 {&k::gelu_backward, 2, {}, 4},
                                 {&k::gelu_tanh_backward, 2, {}, 16},
                                 {&k::silu_backward, 2, {}, 4},
                                 {&k::softplus_backward, 2, {2, 3}}};
const std::vector<Op> predicates = {{&k::eq, 2},          {&k::ne, 2},          {&k::lt, 2},
                                    {&k::le, 2},          {&k::gt, 2},          {&k::ge, 2},
                                    {&k::logical_not, 1}, {&k::logical_and, 2}, {&k::logical_or, 2},
                                    {&k::logical_xor, 2}};
const std::vector<Op> float_predicates = {{&k::isnan, 1}, {&k::isinf, 1}, {&k::isfinite, 1}};

// |a - b| <= 8 ulp of the larger of |a| and the scale (in a product c f'(x), c times that); zeros
// with their signs, NaN and infinities alike.
void expect_rounded(const Op& op, const Tensor& first, const Tensor& on_cpu, const Tensor& on_gpu) {
  const auto a = on_cpu.to_vector<double>(), b = on_gpu.to_vector<double>(),
             c = first.expand(on_cpu.shape()).to_vector<double>();
  const double ulp = on_cpu.dtype() == DType::f32 ? 0x1p-23 : 0x1p-52;
  const double least = on_cpu.dtype() == DType::f32 ? 0x1p-149 : 0x1p-1074;
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    const double scale = op.arity == 2 ? op.scale * std::fabs(c[i]) : op.scale;
    if (a[i] != b[i]) {
      ASSERT_TRUE(std::isfinite(a[i]) && std::isfinite(b[i])) << op.slot->op() << ", element " << i;
      ASSERT_LE(std::fabs(a[i] - b[i]),
                std::max(8 * ulp * std::max(std::fabs(a[i]), scale), 2 * least))
          << op.slot->op() << " gave " << b[i] << ", on the CPU " << a[i] << ", element " << i;
    } else if (a[i] == 0) {
      ASSERT_EQ(std::signbit(a[i]), std::signbit(b[i])) << op.slot->op() << ", element " << i;
    }
  }
}

// Runs the op into `out` as it lies, and compares; `numbers` marks inputs that stay on the host.
void compare(const Op& op, const Tensors& in, const Tensor& out, bool exact, unsigned numbers = 0) {
  Tensors on_gpu;
  for (std::size_t i = 0; i < in.size(); ++i)
    on_gpu.push_back((numbers >> i & 1U) != 0 ? in[i] : there(in[i]));
  Tensor result = there(out), want = out;
  const DType key = in[op.slot == &k::where ? 1 : 0].dtype();
  op.slot->find(Device{}, key)(in, want, op.params.data());
  op.slot->find(gpu, key)(on_gpu, result, op.params.data());
  if (exact)
    expect_equal(want, result);
  else
    expect_rounded(op, in[0], want, result);
}

// Operands of every kind, for an output of shape [5, 33, 12].
void compare_everywhere(const Op& op, DType t, DType to, bool exact) {
  SCOPED_TRACE(fmt::format("{} of {}", op.slot->op(), t));
  const auto draw = [&](const Dims& s, std::uint64_t seed) { return drawn(s, t, seed); };
  const auto with = [&](const Tensor& a, const Tensor& b, const Tensor& out, unsigned numbers = 0) {
    Tensors in{a, b};
    if (op.arity == 1) in = {a};
    compare(op, in, out, exact, numbers & ((1U << op.arity) - 1));
  };
  const auto empty = [&](const Dims& s) { return Tensor::zeros(s, to); };
  for (std::int64_t n : {0, 1, 3, 16, 4100}) with(draw({n}, 1), draw({n}, 2), empty({n}));
  const Dims shape{5, 33, 12};
  const Tensor a = draw(shape, 1), b = draw(shape, 2);
  with(a, draw({12, 33, 5}, 2).permute({2, 1, 0}), empty(shape));
  with(a.flip({0, 2}), b, empty({12, 33, 5}).permute({2, 1, 0}));
  with(draw({5, 33, 24}, 1).slice(2, 1, std::nullopt, 2), draw({33, 1}, 2), empty(shape));
  with(draw({5, 33, 16}, 1).slice(2, 4, std::nullopt), draw({12}, 2), empty(shape));
  with(draw({1981}, 1).slice(0, 1, std::nullopt), draw({1981}, 2).slice(0, 0, 1980),
       empty({1990}).slice(0, 3, 1983));
  with(draw({}, 1), b, empty(shape));
  with(draw({}, 1), b, empty(shape), op.arity == 2 ? 1 : 0);
  with(a, draw({}, 2), empty(shape), 2);
  with(a.transpose(0, 1), draw({}, 2), empty({33, 5, 12}), 2);
  with(draw({}, 1), draw({}, 2), empty({}), 2);
}

TEST(CudaElementwise, ExactOnNumbers) {
  for (const Op& op : exact_on_all_numbers) {
    for (DType t : floats) compare_everywhere(op, t, t, true);
    for (DType t : integers) compare_everywhere(op, t, t, true);
  }
  for (DType t : integers) compare_everywhere({&k::pow, 2}, t, t, true);
}

TEST(CudaElementwise, ExactOnFloats) {
  for (const Op& op : exact_on_floats)
    for (DType t : floats) compare_everywhere(op, t, t, true);
}

TEST(CudaElementwise, RoundedFunctions) {
  for (const Op& op : rounded)
    for (DType t : floats) compare_everywhere(op, t, t, false);
}

TEST(CudaElementwise, Predicates) {
  for (const Op& op : predicates)
    for (DType t : computing) compare_everywhere(op, t, DType::boolean, true);
  for (const Op& op : float_predicates)
    for (DType t : floats) compare_everywhere(op, t, DType::boolean, true);
}

// Every pair of the values.
template <class T>
void compare_pairs(const std::vector<T>& values, DType t, const std::vector<Op>& ops, bool exact,
                   bool predicate = false) {
  const auto n = static_cast<std::int64_t>(values.size());
  const Tensor x = Tensor::from(std::span<const T>(values), {n}).to(t);
  const DType to = predicate ? DType::boolean : t;
  for (const Op& op : ops) {
    SCOPED_TRACE(fmt::format("{} of {}", op.slot->op(), t));
    if (op.arity == 1)
      compare(op, {x}, Tensor::zeros({n}, to), exact);
    else
      compare(op, {x.unsqueeze(1), x}, Tensor::zeros({n, n}, to), exact);
  }
}

TEST(CudaElementwise, SpecialFloats) {
  const double inf = std::numeric_limits<double>::infinity();
  std::vector<double> values = {std::nan("")};
  for (double v : {0.0, 0x1p-149, 0x1p-130, 0x1p-126, 1e-7, 0.25,  0.5,   0.75,  1.0,  1.5,  2.0,
                   2.5, 3.0,      19.0,     87.0,     89.0, 104.0, 710.0, 746.0, 1e10, 3e38, inf})
    values.insert(values.end(), {v, -v});
  compare_pairs(values, DType::f32, exact_on_all_numbers, true);
  compare_pairs(values, DType::f32, exact_on_floats, true);
  compare_pairs(values, DType::f32, rounded, false);
  compare_pairs(values, DType::f32, predicates, true, true);
  compare_pairs(values, DType::f32, float_predicates, true, true);
  for (double v : {0x1p-1074, 0x1p-1022, 1e300}) values.insert(values.end(), {v, -v});
  compare_pairs(values, DType::f64, exact_on_all_numbers, true);
  compare_pairs(values, DType::f64, exact_on_floats, true);
  compare_pairs(values, DType::f64, rounded, false);
  compare_pairs(values, DType::f64, predicates, true, true);
  compare_pairs(values, DType::f64, float_predicates, true, true);
}

TEST(CudaElementwise, ExtremeIntegers) {
  const std::vector<std::int32_t> i32 = {0, 1, -1, 2, -2, 3, 7, 46341, INT32_MAX, INT32_MIN};
  const std::vector<std::int64_t> i64 = {0, 1, -1, 2, -3, 62, 3037000500, INT64_MAX, INT64_MIN};
  const std::vector<std::uint8_t> u8 = {0, 1, 2, 3, 7, 127, 128, 200, 254, 255};
  std::vector<Op> ops = exact_on_all_numbers;
  ops.push_back({&k::pow, 2});
  compare_pairs(i32, DType::i32, ops, true);
  compare_pairs(i64, DType::i64, ops, true);
  compare_pairs(u8, DType::u8, ops, true);
  compare_pairs(i64, DType::i64, predicates, true, true);
}

TEST(CudaElementwise, Where) {
  const Op where{&k::where, 3};
  for (DType t : computing) {
    SCOPED_TRACE(fmt::format("{}", t));
    for (std::int64_t n : {0, 1, 16, 4100})
      compare(where, {drawn({n}, DType::boolean, 1), drawn({n}, t, 2), drawn({n}, t, 3)},
              Tensor::zeros({n}, t), true);
    const Tensor out = Tensor::zeros({5, 33, 12}, t), a = drawn({5, 33, 12}, t, 2);
    compare(where, {drawn({33, 1}, DType::boolean, 1), a, drawn({12, 33, 5}, t).permute({2, 1, 0})},
            out, true);
    compare(where, {drawn({5, 33, 12}, DType::boolean, 1), drawn({}, t, 5), a}, out, true, 2);
    compare(where, {drawn({}, DType::boolean, 1), a, drawn({}, t, 5)}, out, true, 5);
  }
}

TEST(CudaElementwise, InPlace) {
  for (DType t : {DType::f32, DType::f64, DType::u8})
    for (std::int64_t n : {1, 63, 5000}) {
      const Tensor a = drawn({n, 3}, t, 1), b = drawn({3}, t, 2);
      for (bool turned : {false, true}) {
        Tensor whole = there(a), there_b = there(b);
        Tensor x = turned ? whole.flip({0, 1}) : whole;
        k::mul.find(gpu, t)(Tensors{x, there_b}, x, nullptr);
        k::add.find(gpu, t)(Tensors{x, x}, x, nullptr);
        Tensor here = a.clone();
        Tensor y = turned ? here.flip({0, 1}) : here;
        k::mul.find(Device{}, t)(Tensors{y, b}, y, nullptr);
        k::add.find(Device{}, t)(Tensors{y, y}, y, nullptr);
        expect_equal(here, whole);
      }
    }
}

TEST(CudaElementwise, LargeInputsOfAnotherOrderAreRearranged) {
  const Tensor a = drawn({260, 300}, DType::f32, 1), b = drawn({300, 260}, DType::f32, 2);
  compare({&k::sub, 2}, {a, b.transpose(0, 1)}, Tensor::zeros({260, 300}), true);
  compare({&k::lt, 2}, {a.transpose(0, 1), b}, Tensor::zeros({300, 260}, DType::boolean), true);
  compare({&k::sub, 2}, {a, b.transpose(0, 1)}, Tensor::zeros({300, 260}).transpose(0, 1), true);
}

TEST(CudaElementwise, MoreElementsThanThreads) {
  const std::int64_t n = 2 * 256 * cuda::most_blocks + 7;
  const Tensor x = drawn({n}, DType::f64);
  compare({&k::exp, 1}, {x}, Tensor::zeros({n}, DType::f64), false);
  compare({&k::exp, 1}, {x.flip({0})}, Tensor::zeros({n}, DType::f64), false);
}

// The kernel may run after the host has gone on.
TEST(CudaElementwise, NumbersAreTakenWhenTheOperationIsCalled) {
  const Tensor x = Tensor::full({5, 7}, 2, DType::f32, gpu);
  Tensor number = Tensor::scalar(3), sum = Tensor::empty({5, 7}, DType::f32, gpu),
         filled = sum.clone();
  k::add.find(gpu, DType::f32)(Tensors{x, number}, sum, nullptr);
  k::copy.find(gpu, DType::f32)(Tensors{number}, filled, nullptr);
  *number.mutable_data<float>() = 100;
  expect_equal(Tensor::full({5, 7}, 5), sum);
  expect_equal(Tensor::full({5, 7}, 3), filled);
}

TEST(CudaElementwise, AnInputOfAnotherDeviceIsAnError) {
  const Tensor a = Tensor::zeros({3}), b = there(a);
  Tensor out = there(a);
  try {
    k::add.find(gpu, DType::f32)(Tensors{b, a}, out, nullptr);
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::device);
  }
}

}  // namespace
}  // namespace sonde::testing
