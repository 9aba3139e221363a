// Per-sample gradients against a loop over samples, their norms by both methods, against PyTorch's
// too; and what they take.
#include "analysis/per_sample.hpp"

#include <gtest/gtest.h>

#include "autograd/observe.hpp"
#include "nn/conv.hpp"
#include "nn/embedding.hpp"
#include "nn/sequential.hpp"
#include "tensor/allocator.hpp"
#include "tests/analysis/small_models.hpp"
#include "tests/analysis/values.hpp"
#include "tests/nn/expect_code.hpp"
#include "tests/parity/formula.hpp"

namespace sonde {
namespace {

using testing::distance;
using testing::largest;

using testing::expect_code;
using testing::integer_values;
using testing::small_model;
using testing::small_samples;
using testing::SmallModel;
using testing::uniform_values;

Var norms_of_rows(const Var& rows) {
  return norm(rows, 2, {1});
}

// Cross-entropy of the module's logits for batch {x, y}.
SampleLosses losses_of(const nn::Module& module) {
  return [&module](nn::Context& ctx, const Vars& batch) {
    return cross_entropy(module(ctx, batch[0]), batch[1], Reduction::none);
  };
}

class PerSample : public ::testing::TestWithParam<const char*> {
 protected:
  const SmallModel model_ = small_model(GetParam());
  const ParameterPoint at_{*model_.module};
  const SampleLosses losses_ = losses_of(*model_.module);
  const Vars batch_{model_.x, model_.y};
  const std::int64_t loops_ = counters().loop_fallbacks;
  void TearDown() override { EXPECT_EQ(counters().loop_fallbacks, loops_); }
};

TEST_P(PerSample, GradientsAreThoseOfTheLoop) {
  const Tensor all = per_sample_gradients(at_, losses_, batch_);
  for (std::int64_t i = 0; i < small_samples; ++i) {
    const Vars one{slice(model_.x, 0, i, i + 1), slice(model_.y, 0, i, i + 1)};
    const Vars g =
        grad(at_.function([&](nn::Context& ctx) { return sum(losses_(ctx, one)); }))(at_.values);
    EXPECT_LT(distance(all.select(0, i), at_.space.flatten(g)), 1e-12);
  }
  EXPECT_LT(distance(per_sample_gradients(at_, losses_, batch_, {.chunk = 2}), all), 1e-14);
  EXPECT_LT(distance(per_sample_gradients(at_, losses_, batch_, {.max_memory = 1}), all), 1e-14);
}

TEST_P(PerSample, NormsAreTheSameByBothMethods) {
  const Var expected = norms_of_rows(per_sample_gradients(at_, losses_, batch_));
  for (const NormMethod method : {NormMethod::structured, NormMethod::chunked})
    for (const std::int64_t chunk : {0, 2}) {
      const Tensor norms =
          per_sample_gradient_norms(at_, losses_, batch_, {.chunk = chunk}, method);
      EXPECT_LT(distance(norms, expected), 1e-12 * largest(expected));
    }
  static const testing::Fixture fixture("curvature");
  fixture.expect_near(model_.name + ".sample_norms", expected);
}

TEST_P(PerSample, OfSomeParameters) {
  const std::string pattern = GetParam() == std::string("lstm") ? "fc.*" : "*weight";
  const ParameterPoint some(*model_.module, pattern);
  EXPECT_LT(distance(per_sample_gradient_norms(some, losses_, batch_),
                     norms_of_rows(per_sample_gradients(some, losses_, batch_))),
            1e-12);
}

INSTANTIATE_TEST_SUITE_P(All, PerSample, ::testing::Values("mlp", "cnn", "vit", "lstm"),
                         [](const auto& info) { return std::string(info.param); });

// Two wide layers: 64 gradients would take 34 MB, the structured norms a fraction of one.
TEST(PerSampleNorms, OfLinearLayersMakeNoGradients) {
  nn::Mlp wide({256, 256, 4}, {1, 0}, {.activation = [](const Var& h) { return tanh(h); }});
  wide.convert(DType::f64);
  const ParameterPoint at(wide);
  const Vars batch{uniform_values("x", {64, 256}), Tensor::zeros({64}, DType::i64)};
  const std::int64_t before = current_bytes();
  reset_peak_bytes();
  const Tensor norms = per_sample_gradient_norms(at, losses_of(wide), batch);
  const double gradients = 64.0 * static_cast<double>(at.space.size()) * 8;
  EXPECT_LT(static_cast<double>(peak_bytes() - before), gradients / 10);
  EXPECT_LT(distance(norms, per_sample_gradient_norms(at, losses_of(wide), batch, {},
                                                      NormMethod::chunked)),
            1e-12);
}

// A table of 5000 rows and filters of 2048 taps at one position: gradients would take 64 times as
// much as the weights.
class TableAndFilters final : public nn::Module {
 public:
  TableAndFilters() {
    child("table", table_);
    child("filters", filters_);
    child("head", head_);
  }
  Var forward(nn::Context& ctx, Var index) const override {  // [N, 16] -> [N, 4]
    const Var x = reshape(transpose(table_(ctx, index), 1, 2), {index.size(0), 32, 4, 4});
    return head_(ctx, flatten(tanh(filters_(ctx, x)), 1));
  }

