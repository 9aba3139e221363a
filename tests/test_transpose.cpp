#include <gtest/gtest.h>

#include "tensor/cpu/transpose.hpp"

namespace sonde {
namespace {

// transposing_copy against reading element by element.
void expect_copy(const Tensor& in) {
  const Tensor out = in.contiguous();
  ASSERT_TRUE(out.is_contiguous());
  Dims index = Dims::filled(in.rank(), 0);
  for (std::int64_t e = 0; e < in.numel(); ++e) {
    std::int64_t rest = e;
    for (int i = in.rank() - 1; i >= 0; --i) {
      index[i] = rest % in.shape()[i];
      rest /= in.shape()[i];
    }
    ASSERT_EQ(in.at(index), out.at(index)) << to_string(in.spec()) << " at " << to_string(index);
  }
}

Tensor counted(const Dims& shape, DType dtype) {
  return Tensor::arange(numel(shape), dtype).reshape(shape);
}

TEST(Transpose, MatricesOfAllEdges) {
  for (DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64})
    for (std::int64_t rows : {1, 3, 15, 16, 17, 40})
      for (std::int64_t cols : {1, 7, 8, 16, 33})
        expect_copy(counted({rows, cols}, dtype).transpose(0, 1));
}

TEST(Transpose, BatchesAndChannelsLast) {
  const Tensor x = counted({2, 5, 6, 7}, DType::f32);
  expect_copy(x.permute({0, 2, 3, 1}));
  expect_copy(x.permute({3, 2, 1, 0}));
  expect_copy(x.permute({1, 3, 0, 2}));
  expect_copy(x.slice(2, 1, 5).permute({0, 3, 1, 2}));
  expect_copy(x.flip({1}).permute({0, 2, 3, 1}));
  expect_copy(counted({1, 9, 1}, DType::f64).expand({4, 9, 3}).permute({2, 1, 0}));
}

TEST(Transpose, WritesInsideItsBlockOnly) {
  std::vector<float> in(20 * 20, 1), out(30 * 30, -1);
  cpu::transpose(19, 13, in.data(), 20, out.data() + 31, 30);
  for (int i = 0; i < 30; ++i)
    for (int j = 0; j < 30; ++j)
      EXPECT_EQ(out[static_cast<std::size_t>(30 * i + j)],
                i >= 1 && i <= 13 && j >= 1 && j <= 19 ? 1 : -1);
}

TEST(Transpose, DeclinesWhatIsNoTransposition) {
  const Tensor x = counted({8, 9}, DType::f32);
  EXPECT_FALSE(cpu::transposing_copy(x, Tensor::empty({8, 9})));
  EXPECT_FALSE(
      cpu::transposing_copy(x.to(DType::u8).transpose(0, 1), Tensor::empty({9, 8}, DType::u8)));
  EXPECT_FALSE(cpu::transposing_copy(x.slice(1, {}, {}, 2).transpose(0, 1), Tensor::empty({5, 8})));
  EXPECT_TRUE(cpu::transposing_copy(x.transpose(0, 1), Tensor::empty({9, 8})));
}

}  // namespace
}  // namespace sonde
