// Tensors: views against a naive index computation, conversions, memory, printing.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "tensor/allocator.hpp"
#include "tensor/tensor.hpp"

namespace sonde {
namespace {

using V = std::vector<double>;

Tensor counted(const Dims& shape) { return Tensor::arange(numel(shape), DType::f64).reshape(shape); }

// Row-major elements read one by one.
V elements(const Tensor& t) {
  V out;
  Dims index = Dims::filled(t.rank(), 0);
  for (std::int64_t k = 0; k < t.numel(); ++k) {
    std::int64_t rest = k;
    for (int i = t.rank() - 1; i >= 0; --i) {
      index[i] = rest % t.shape()[i];
      rest /= t.shape()[i];
    }
    out.push_back(t.at(index));
  }
  return out;
}

TEST(Tensor, ViewsShareTheStorage) {
  const Tensor t = counted({3, 4});
  const Tensor views[] = {t.slice(0, 1, {}),      t.slice(1, {}, {}, -2), t.select(0, -1), t.permute({1, 0}),
                          t.expand({2, 3, 4}),    t.flip({0, 1}),         t.diagonal(),    t.reshape({2, 6}),
                          t.unsqueeze(1),         t.transpose(0, 1)};
  for (const Tensor& v : views) EXPECT_EQ(&v.storage(), &t.storage());
  EXPECT_EQ(elements(views[0]), (V{4, 5, 6, 7, 8, 9, 10, 11}));
  EXPECT_EQ(elements(views[1]), (V{3, 1, 7, 5, 11, 9}));
  EXPECT_EQ(elements(views[2]), (V{8, 9, 10, 11}));
  EXPECT_EQ(elements(views[3]), (V{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}));
  EXPECT_EQ(elements(views[5]), (V{11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(elements(views[6]), (V{0, 5, 10}));
  EXPECT_EQ(elements(t.diagonal(1)), (V{1, 6, 11}));
  EXPECT_EQ(elements(t.diagonal(-2)), (V{8}));
}

TEST(Tensor, SliceFollowsPython) {
  const Tensor t = counted({5});
  EXPECT_EQ(elements(t.slice(0, -2, {})), (V{3, 4}));
  EXPECT_EQ(elements(t.slice(0, {}, -7)), V{});
  EXPECT_EQ(elements(t.slice(0, 10, 0, -2)), (V{4, 2}));
  EXPECT_EQ(elements(t.slice(0, 0, INT64_MAX, INT64_MAX)), V{0});
  EXPECT_EQ(elements(t.slice(0, {}, {}, -INT64_MAX)), V{4});
  EXPECT_THROW(t.slice(0, {}, {}, 0), Error);
  EXPECT_THROW(t.slice(0, {}, {}, INT64_MIN), Error);
  EXPECT_THROW(t.slice(1, {}, {}), Error);
}

TEST(Tensor, ReshapeIsAViewExactlyWhereStridesAllow) {
  const Tensor t = counted({2, 3, 4});
  EXPECT_TRUE(t.permute({1, 2, 0}).try_view({12, 2}));
  EXPECT_FALSE(t.permute({1, 2, 0}).try_view({3, 8}));
  EXPECT_FALSE(t.transpose(0, 1).try_view({24}));
  EXPECT_TRUE(t.expand({5, 2, 3, 4}).try_view({5, 6, 4}));
  for (const Dims& target : {Dims{24}, Dims{4, 6}, Dims{1, 24, 1}, Dims{2, 2, 3, 2}})
    for (const Tensor& v : {t, t.permute({2, 0, 1}), t.flip({1}), t.slice(2, {}, {}, 2).expand({2, 2, 3, 2}).select(0, 0)}) {
      if (v.numel() != 24) continue;
      EXPECT_EQ(elements(v.reshape(target)), elements(v)) << target[0];
    }
  EXPECT_EQ(t.reshape({-1, 2}).shape(), (Dims{12, 2}));
  EXPECT_THROW(t.reshape({5, -1}), Error);
  EXPECT_THROW(t.reshape({-1, -1}), Error);
  EXPECT_THROW(counted({0, 2}).reshape({0, -1}), Error);
}

TEST(Tensor, ElementwiseKeepsChannelsLast) {
  const Tensor nhwc = Tensor::empty_ordered({2, 3, 4, 5}, {0, 2, 3, 1}, DType::f32);
  EXPECT_TRUE(nhwc.is_dense());
  EXPECT_FALSE(nhwc.is_contiguous());
  EXPECT_EQ(nhwc.strides(), (Dims{60, 1, 15, 3}));
  EXPECT_EQ(nhwc.to(DType::f64).strides(), nhwc.strides());
}

TEST(Tensor, ConversionsSaturateAndNaNBecomesZero) {
  const Tensor t = Tensor::from<double>({1.9, -1.9, 1e30, -1e30, NAN, 300}, {6});
  EXPECT_EQ(t.to(DType::i32).to_vector<std::int32_t>(),
            (std::vector<std::int32_t>{1, -1, INT32_MAX, INT32_MIN, 0, 300}));
  EXPECT_EQ(t.to(DType::u8).to_vector<std::uint8_t>(), (std::vector<std::uint8_t>{1, 0, 255, 0, 0, 255}));
  EXPECT_EQ(t.to(DType::i64).to_vector<std::int64_t>()[2], INT64_MAX);
  EXPECT_EQ(t.to(DType::boolean).to_vector<bool>(), (std::vector<bool>{true, true, true, true, true, true}));
  EXPECT_EQ(t.to(DType::bf16).to(DType::f64).at({5}), 300);
}

TEST(Tensor, MemoryIsCountedAndLimited) {
  empty_cache();
  const std::int64_t before = current_bytes();
  reset_peak_bytes();
  {
    const Tensor t = Tensor::empty({1000}, DType::f32);
    EXPECT_GE(current_bytes() - before, 4000);
    EXPECT_EQ(peak_bytes(), current_bytes());
  }
  EXPECT_EQ(current_bytes(), before);
  set_memory_limit(before + (1 << 20));
  try {
    Tensor::empty({1 << 20}, DType::f64);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::memory);
  }
  set_memory_limit(0);
  EXPECT_THROW(Tensor::empty({std::int64_t{1} << 61}, DType::f64), Error);
}

TEST(Tensor, CopyFromBumpsTheVersionAndSurvivesOverlap) {
  Tensor t = counted({6});
  const auto version = t.storage().version();
  t.slice(0, 1, {}).copy_from(t.slice(0, 0, 5));
  EXPECT_EQ(elements(t), (V{0, 0, 1, 2, 3, 4}));
  EXPECT_GT(t.storage().version(), version);
  EXPECT_THROW(t.copy_from(counted({5})), Error);
}

TEST(Tensor, PrintsLikeNumPy) {
  std::ostringstream os;
  os << counted({2, 3});
  EXPECT_EQ(os.str(), "[[0, 1, 2],\n [3, 4, 5]] f64[2,3]");
  EXPECT_EQ(to_string(Tensor::scalar(1.5)), "1.5 f32[]");
  EXPECT_EQ(to_string(Tensor::zeros({2, 0})), "[[],\n []] f32[2,0]");
  EXPECT_EQ(to_string(Tensor::arange(1000)), "[0, 1, 2, ..., 997, 998, 999] i64[1000]");
}

TEST(Tensor, TypedAccessIsChecked) {
  EXPECT_THROW(counted({2}).data<float>(), Error);
  EXPECT_THROW(counted({2}).item(), Error);
  EXPECT_THROW(counted({2}).at({2}), Error);
  EXPECT_EQ(Tensor::eye(2, DType::i32).to_vector<std::int32_t>(), (std::vector<std::int32_t>{1, 0, 0, 1}));
}

}  // namespace
}  // namespace sonde
