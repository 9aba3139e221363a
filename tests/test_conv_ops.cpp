// What the generated suite does not reach: nested lanes, misuse.
#include <gtest/gtest.h>

#include "autograd/observe.hpp"
#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"
#include "tensor/allocator.hpp"
#include "tests/conv_reference.hpp"

namespace sonde {
namespace {

using reference::noise;
using reference::relative_error;

void expect_close(const Var& got, const Var& want) {
  ASSERT_EQ(got.shape(), want.shape());
  EXPECT_LE(relative_error(got.tensor(), want.tensor().to_vector<double>()), 1e-13);
}

Var loss(const Var& x, const Var& w, const ConvAttrs& a) {
  const Var y = conv2d(x, w, {}, a);
  return sum(mul(mul(y, y), y));
}

TEST(ConvOps, PerSampleGradientsEqualTheLoop) {
  const Tensor x = noise({4, 1, 16, 7, 6}, DType::f64, 1), w = noise({8, 4, 3, 3}, DType::f64, 2);
  const ConvAttrs a{{2, 1}, {1, 1}, {1, 1}, 4};
  const Function gradient = grad([&](const Vars& v) { return loss(v[0], v[1], a); }, {1});
  const std::int64_t fallbacks = counters().loop_fallbacks;
  const Var together = vmap(gradient, {.in_axes = {0, std::nullopt}})(make_vars(Var(x), Var(w)))[0];
  for (std::int64_t i = 0; i < 4; ++i)
    expect_close(select(together, 0, i), gradient(make_vars(Var(x.select(0, i)), Var(w)))[0]);
  EXPECT_EQ(counters().loop_fallbacks, fallbacks);
}

// Lanes of lanes, on each operand in turn and on both, for all three products and with groups.
TEST(ConvOps, NestedLanesEqualTheLoops) {
  for (std::int64_t groups : {1, 2}) {
    const ConvAttrs a{{1, 2}, {1, 0}, {1, 1}, groups};
    const Dims x{2, 4, 5, 6}, w{4, 4 / groups, 3, 2}, y{2, 4, 5, 3};
    const Function products[] = {[a](const Vars& v) { return conv2d(v[0], v[1], {}, a); },
                                 [a](const Vars& v) {
                                   return conv2d_input_grad(v[0], v[1], {5, 6}, a);
                                 },
                                 [a](const Vars& v) {
                                   return conv2d_weight_grad(v[0], v[1], {3, 2}, a);
                                 }};
    const Dims shapes[3][2] = {{x, w}, {y, w}, {x, y}};
    for (int k = 0; k < 3; ++k)
      for (int outer = 0; outer < 4; ++outer)
        for (int inner = 0; inner < 4; ++inner) {
          if (outer == 0 || inner == 0) continue;
          Vars in;
          Axes outer_axes, inner_axes;
          for (int i = 0; i < 2; ++i) {
            const bool has_outer = (outer >> i & 1) != 0, has_inner = (inner >> i & 1) != 0;
            Dims shape = shapes[k][i];
            if (has_inner) shape.insert(0, 2);
            if (has_outer) shape.insert(0, 3);
            in.push_back(noise(shape, DType::f64, static_cast<std::uint32_t>(7 * k + i)));
            outer_axes.push_back(has_outer ? std::optional<int>(0) : std::nullopt);
            inner_axes.push_back(has_inner ? std::optional<int>(0) : std::nullopt);
          }
          const Function& f = products[k];
          const Var got = vmap(vmap(f, {.in_axes = inner_axes}), {.in_axes = outer_axes})(in)[0];
          for (std::int64_t i = 0; i < 3; ++i)
            for (std::int64_t j = 0; j < 2; ++j) {
              Vars one;
              for (std::size_t s = 0; s < 2; ++s) {
                Var v = in[s];
                if (outer_axes[s]) v = select(v, 0, i);
                if (inner_axes[s]) v = select(v, 0, j);
                one.push_back(v);
              }
              expect_close(select(select(got, 0, i), 0, j), f(one)[0]);
            }
        }
  }
}

// Runs f; a typed error is as good as a value.
template <class F>
void survives(const F& f) {
  try {
    f();
  } catch (const Error&) {
  }
}

constexpr std::int64_t limits[] = {
    INT64_MIN, -1, 0, 1, 2, 3, 4, 5, std::int64_t{1} << 31, std::int64_t{1} << 62, INT64_MAX};

TEST(ConvOps, AnyAttributeGivesAValueOrATypedError) {
  set_memory_limit(current_bytes() + (64 << 20));
  const Tensor x = noise({1, 4, 4, 4}, DType::f32, 1), w = noise({4, 2, 3, 3}, DType::f32, 2),
               dy = noise({1, 4, 2, 2}, DType::f32, 3);
  for (int field = 0; field < 7; ++field)
    for (std::int64_t value : limits) {
      ConvAttrs a;
      a.groups = 2;
      std::int64_t* const fields[] = {&a.stride[0],   &a.stride[1],   &a.padding[0], &a.padding[1],
                                      &a.dilation[0], &a.dilation[1], &a.groups};
      *fields[field] = value;
      survives([&] { conv2d(x, w, {}, a); });
      survives([&] { conv2d_input_grad(dy, w, {4, 4}, a); });
      survives([&] { conv2d_weight_grad(x, dy, {3, 3}, a); });
    }
  for (std::int64_t value : limits)
    for (std::int64_t padding : limits) {
      const ConvAttrs a{{value, 1}, {padding, 0}, {1, 1}, 2};
      survives([&] { conv2d(x, w, {}, a); });
      survives([&] { conv2d_input_grad(dy, w, {value, 4}, a); });
      survives([&] { conv2d_weight_grad(x, dy, {padding, value}, a); });
      survives([&] { conv1d(x.select(0, 0), w.select(3, 0), {}, {value, padding, 1, 2}); });
    }
  set_memory_limit(0);
}

TEST(ConvOps, AnyShapeGivesAValueOrATypedError) {
  const auto run = [](const Dims& a, const Dims& b) {
    const Tensor x = Tensor::zeros(a), w = Tensor::zeros(b);
    survives([&] { conv2d(x, w); });
    survives([&] { conv1d(x, w); });
    survives([&] { conv2d(x, w, x); });
    survives([&] { conv2d_input_grad(x, w, {2, 2}); });
    survives([&] { conv2d_weight_grad(x, w, {2, 2}); });
  };
  for (int rank = 0; rank <= max_rank; ++rank)
    for (int zero = -1; zero < rank; ++zero) {
      Dims shape = Dims::filled(rank, 2);
      if (zero >= 0) shape[zero] = 0;
      run(shape, Dims::filled(rank, 2));
      run(Dims::filled(rank, 2), shape);
      run(shape, {2, 2, 2, 2});
      run({2, 2, 2, 2}, shape);
      run({2, 2, 0, 0}, shape);
    }
}

ErrorCode code_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::value;
}

TEST(ConvOps, MisuseIsATypedErrorThatNamesWhatIsWrong) {
  const Tensor x = Tensor::zeros({2, 4, 5, 5}), w = Tensor::zeros({6, 4, 3, 3});
  EXPECT_EQ(code_of([&] { conv2d(x, Tensor::zeros({6, 3, 3, 3})); }), ErrorCode::shape);
  EXPECT_EQ(code_of([&] { conv2d(x, Tensor::zeros({6, 4, 6, 3})); }), ErrorCode::shape);
  EXPECT_EQ(code_of([&] { conv2d(x, Tensor::zeros({6, 4, 0, 3})); }), ErrorCode::value);
  EXPECT_EQ(code_of([&] { conv2d(x, w, Tensor::zeros({5})); }), ErrorCode::shape);
  EXPECT_EQ(code_of([&] { conv2d(x, w.to(DType::f64)); }), ErrorCode::dtype);
  EXPECT_EQ(code_of([&] { conv2d(x.to(DType::i64), w.to(DType::i64)); }), ErrorCode::dtype);
  EXPECT_EQ(code_of([&] { conv2d(x, w, {}, {{0, 1}}); }), ErrorCode::value);
  EXPECT_EQ(code_of([&] { conv2d(x, w, {}, {{1, 1}, {0, 0}, {1, 1}, 4}); }), ErrorCode::shape);
  EXPECT_EQ(code_of([&] {
              conv2d_input_grad(Tensor::zeros({2, 6, 3, 3}), w, {6, 5});
            }),
            ErrorCode::shape);
  try {
    conv2d(x, Tensor::zeros({6, 3, 3, 3}));
  } catch (const Error& e) {
    const std::string what = e.what();
    EXPECT_NE(what.find("[2,4,5,5]"), std::string::npos) << what;
    EXPECT_NE(what.find("[6,3,3,3]"), std::string::npos) << what;
    EXPECT_NE(what.find("test_conv_ops.cpp"), std::string::npos) << what;
  }
}

}  // namespace
}  // namespace sonde