 private:
  nn::Embedding table_{5000, 32, {1, 0}};
  nn::Conv2d filters_{32, 64, 4, {2, 0}};
  nn::Linear head_{64, 4, {3, 0}};
};

TEST(PerSampleNorms, OfTablesAndFiltersMakeNoGradients) {
  TableAndFilters net;
  net.convert(DType::f64);
  const ParameterPoint at(net);
  const Vars batch{integer_values("index", {64, 16}, 5000), Tensor::zeros({64}, DType::i64)};
  const std::int64_t before = current_bytes();
  reset_peak_bytes();
  const Tensor norms = per_sample_gradient_norms(at, losses_of(net), batch);
  const double gradients = 64.0 * static_cast<double>(at.space.size()) * 8;
  EXPECT_LT(static_cast<double>(peak_bytes() - before), gradients / 10);
  EXPECT_LT(distance(norms, per_sample_gradient_norms(at, losses_of(net), batch, {.chunk = 4},
                                                      NormMethod::chunked)),
            1e-12 * largest(norms));
}

// Calls one layer twice, another with positions first, and has parameters of its own, one of them
// squared.
class Awkward final : public nn::Module {
 public:
  Awkward() {
    shift_ = parameter("shift", uniform_values("shift", {3}));
    mix_ = parameter("mix", uniform_values("mix", {3, 3}));
    child("twice", twice_);
    child("turned", turned_);
    child("plain", plain_);
  }
  Var forward(nn::Context& ctx, Var x) const override {  // [N, 2, 3]
    x = twice_(ctx, tanh(twice_(ctx, add(x, ctx[shift_]))));
    x = linear(x, mul(ctx[mix_], ctx[mix_]));
    x = transpose(turned_(ctx, transpose(x, 0, 1)), 0, 1);
    return sum(plain_(ctx, tanh(x)), {1});
  }

 private:
  nn::Handle shift_, mix_;
  nn::Linear twice_{3, 3, {1, 0}}, turned_{3, 3, {2, 0}}, plain_{3, 4, {3, 0}};
};

TEST(PerSampleNorms, OfWeightsUsedTwiceAndParametersWithoutStructure) {
  Awkward module;
  module.convert(DType::f64);
  const ParameterPoint at(module);
  for (const std::int64_t n : {1, 2, 5}) {
    const Vars batch{uniform_values("x", {n, 2, 3}), Tensor::zeros({n}, DType::i64)};
    const Var expected = norms_of_rows(per_sample_gradients(at, losses_of(module), batch));
    EXPECT_LT(distance(per_sample_gradient_norms(at, losses_of(module), batch, {},
                                                 NormMethod::structured),
                       expected),
              1e-12);
  }
  const ParameterPoint mix(module, "mix");
  const Vars batch{uniform_values("x", {2, 2, 3}), Tensor::zeros({2}, DType::i64)};
  expect_code(ErrorCode::rule, [&] {
    per_sample_gradient_norms(mix, losses_of(module), batch, {}, NormMethod::structured);
  });
  EXPECT_LT(distance(per_sample_gradient_norms(mix, losses_of(module), batch),
                     norms_of_rows(per_sample_gradients(mix, losses_of(module), batch))),
            1e-13);
}

TEST(PerSampleErrors, NameTheCause) {
  const SmallModel m = small_model("mlp");
  const ParameterPoint at(*m.module);
  const SampleLosses mean = [&](nn::Context& ctx, const Vars& batch) {
    return cross_entropy((*m.module)(ctx, batch[0]), batch[1]);
  };
  expect_code(ErrorCode::shape, [&] { per_sample_gradients(at, mean, {m.x, m.y}); });
  const SampleLosses good = losses_of(*m.module);
  expect_code(ErrorCode::shape, [&] { per_sample_gradients(at, good, {}); });
  expect_code(ErrorCode::shape, [&] {
    per_sample_gradients(at, good, {m.x, slice(m.y, 0, 0, 2)});
  });
  expect_code(ErrorCode::value, [&] { per_sample_gradients(at, good, {m.x, m.y}, {.chunk = -1}); });
}

}  // namespace
}  // namespace sonde
