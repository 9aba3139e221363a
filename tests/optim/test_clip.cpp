// Clipping of gradients against sums written out.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "optim/clip.hpp"
#include "tensor/parallel.hpp"

namespace sonde::optim {
namespace {

TEST(Clip, NormIsThatOfAllGradientsTogether) {
  Vars grads{Var(Tensor::from<double>({3, 0}, {2})), Var(), Var(Tensor::full({4, 4}, 1.0))};
  EXPECT_DOUBLE_EQ(grad_norm(grads), 5);  // sqrt(9 + 16)
  EXPECT_DOUBLE_EQ(clip_grad_norm(grads, 5.1), 5);
  EXPECT_EQ(grads[0].tensor().at({0}), 3);  // short enough: untouched
  EXPECT_DOUBLE_EQ(clip_grad_norm(grads, 2.5), 5);
  EXPECT_NEAR(grad_norm(grads), 2.5, 1e-6);
  EXPECT_NEAR(grads[0].tensor().at({0}), 1.5, 1e-6);
  EXPECT_FALSE(grads[1]);
}

TEST(Clip, ALongNormIsAccurateAndDoesNotDependOnThreads) {
  const int before = threads();
  const std::int64_t n = 300'001;
  const Tensor x = Tensor::arange(n, DType::f32, 0, 1e-3);
  long double exact = 0;
  for (const float v : x.to_vector<float>()) exact += static_cast<long double>(v) * v;
  for (int t : {1, 2, 3}) {
    set_threads(t);
    const double norm = grad_norm({Var(x), Var(x.flip({0}))});
    EXPECT_NEAR(norm, static_cast<double>(std::sqrt(2 * exact)), 1e-13 * norm);
    static const double first = norm;
    EXPECT_EQ(norm, first) << t << " threads";
  }
  set_threads(before);
}

TEST(Clip, SquaresBeyondFloatDoNotOverflow) {
  EXPECT_NEAR(grad_norm({Var(Tensor::full({4}, 1e30))}), 2e30, 1e24);
}

TEST(Clip, SharedGradientsAreNotWrittenInPlace) {
  const Tensor shared = Tensor::full({1}, 8.0);
  Vars grads{Var(shared.expand({4})), Var(shared)};
  clip_grad_value(grads, 1);
  EXPECT_EQ(grads[0].tensor().at({3}), 1);
  EXPECT_EQ(shared.item(), 8);
}

TEST(Clip, BadInputIsATypedError) {
  const double infinity = std::numeric_limits<double>::infinity();
  Vars grads{Var(Tensor::full({2}, infinity))};
  auto code_of = [](auto f) {
    try {
      f();
    } catch (const Error& e) {
      return e.code();
    }
    return ErrorCode::usage;
  };
  EXPECT_EQ(code_of([&] { clip_grad_norm(grads, 1, true); }), ErrorCode::numeric);
  EXPECT_EQ(grads[0].tensor().at({0}), infinity);
  EXPECT_EQ(code_of([&] { clip_grad_norm(grads, -1); }), ErrorCode::value);
  EXPECT_EQ(code_of([&] { clip_grad_value(grads, std::nan("")); }), ErrorCode::value);
  EXPECT_EQ(code_of([] { grad_norm({Var(Tensor::zeros({2}, DType::i64))}); }), ErrorCode::dtype);
}

}  // namespace
}  // namespace sonde::optim
