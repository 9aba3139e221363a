// Indexing and random operations beyond what the generated suite asks of every primitive.
#include <gtest/gtest.h>

#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"

namespace sonde {
namespace {

Tensor values(const Dims& shape, std::uint64_t seed) {
  return normal(random_key(seed), shape, 0, 1, DType::f64).tensor();
}

std::vector<double> numbers(const Var& v) {
  return v.tensor().to_vector<double>();
}

ErrorCode code_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_NE(e.line(), 0u) << e.what();
    return e.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::usage;
}

TEST(Indexing, LanesOfLanesEachHaveTheirOwnIndex) {
  const Var x = values({2, 3, 5, 4}, 1);
  const Var index = randint(random_key(2), {2, 3, 6}, 0, 5);
  const Function one = [](const Vars& v) { return embedding(v[1], v[0]); };
  const Function slope = grad(
      [](const Vars& v) { return sum(mul(embedding(v[1], v[0]), embedding(v[1], v[0]))); }, {0});
  for (const Function& f : {one, slope}) {
    const Var all = vmap(vmap(f))(make_vars(x, index))[0];
    const Var outer_only =
        vmap(vmap(f, {.in_axes = {0, std::nullopt}}))(make_vars(x, select(index, 1, 0)))[0];
    const Var inner_only =
        vmap(vmap(f, {.in_axes = {std::nullopt, 0}}))(make_vars(select(x, 1, 0), index))[0];
    for (std::int64_t i = 0; i < 2; ++i)
      for (std::int64_t j = 0; j < 3; ++j) {
        auto at = [&](const Var& v) { return select(select(v, 0, i), 0, j); };
        EXPECT_EQ(numbers(at(all)), numbers(f(make_vars(at(x), at(index)))[0]));
        EXPECT_EQ(numbers(at(outer_only)),
                  numbers(f(make_vars(at(x), select(select(index, 0, i), 0, 0)))[0]));
        EXPECT_EQ(numbers(at(inner_only)),
                  numbers(f(make_vars(select(select(x, 0, i), 0, 0), at(index)))[0]));
      }
  }
}

TEST(Indexing, PerSampleGradientsOfAnEmbedding) {
  const Var weight = values({7, 3}, 1);
  const Var tokens = randint(random_key(2), {4, 5}, 0, 7);
  auto loss = [](const Vars& v) { return sum(mul(embedding(v[1], v[0]), 2.0)); };
  const Var g = vmap(grad(loss, {0}), {.in_axes = {std::nullopt, 0}})(make_vars(weight, tokens))[0];
  ASSERT_EQ(g.shape(), (Dims{4, 7, 3}));
  for (std::int64_t i = 0; i < 4; ++i)
    EXPECT_EQ(numbers(select(g, 0, i)),
              numbers(grad(loss, {0})(make_vars(weight, select(tokens, 0, i)))[0]));
}

TEST(Indexing, AnOutOfRangeIndexOfOneLaneIsFound) {
  const Var x = values({2, 3}, 1),
            index = Tensor::from<std::int64_t>({0, 3}, {2, 1});  // lane 1 asks for a fourth element
  const Function f = [](const Vars& v) { return take(v[0], v[1], 0); };
  EXPECT_EQ(code_of([&] { vmap(f)(make_vars(x, index)); }), ErrorCode::axis);
}

TEST(Indexing, IntegerIndicesOfAnyWidth) {
  const Var x = values({4, 2}, 1);
  const Tensor wide = Tensor::from<std::int64_t>({3, 0, 3}, {3});
  for (DType t : {DType::i32, DType::u8})
    EXPECT_EQ(numbers(take(x, wide.to(t), 0)), numbers(take(x, wide, 0)));
  EXPECT_EQ(code_of([&] { take(x, wide.to(DType::f32), 0); }), ErrorCode::dtype);
}

TEST(Indexing, ErrorsAreTyped) {
  const Var x = values({3, 4}, 1), i = Tensor::zeros({2, 2}, DType::i64),
            deep = Tensor::zeros({5, 2}, DType::i64);
  EXPECT_EQ(code_of([&] { gather(x, 2, i); }), ErrorCode::axis);
  EXPECT_EQ(code_of([&] { gather(x, 1, deep); }), ErrorCode::shape);
  EXPECT_EQ(code_of([&] { gather(x, 1, select(i, 0, 0)); }), ErrorCode::shape);
  EXPECT_EQ(code_of([&] { scatter_sum(x, 0, i, {3, 4}); }), ErrorCode::shape);
  EXPECT_EQ(code_of([&] { index_select(x, 0, i); }), ErrorCode::shape);
  EXPECT_EQ(code_of([&] { index_add(x, 0, select(i, 0, 0), x); }), ErrorCode::shape);
  EXPECT_EQ(code_of([&] { index_add(x, 0, Tensor::zeros({3}, DType::i64), to(x, DType::f32)); }),
            ErrorCode::dtype);
  EXPECT_EQ(code_of([&] { embedding(i, select(x, 0, 0)); }), ErrorCode::shape);
  EXPECT_EQ(code_of([&] { one_hot(i, -1); }), ErrorCode::value);
  EXPECT_EQ(code_of([&] { topk(x, 5); }), ErrorCode::value);
  EXPECT_EQ(code_of([&] { topk(x, -1); }), ErrorCode::value);
  EXPECT_EQ(code_of([&] { sort(x, 2); }), ErrorCode::axis);
  EXPECT_EQ(code_of([&] { split(x, {1, 1}, 0); }), ErrorCode::shape);
  EXPECT_EQ(code_of([&] { split(x, {4, -1}, 0); }), ErrorCode::value);
  EXPECT_EQ(code_of([&] { split(broadcast_to(Tensor::scalar(1), {std::int64_t{1} << 40}), 1); }),
            ErrorCode::value);
  EXPECT_EQ(code_of([&] { pad(x, {0, -1}, {0, 0}); }), ErrorCode::value);
  EXPECT_EQ(code_of([&] { pad(x, {0}, {0}); }), ErrorCode::shape);
  EXPECT_EQ(code_of([&] { stack({x, i}, 0); }), ErrorCode::dtype);
}

TEST(RandomOps, ErrorsAreTyped) {
  const Var key = random_key(1);
  EXPECT_EQ(code_of([&] { uniform(Tensor::zeros({3}, DType::i64), {2}); }), ErrorCode::shape);
  EXPECT_EQ(code_of([&] { uniform(Tensor::zeros({2}), {2}); }), ErrorCode::dtype);
  EXPECT_EQ(code_of([&] { uniform(key, {2}, 1, 0); }), ErrorCode::value);
  EXPECT_EQ(code_of([&] { uniform(key, {2}, 0, NAN); }), ErrorCode::value);
  EXPECT_EQ(code_of([&] { uniform(key, {2}, 0, 1, DType::i64); }), ErrorCode::dtype);
  EXPECT_EQ(code_of([&] { normal(key, {2}, 0, -1); }), ErrorCode::value);
  EXPECT_EQ(code_of([&] { normal(key, {-2}); }), ErrorCode::value);
  EXPECT_EQ(code_of([&] { truncated_normal(key, {2}, 0, 1, 2, -2); }), ErrorCode::value);
  EXPECT_EQ(code_of([&] { bernoulli(key, {2}, 1.5); }), ErrorCode::value);
  EXPECT_EQ(code_of([&] { randint(key, {2}, 3, 3); }), ErrorCode::value);
  EXPECT_EQ(code_of([&] { randint(key, {2}, 0, std::int64_t{1} << 40, DType::i32); }),
            ErrorCode::value);
  EXPECT_EQ(code_of([&] { permutation(key, -1); }), ErrorCode::value);
}

TEST(RandomOps, LanesDrawAlikeChunkedOrNot) {
  const Var keys = split_key(random_key(3), 7);
  const Function f = [](const Vars& v) { return normal(v[0], {5}); };
  const auto whole = numbers(vmap(f)(make_vars(keys))[0]);
  EXPECT_EQ(numbers(vmap(f, {.chunk = 3})(make_vars(keys))[0]), whole);
  for (std::int64_t i = 0; i < 7; ++i) {
    const auto alone = numbers(normal(select(keys, 0, i), {5}));
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), whole.begin() + i * 5));
  }
}

TEST(RandomOps, OneKeyGivesEveryLaneTheSame) {
  const Var key = random_key(3);
  const Function f = [&](const Vars& v) { return add(v[0], normal(key, {}, 0, 1, DType::f64)); };
  const auto y = numbers(vmap(f)(make_vars(Var(Tensor::zeros({4}, DType::f64))))[0]);
  EXPECT_EQ(y, std::vector<double>(4, y[0]));
}

TEST(RandomOps, FoldInByNumberAndByTensorAgree) {
  const Var key = random_key(3);
  EXPECT_EQ(
      fold_in(key, 5).tensor().to_vector<std::int64_t>(),
      fold_in(key, Var(Tensor::from<std::int64_t>({5}, {}))).tensor().to_vector<std::int64_t>());
  EXPECT_NE(fold_in(key, 5).tensor().to_vector<std::int64_t>(),
            fold_in(key, 6).tensor().to_vector<std::int64_t>());
}

}  // namespace
}  // namespace sonde
