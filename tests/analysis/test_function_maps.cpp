// Jacobians and Hessians as maps, of an MLP, a CNN, a ViT and an LSTM: against autograd's dense
// ones, by every way of computing them; and what is refused.
#include "analysis/function_maps.hpp"

#include <gtest/gtest.h>

#include "autograd/observe.hpp"
#include "nn/init.hpp"
#include "tensor/allocator.hpp"
#include "tensor/parallel.hpp"
#include "tests/analysis/small_models.hpp"
#include "tests/analysis/values.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde {
namespace {

using testing::distance;
using testing::largest;
using testing::random;

using testing::expect_code;
using testing::small_model;
using testing::SmallModel;

Tensor rows(std::int64_t n, const LinearMap& map, std::uint64_t seed = 1) {
  return random({n, map.domain().size()}, seed);
}

class FunctionMaps : public ::testing::TestWithParam<const char*> {
 protected:
  const SmallModel model_ = small_model(GetParam());
  const ParameterPoint at_{*model_.module};
  const Function loss_ = model_.loss(at_);
  const std::int64_t loops_ = counters().loop_fallbacks;
  void TearDown() override { EXPECT_EQ(counters().loop_fallbacks, loops_); }

  // Rows of autograd's Jacobian with respect to each parameter, side by side.
  static Tensor dense_jacobian(const Function& f, const Point& at) {
    Vars parts;
    for (const Var& j : jacobian(f, at.values))
      parts.push_back(reshape(j, {f(at.values)[0].numel(), -1}));
    return concat(parts, 1).tensor();
  }
  // The Jacobian of the gradient, as one vector.
  Tensor dense_hessian() const {
    const Function flat_gradient = [this](const Vars& x) {
      Vars parts;
      for (const Var& g : grad(loss_)(x)) parts.push_back(reshape(g, {-1}));
      return concat(parts, 0);
    };
    return dense_jacobian(flat_gradient, at_);
  }
};

TEST_P(FunctionMaps, HessianIsTheJacobianOfTheGradient) {
  const Tensor expected = dense_hessian();
  const double size = largest(expected);
  EXPECT_GT(size, 1e-3);
  for (const Retain retain : {Retain::yes, Retain::no}) {
    const LinearMap h = hessian_map(loss_, at_, {.retain = retain});
    const Tensor matrix = dense(h);
    EXPECT_LT(distance(matrix, expected), 1e-10 * size);
    EXPECT_LT(distance(matrix, matrix.transpose(0, 1)), 1e-12 * size);
    EXPECT_TRUE(h.symmetric());
    EXPECT_EQ(h.domain(), at_.space);
  }
}

TEST_P(FunctionMaps, JacobianIsAutogradsInBothDirections) {
  const Function f = at_.outputs(model_.x);
  const Tensor expected = dense_jacobian(f, at_);
  for (const Retain retain : {Retain::yes, Retain::no}) {
    const LinearMap j = jacobian_map(f, at_, {.retain = retain});
    EXPECT_EQ(j.range().size(), testing::small_samples * testing::small_classes);
    EXPECT_LT(distance(dense(j), expected), 1e-12);
    EXPECT_LT(distance(dense(j.transposed()), expected.transpose(0, 1)), 1e-12);
    const Tensor v = rows(3, j);
    EXPECT_LT(distance(j.apply_batch(v), matmul(v, expected, {.b = true})), 1e-11);
  }
}

TEST_P(FunctionMaps, OneByOneManyAtOnceAndInChunksAgree) {
  for (const Retain retain : {Retain::yes, Retain::no}) {
    const LinearMap h = hessian_map(loss_, at_, {.retain = retain});
    const Tensor v = rows(7, h), together = h.apply_batch(v);
    for (std::int64_t i = 0; i < 7; ++i)
      EXPECT_LT(distance(h.apply(v.select(0, i)), together.select(0, i)), 1e-12);
    const auto room = static_cast<std::int64_t>(h.cost(3).bytes);
    const LinearMap bounded = hessian_map(loss_, at_, {.retain = retain, .max_memory = room});
    EXPECT_EQ(bounded.cost(7).bytes, h.cost(3).bytes) << "three vectors at a time";
    EXPECT_LT(distance(bounded.apply_batch(v), together), 1e-12);
    EXPECT_EQ(distance(h.apply_batch(v), together), 0) << "the same bits";
  }
}

TEST_P(FunctionMaps, TheNumberOfThreadsChangesNoBit) {
  const int before = threads();
  for (const Retain retain : {Retain::yes, Retain::no}) {
    set_threads(1);
    const LinearMap h = hessian_map(loss_, at_, {.retain = retain});
    const Tensor v = rows(300, h), alone = h.apply_batch(v);
    for (const int n : {2, 3, 8}) {
      set_threads(n);
      EXPECT_EQ(distance(h.apply_batch(v), alone), 0) << n << " threads";
    }
    set_threads(before);
  }
}

TEST_P(FunctionMaps, OfSomeParametersIsAPartOfTheWhole) {
  const std::string pattern = GetParam() == std::string("vit") ? "encoder.*.self_attn.*" : "*bias*";
  const ParameterPoint some(*model_.module, pattern);
  EXPECT_LT(some.space.size(), at_.space.size());
  const LinearMap whole = hessian_map(loss_, at_), part = hessian_map(model_.loss(some), some);
  EXPECT_EQ(part.domain(), whole.restricted(pattern).domain());
  EXPECT_LT(distance(dense(part), dense(whole.restricted(pattern))), 1e-12);
  EXPECT_LT(part.cost().flops, whole.cost().flops);
}

// Recorded once, products leave nothing behind.
TEST_P(FunctionMaps, MemoryStaysFlatOverAThousandProducts) {
  for (const Retain retain : {Retain::yes, Retain::no}) {
    const LinearMap h = hessian_map(loss_, at_, {.retain = retain});
    const Tensor v = rows(1, h).select(0, 0);
    h.apply(v);
    const std::int64_t before = current_bytes();
    for (int i = 0; i < (retain == Retain::yes ? 1000 : 100); ++i) h.apply(v);
    EXPECT_EQ(current_bytes(), before);
  }
}

// The estimate against the allocator.
TEST_P(FunctionMaps, TheCostIsKnownBeforeAnythingIsRecorded) {
  for (const Retain retain : {Retain::yes, Retain::no})
    for (const std::int64_t n : {1, 16}) {
      const LinearMap h = hessian_map(loss_, at_, {.retain = retain});
      const Tensor v = rows(n, h);
      const std::int64_t before = current_bytes();
      const Cost cost = h.cost(n);
      EXPECT_EQ(current_bytes(), before);
      reset_peak_bytes();
      h.apply_batch(v);
      const auto taken = static_cast<double>(peak_bytes() - before);
      EXPECT_LT(taken, 1.5 * cost.bytes);
      EXPECT_GT(taken, 0.2 * cost.bytes);
      EXPECT_GT(cost.flops, 0);
      EXPECT_EQ(h.cost(1'000'000).bytes, h.cost(10'000).bytes) << "cut into chunks";
    }
}

// Of products of matrices and the like, as Primitive::flops counts them.
class FlopCount final : public Observer {
 public:
  void on_kernel(const Primitive& p, std::span<const Tensor> in, const Vars& out,
                 std::source_location, std::int64_t) override {
    flops += static_cast<double>(p.flops(in, out));
  }
  double flops = 0;
};

TEST_P(FunctionMaps, TheCostCountsTheProducts) {
  for (const Retain retain : {Retain::yes, Retain::no})
    for (const std::int64_t n : {1, 8}) {
      const LinearMap h = hessian_map(loss_, at_, {.retain = retain});
      const Tensor v = rows(n, h);
      h.apply_batch(v);  // the record, if there is one
      FlopCount count;
      {
        const ObserverScope scope(count);
        h.apply_batch(v);
      }
      EXPECT_NEAR(count.flops / h.cost(n).flops, 1, 0.35);
    }
}

TEST_P(FunctionMaps, ARecordKnowsItsDataToo) {
  const LinearMap h = hessian_map(loss_, at_, {.retain = Retain::yes});
  const Tensor v = rows(1, h);
  const Tensor before = h.apply_batch(v);
  Tensor x = model_.x.tensor();
  x.mutable_data<double>()[0] += 1;
  if (model_.name == "lstm")  // works on a copy, its input turned
    EXPECT_EQ(distance(h.apply_batch(v), before), 0);
  else
    expect_code(ErrorCode::stale, [&] { h.apply_batch(v); });
}

TEST_P(FunctionMaps, AStepOfAnOptimiserMakesThemStale) {
  const ParameterPoint copied = at_.copy();
  const Tensor v = rows(1, hessian_map(loss_, at_));
  const LinearMap h = hessian_map(loss_, at_, {.retain = Retain::yes}),
                  fresh = hessian_map(loss_, at_, {.retain = Retain::no}),
                  j = jacobian_map(at_.outputs(model_.x), at_),
                  of_copy = hessian_map(model_.loss(copied), copied);
  const Tensor before = h.apply_batch(v);
  model_.module->parameter_tensors()[0].mutable_data<double>()[0] += 0.5;
  for (const LinearMap& map : {h, fresh, j})
    expect_code(ErrorCode::stale, [&] { map.apply_batch(v); });
  EXPECT_LT(distance(of_copy.apply_batch(v), before), 1e-12);
  EXPECT_GT(distance(hessian_map(loss_, at_).apply_batch(v), before), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(All, FunctionMaps, ::testing::Values("mlp", "cnn", "vit", "lstm"),
                         [](const auto& info) { return std::string(info.param); });

TEST(ParameterPoints, HoldWhatIsChosen) {
  const SmallModel m = small_model("mlp");
  EXPECT_EQ(ParameterPoint(*m.module).space, Space::parameters(*m.module));
  m.module->freeze("layers.0.*");
  EXPECT_EQ(ParameterPoint(*m.module).space.blocks().front().name, "layers.1.weight");
  const ParameterPoint last(*m.module, "layers.2.*");
  EXPECT_EQ(last.space.blocks().size(), 2u);
  expect_code(ErrorCode::names, [&] { ParameterPoint(*m.module, "layers.0.*"); });  // frozen
  expect_code(ErrorCode::names, [&] { ParameterPoint(*m.module, "layer.*"); });
  expect_code(ErrorCode::names, [&] { last.context({}); });
  m.module->parameter_tensors()[0].mutable_data<double>()[0] += 1;
  expect_code(ErrorCode::stale, [&] { last.outputs(m.x)(last.values); });
}

// What one of many products side by side throws.
TEST(FunctionMapErrors, ComeFromWhicheverThread) {
  const SmallModel m = small_model("mlp");
  const ParameterPoint at(*m.module);
  const LinearMap h = hessian_map(m.loss(at), at, {.retain = Retain::yes});
  const Tensor v = Tensor::ones({2000, h.domain().size()}, DType::f64);
  h.apply_batch(v);
  m.x.tensor().mutable_data<double>()[0] += 1;
  expect_code(ErrorCode::stale, [&] { h.apply_batch(v); });
}

TEST(FunctionMapErrors, NameTheCause) {
  const Point at = Point::of({random({3}, 1)});
  const auto jacobian = [&](const Function& f) { jacobian_map(f, at); };
  const auto hessian = [&](const Function& f) { hessian_map(f, at); };
  expect_code(ErrorCode::shape, [&] { hessian([](const Var& x) { return mul(x, x); }); });
  expect_code(ErrorCode::dtype, [&] { hessian([](const Var& x) { return argmax(x, 0); }); });
  expect_code(ErrorCode::rule, [&] { hessian([](const Var& x) { return sum(sign(x)); }); });
  expect_code(ErrorCode::rule, [&] { hessian([&](const Var&) { return sum(at.values[0]); }); });
  expect_code(ErrorCode::dtype, [&] { jacobian([](const Var& x) { return argmax(x, 0); }); });
  expect_code(ErrorCode::rule, [&] { jacobian([](const Var& x) { return floor(x); }); });
  expect_code(ErrorCode::shape, [&] { jacobian([](const Vars&) { return Vars(); }); });
  expect_code(ErrorCode::value, [&] {
    hessian_map([](const Var& x) { return sum(mul(x, x)); }, at, {.max_memory = -1});
  });
  expect_code(ErrorCode::dtype, [] { Point::of({Tensor::zeros({2}, DType::i64)}); });
}

TEST(FunctionMaps, OfALinearFunctionTheHessianIsZero) {
  const Point at = Point::of({random({3}, 1), random({2, 2}, 2)});
  const LinearMap h = hessian_map([](const Vars& x) { return sum(x[0]) + 2 * sum(x[1]); }, at);
  EXPECT_EQ(largest(h.apply_batch(random({4, 7}, 3))), 0);
}

TEST(FunctionMaps, SeveralArgumentsAndResults) {
  const Point at = Point::of({"a", "b"}, {random({2, 3}, 1), random({3}, 2)});
  const LinearMap j = jacobian_map(
      [](const Vars& x) {
        return Vars{matmul(x[0], x[1]), sum(mul(x[1], x[1]))};
      },
      at);
  EXPECT_EQ(j.range().blocks()[1].name, "y1");
  EXPECT_LT(distance(dense(j.restricted("y0", "b")), at.values[0]), 1e-14);
  EXPECT_LT(distance(dense(j.restricted("y1", "b")), unsqueeze(mul(at.values[1], 2.0), 0)), 1e-14);
  EXPECT_EQ(largest(dense(j.restricted("y1", "a"))), 0);
}

}  // namespace
}  // namespace sonde
