// Elementwise kernels whose operands lie in memory in different orders, and the order of the
// result.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "autograd/ops.hpp"
#include "tensor/kernels/elementwise.hpp"
#include "tensor/parallel.hpp"

namespace sonde {
namespace {

// 0, 1, 2, ... in memory: an element of a view is its own offset.
Tensor counting(const Dims& shape, DType dtype) {
  return Tensor::arange(numel(shape), DType::i64).to(dtype).reshape(shape);
}

// Views of shape [2, rows, columns] that no row-major loop reads in order.
Tensors crossing_views(std::int64_t rows, std::int64_t columns, DType dtype) {
  const Tensor turned = counting({2, columns, rows}, dtype).permute({0, 2, 1});
  return {turned,
          turned.flip({1}),
          turned.flip({2}),
          counting({2, columns, 2 * rows}, dtype).slice(2, 0, 2 * rows, 2).permute({0, 2, 1}),
          counting({rows, 2, columns}, dtype).permute({1, 0, 2}),
          counting({columns, rows, 2}, dtype).permute({2, 1, 0})};
}

template <class T>
void expect_offset_sums(const Tensor& a, const Tensor& b, const Tensor& sum) {
  const auto start = [](const Tensor& t) { return static_cast<std::int64_t>(t.at({0, 0, 0})); };
  const auto at = [](const Tensor& t, std::int64_t i, std::int64_t r, std::int64_t c) {
    return i * t.strides()[0] + r * t.strides()[1] + c * t.strides()[2];
  };
  const T* y = sum.data<T>();
  for (std::int64_t i = 0; i < sum.size(0); ++i)
    for (std::int64_t r = 0; r < sum.size(1); ++r)
      for (std::int64_t c = 0; c < sum.size(2); ++c)
        ASSERT_EQ(y[at(sum, i, r, c)],
                  static_cast<T>(start(a) + at(a, i, r, c) + start(b) + at(b, i, r, c)))
            << fmt::format("{} at {}", a.strides(), Dims{i, r, c});
}

template <class T>
void check_sums(std::int64_t rows, std::int64_t columns) {
  const Tensor plain = counting({2, rows, columns}, dtype_of<T>);
  for (const Tensor& view : crossing_views(rows, columns, dtype_of<T>))
    for (const Tensors& in : {Tensors{view, plain}, Tensors{plain, view}, Tensors{view, view}}) {
      Tensor out = Tensor::empty(plain.shape(), dtype_of<T>);
      kernels::add.find({}, dtype_of<T>)(in, out, nullptr);
      expect_offset_sums<T>(in[0], in[1], out);
    }
}

TEST(MixedOrders, SumsOfEveryWidthInTilesAndTheirRests) {
  for (auto [rows, columns] :
       {std::pair<std::int64_t, std::int64_t>{8, 8}, {7, 40}, {33, 129}, {64, 16}, {100, 260}}) {
    check_sums<double>(rows, columns);
    check_sums<float>(rows, columns);
    check_sums<std::int64_t>(rows, columns);
    check_sums<std::int32_t>(rows, columns);
  }
  check_sums<std::int64_t>(0, 40);
}

TEST(MixedOrders, BytesAndConversions) {
  const Tensor bytes = counting({150, 70}, DType::u8), turned = bytes.permute({1, 0});
  const Tensor as_float = turned.to(DType::f32);
  Tensor mask = Tensor::empty(turned.shape(), DType::boolean);
  const Tensors odd = {turned, turned.clone()};
  kernels::eq.find({}, DType::u8)(odd, mask, nullptr);
  for (std::int64_t i = 0; i < 70; ++i)
    for (std::int64_t j = 0; j < 150; ++j) {
      ASSERT_EQ(as_float.at({i, j}), static_cast<std::uint8_t>(j * 70 + i));
      ASSERT_TRUE(mask.at({i, j}) != 0);
    }
}

TEST(MixedOrders, AnyThreadCount) {
  const Tensor a = counting({700, 900}, DType::f32).permute({1, 0}),
               b = counting({900, 700}, DType::f32);
  const int before = threads();
  std::vector<std::vector<float>> results;
  for (int n : {1, 3}) {
    set_threads(n);
    results.push_back(mul(a, b).tensor().to_vector<float>());
  }
  set_threads(before);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0][701], 901.0F * 701.0F);  // row 1, column 1 of both
}

TEST(MixedOrders, TheResultIsRowMajorWhereOperandsDisagree) {
  const Var plain = counting({2, 3, 4, 5}, DType::f32);
  const Var last = counting({2, 4, 5, 3}, DType::f32).permute({0, 3, 1, 2});  // channels last
  const Dims row_major{60, 20, 5, 1}, channels_last{60, 1, 15, 3};
  EXPECT_EQ(add(plain, last).tensor().strides(), row_major);
  EXPECT_EQ(add(last, plain).tensor().strides(), row_major);
  EXPECT_EQ(add(last, last).tensor().strides(), channels_last);
  EXPECT_EQ(relu(last).tensor().strides(), channels_last);
  // Gaps and broadcast axes do not count as disagreement.
  const Var wide = counting({2, 4, 5, 6}, DType::f32).permute({0, 3, 1, 2}).slice(1, 0, 3);
  EXPECT_EQ(add(wide, last).tensor().strides(), channels_last);
  const Var bias = counting({3, 1, 1}, DType::f32);
  EXPECT_EQ(add(last, bias).tensor().strides(), channels_last);
  EXPECT_EQ(add(broadcast_to(bias, {2, 3, 4, 5}), last).tensor().strides(), channels_last);
}

TEST(MixedOrders, WhatMayBeOverwrittenIsOnlyInTheRightOrder) {
  const Var plain = counting({12, 9}, DType::f32);
  const Var sum = add(transpose(neg(counting({9, 12}, DType::f32))), plain);
  EXPECT_EQ(sum.tensor().strides(), (Dims{9, 1}));
  EXPECT_EQ(sum.tensor().at({2, 3}), 21 - 38);
}

}  // namespace
}  // namespace sonde
