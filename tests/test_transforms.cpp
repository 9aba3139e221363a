// The transforms beyond what the generated suite covers: mixtures, misuse, kept pullbacks.
#include <gtest/gtest.h>

#include <thread>

#include "autograd/interpreter.hpp"
#include "autograd/observe.hpp"
#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"
#include "tensor/allocator.hpp"

namespace sonde {
namespace {

Var scalar(double v) {
  return Tensor::scalar(v, DType::f64);
}

template <class F>
ErrorCode code_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCode::usage;
}

TEST(Transforms, PerturbationConfusionIsCured) {
  // d/dx [x * d/dy (x + y)] = 1: the inner derivative must not see the outer tangent.
  auto outer = [](const Var& x) {
    auto inner = [&](const Var& y) { return x + y; };
    return x * jvp(inner, {x}, {scalar(1)}).tangents[0];
  };
  EXPECT_EQ(jvp(outer, {scalar(3)}, {scalar(1)}).tangents[0].item(), 1.0);
  EXPECT_EQ(
      grad([](const Var& x) { return x * grad([&](const Var& y) { return x * y; })(x); })(scalar(3))
          .item(),
      6.0);
}

TEST(Transforms, ThirdDerivativeOfACube) {
  auto cube = [](const Var& x) { return x * x * x; };
  EXPECT_EQ(grad(grad(grad(cube)))(scalar(2)).item(), 6.0);
}

TEST(Transforms, EvaluationWithoutATransformRecordsNothing) {
  const Var y = scalar(2) * scalar(3);
  EXPECT_TRUE(y.is_tensor());
  EXPECT_EQ(transform_depth(), 0);
}

TEST(Transforms, AnEscapedBoxIsATypedError) {
  Var leaked;
  const std::uint32_t line = __LINE__ + 1;
  grad([&](const Var& x) { return leaked = x * x; })(scalar(2));
  try {
    neg(leaked);
    FAIL();
  } catch (const Error& e) {  // names the call that made it
    EXPECT_NE(e.message().find("test_transforms.cpp:" + std::to_string(line)), std::string::npos)
        << e.what();
  }
  EXPECT_EQ(code_of([&] { leaked + 1.0; }), ErrorCode::escaped);
  // Level numbers are used again, ids are not: the old box is foreign to a new transform of the
  // same level.
  EXPECT_EQ(code_of([&] { grad([&](const Var& x) { return x * leaked; })(scalar(2)); }),
            ErrorCode::escaped);
  EXPECT_EQ(code_of([&] { leaked.tensor(); }), ErrorCode::escaped);
  EXPECT_EQ(grad([](const Var& x) { return x * x; })(scalar(2)).item(), 4.0);  // usable after
}

TEST(Transforms, ABoxOnAnotherThreadIsATypedError) {
  ErrorCode code = ErrorCode::usage;
  grad([&](const Var& x) {
    std::thread([&] { code = code_of([&] { x + 1.0; }); }).join();
    return x * x;
  })(scalar(2));
  EXPECT_EQ(code, ErrorCode::escaped);
}

TEST(Transforms, PullbackCanBeKeptAndSeesMutation) {
  Tensor w = Tensor::scalar(3, DType::f64);
  VjpResult r = vjp([](const Var& x) { return x * x; }, {w});
  EXPECT_EQ(r.pullback({scalar(1)})[0].item(), 6.0);
  EXPECT_EQ(r.pullback({scalar(10)})[0].item(), 60.0);
  w.mutable_data<double>()[0] = 4;
  EXPECT_EQ(code_of([&] { r.pullback({scalar(1)}); }), ErrorCode::stale);
}

TEST(Transforms, AConsumedPullbackIsATypedError) {
  VjpResult r = vjp([](const Var& x) { return x * x; }, {scalar(3)});
  EXPECT_EQ(r.pullback.consume({scalar(1)})[0].item(), 6.0);
  EXPECT_EQ(code_of([&] { r.pullback({scalar(1)}); }), ErrorCode::stale);
  EXPECT_EQ(code_of([&] { r.pullback.consume({scalar(1)}); }), ErrorCode::stale);
}

TEST(Transforms, AGhostThatARuleReadsIsATypedError) {
  EXPECT_EQ(code_of([] { Var::ghost({{2}, DType::f64}).tensor(); }), ErrorCode::rule);
}

TEST(Transforms, ItemUnderEachTransform) {
  auto branch = [](const Var& x) { return x.item() > 0 ? x * 2.0 : x * 3.0; };
  EXPECT_EQ(grad(branch)(scalar(1)).item(), 2.0);
  EXPECT_EQ(jvp(branch, {scalar(-1)}, {scalar(1)}).tangents[0].item(), 3.0);
  EXPECT_EQ(code_of([&] { vmap(branch)(Var(Tensor::ones({3}))); }), ErrorCode::rule);
}

TEST(Transforms, CheckpointGivesTheSameDerivativesOfAllOrders) {
  auto f = [](const Var& x) { return x * x * x + 2.0 * x; };
  auto g = [&](const Var& x) { return checkpoint(f)(x); };
  EXPECT_EQ(grad(g)(scalar(2)).item(), 14.0);
  EXPECT_EQ(grad(grad(g))(scalar(2)).item(), 12.0);
  EXPECT_EQ(jvp(grad(g), {scalar(2)}, {scalar(1)}).tangents[0].item(), 12.0);
  const Var x = Tensor::from<double>({1, 2, 3}, {3});
  EXPECT_EQ(vmap(grad(g))(x).tensor().to_vector<double>(), (std::vector<double>{5, 14, 29}));
}

TEST(Transforms, AClosureIntoCheckpointOrLinearizeIsATypedError) {
  EXPECT_EQ(code_of([&] {
              grad([](const Var& x) {
                return checkpoint([&](const Var& y) { return x * y; })(Var(scalar(1)));
              })(scalar(2));
            }),
            ErrorCode::closure);
  EXPECT_EQ(code_of([&] {
              grad([](const Var& x) {
                return linearize([&](const Var& y) { return x * y; }, {scalar(1)}).out()[0];
              })(scalar(2));
            }),
            ErrorCode::closure);
}

TEST(Transforms, LinearizeIsDifferentiableInItsPoint) {
  // d/dx of (x^3)' applied to 1, through a linearization at a boxed point: 6 x.
  auto slope = [](const Var& x) {
    return linearize([](const Var& y) { return y * y * y; }, {x}).apply({scalar(1)})[0];
  };
  EXPECT_EQ(grad(slope)(scalar(2)).item(), 12.0);
}

TEST(Transforms, JacobianAndHessianByBothModes) {
  auto f = [](const Var& x) { return x * x * sum(x); };
  const Var x = Tensor::from<double>({1, 2, 3}, {3});
  const auto a = jacobian(f, {x}, JacobianMode::forward)[0].tensor().to_vector<double>();
  EXPECT_EQ(a, jacobian(f, {x}, JacobianMode::reverse)[0].tensor().to_vector<double>());
  EXPECT_EQ(a, jacobian(f, {x}, JacobianMode::reverse, 2)[0].tensor().to_vector<double>());
  EXPECT_EQ(a, (std::vector<double>{13, 1, 1, 4, 28, 4, 9, 9, 45}));
  const auto h =
      hessian([](const Var& y) { return sum(y * y * y); }, x).tensor().to_vector<double>();
  EXPECT_EQ(h, (std::vector<double>{6, 0, 0, 0, 12, 0, 0, 0, 18}));
}

TEST(Transforms, VmapAxesChunksAndErrors) {
  const Var x = Tensor::from<double>({1, 2, 3, 4, 5, 6}, {2, 3});
  auto f = [](const Vars& v) { return v[0] * v[1]; };
  const Var y = scalar(2);
  const auto whole = vmap(f, {.in_axes = {1, std::nullopt}})({x, y})[0];
  EXPECT_EQ(whole.tensor().to_vector<double>(), (std::vector<double>{2, 8, 4, 10, 6, 12}));
  EXPECT_EQ(vmap(f, {.in_axes = {1, std::nullopt}, .out_axes = {1}, .chunk = 2})({x, y})[0]
                .tensor()
                .to_vector<double>(),
            (std::vector<double>{2, 4, 6, 8, 10, 12}));
  EXPECT_EQ(code_of([&] { vmap(f)({x, Var(Tensor::ones({3}))}); }), ErrorCode::shape);
  EXPECT_EQ(code_of([&] {
              vmap(f, {.in_axes = {std::nullopt, std::nullopt}})({x, y});
            }),
            ErrorCode::axis);
  EXPECT_EQ(code_of([&] { vmap(f, {.in_axes = {2, std::nullopt}})({x, y}); }), ErrorCode::axis);
  EXPECT_EQ(vmap([](const Var& v) { return v * 2.0; })(Var(Tensor::ones({0, 3}))).shape(),
            (Dims{0, 3}));
}

TEST(Transforms, MisuseOfGradIsATypedError) {
  const Var x = Tensor::ones({3}, DType::f64), i = Tensor::ones({3}, DType::i64);
  EXPECT_EQ(code_of([&] { grad([](const Var& v) { return v * 2.0; })(x); }), ErrorCode::shape);
  EXPECT_EQ(code_of([&] {
              grad([](const Vars& v) { return sum(v[0] * v[1]); })({x, i});
            }),
            ErrorCode::dtype);
  EXPECT_EQ(code_of([&] { grad([](const Vars&) { return Vars{}; })({x}); }), ErrorCode::shape);
  EXPECT_EQ(grad([](const Vars& v) { return sum(v[0] * v[1]); }, {0})({x, i}).size(), 1u);
  const auto r = value_and_grad([](const Vars& v) { return Vars{sum(v[0]), v[0] * 2.0}; }, {x});
  EXPECT_EQ(r.value.item(), 3.0);
  EXPECT_EQ(r.aux[0].tensor().to_vector<double>(), (std::vector<double>{2, 2, 2}));
}

TEST(Transforms, ErrorsNameTheCallSiteAlsoInRules) {
  try {
    vmap([](const Vars& v) { return v[0] + v[1]; })(
        {Var(Tensor::ones({2, 3})), Var(Tensor::ones({2, 4}))});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::broadcast);
    EXPECT_NE(e.file().find("test_transforms.cpp"), std::string::npos);
    EXPECT_NE(e.message().find("[3]"), std::string::npos) << e.what();  // shapes of one lane
  }
}

TEST(Transforms, AnomalyModeNamesTheForwardLine) {
  AnomalyMode anomaly;
  const std::uint32_t line = __LINE__ + 1;
  auto f = [](const Var& x) { return x / 0.0; };
  try {
    f(scalar(1));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::anomaly);
    EXPECT_EQ(e.line(), line);
  }
}

TEST(Transforms, MemoryOfAFinishedTransformIsFreed) {
  const std::int64_t before = current_bytes();
  {
    const Var x = Tensor::ones({1000}, DType::f64);
    grad([](const Var& v) { return sum(v * v * v); })(x);
  }
  EXPECT_EQ(current_bytes(), before);
}

}  // namespace
}  // namespace sonde
