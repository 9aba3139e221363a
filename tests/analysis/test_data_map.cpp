// Maps over data: many batches against one, means and sums, what is kept and what made again.
#include "analysis/data_map.hpp"

#include <gtest/gtest.h>

#include "analysis/gauss_newton.hpp"
#include "autograd/observe.hpp"
#include "nn/init.hpp"
#include "tests/analysis/small_models.hpp"
#include "tests/analysis/values.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde {
namespace {

using testing::distance;

using testing::expect_code;
using testing::small_model;
using testing::SmallModel;

// Samples 0-1, 2 and 3-4: unequal batches.
constexpr std::int64_t begins[] = {0, 2, 3, 5};
constexpr std::int64_t sizes[] = {2, 1, 2};

class DataMaps : public ::testing::TestWithParam<const char*> {
 protected:
  const SmallModel model_ = small_model(GetParam());
  const ParameterPoint at_{*model_.module};
  const Tensor v_ = nn::normal_init({3, at_.space.size()}, 0, 1, {1, 0}, DType::f64);
  mutable int made_ = 0;

  Var cut(const Var& t, std::int64_t i) const {
    return t.tensor().slice(0, begins[i], begins[i + 1]);
  }
  Function loss(std::int64_t i, Reduction reduction) const {
    return at_.function(
        [this, x = cut(model_.x, i), y = cut(model_.y, i), reduction](nn::Context& ctx) {
          return cross_entropy((*model_.module)(ctx, x), y, reduction);
        });
  }
  BatchMap hessian(Reduction reduction) const {
    return [this, reduction](std::int64_t i, const MapOptions& options) {
      ++made_;
      return hessian_map(loss(i, reduction), at_, options);
    };
  }
};

TEST_P(DataMaps, UnequalBatchesGiveTheMeanOverAllSamples) {
  const Tensor expected = hessian_map(model_.loss(at_), at_).apply_batch(v_);
  const double size = amax(abs(expected)).item();
  const DataMap mean(mean_weights(sizes), hessian(Reduction::mean)),
      sum(sum_weights(3), hessian(Reduction::sum));
  EXPECT_LT(distance(mean.map().apply_batch(v_), expected), 1e-13 * size);
  EXPECT_LT(distance(mean.map().transpose_batch(v_), expected), 1e-13 * size);
  EXPECT_LT(distance(div(sum.map().apply_batch(v_), 5.0), expected), 1e-13 * size);
  EXPECT_TRUE(mean.map().symmetric());
  EXPECT_EQ(mean.plan().kept, 3);
  EXPECT_EQ(made_, 6) << "each batch once";
  EXPECT_EQ(distance(mean.map().apply_batch(v_), mean.map().apply_batch(v_)), 0);
}

TEST_P(DataMaps, WhatDoesNotFitIsMadeAgain) {
  const LinearMap one = hessian(Reduction::mean)(0, {.retain = Retain::yes});
  const Tensor expected =
      DataMap(mean_weights(sizes), hessian(Reduction::mean)).map().apply_batch(v_);
  for (const std::int64_t records : {0, 1}) {
    const auto memory = static_cast<std::int64_t>((records + 0.2) * one.cost(1).bytes);
    const DataMap map(mean_weights(sizes), hessian(Reduction::mean), memory);
    EXPECT_EQ(map.plan().kept, records);
    EXPECT_EQ(map.plan().recomputed, 3 - records);
    EXPECT_LE(map.plan().record_bytes, 0.5 * static_cast<double>(memory));
    made_ = 0;
    EXPECT_LT(distance(map.map().apply_batch(v_), expected), 1e-13);
    EXPECT_EQ(made_, 3 - records);
    EXPECT_GT(map.map().cost(2).flops, one.cost(2).flops);
  }
}

TEST_P(DataMaps, GaussNewtonToo) {
  const BatchMap make = [this](std::int64_t i, const MapOptions& options) {
    return gauss_newton_map(at_.outputs(cut(model_.x, i)), cross_entropy_loss(cut(model_.y, i)),
                            at_, options);
  };
  const DataMap map(mean_weights(sizes), make);
  const LinearMap whole =
      gauss_newton_map(at_.outputs(model_.x), cross_entropy_loss(model_.y), at_);
  EXPECT_LT(distance(map.map().apply_batch(v_), whole.apply_batch(v_)), 1e-12);
}

INSTANTIATE_TEST_SUITE_P(All, DataMaps, ::testing::Values("mlp", "cnn", "vit", "lstm"),
                         [](const auto& info) { return std::string(info.param); });

TEST(DataMapErrors, NameTheCause) {
  const BatchMap growing = [](std::int64_t i, const MapOptions&) {
    return identity_map(Space::flat(i + 2));
  };
  expect_code(ErrorCode::shape, [&] { DataMap(sum_weights(2), growing); });
  expect_code(ErrorCode::value, [&] { DataMap({}, growing); });
  expect_code(ErrorCode::value, [&] { DataMap({1.0}, growing, -1); });
  expect_code(ErrorCode::value, [] { sum_weights(0); });
  const std::int64_t none[] = {0, 0}, negative[] = {3, -1};
  expect_code(ErrorCode::value, [&] { mean_weights(none); });
  expect_code(ErrorCode::value, [&] { mean_weights(negative); });
}

}  // namespace
}  // namespace sonde
