// The loader's batches against its order computed by hand, with and without its thread, and after
// a seek; augmentation on images small enough to see.
#include "experiments/data/loader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tensor/parallel.hpp"

namespace sonde::experiments {
namespace {

// n images [1, 2, 3] whose pixels count upwards, and their numbers.
Tensors numbered(std::int64_t n) {
  return {Tensor::arange(n * 6, DType::f32).reshape({n, 1, 2, 3}), Tensor::arange(n)};
}

std::vector<std::int64_t> numbers(const Batch& b) {
  return b.parts[1].to_vector<std::int64_t>();
}

TEST(Loader, WithoutShufflingItGoesInOrderAndAgain) {
  Loader loader(numbered(5), {.batch_size = 2});
  EXPECT_EQ(loader.steps_per_epoch(), 3);
  const std::vector<std::vector<std::int64_t>> expected{{0, 1}, {2, 3}, {4}, {0, 1}};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(loader.position(), (Position{i == 3, static_cast<std::int64_t>(i % 3)}));
    const Batch b = loader.next();
    EXPECT_EQ(numbers(b), expected[i]);
    EXPECT_EQ(b.parts[0].at({0, 0, 1, 2}), 6 * static_cast<double>(expected[i][0]) + 5);
  }
}

TEST(Loader, DropLastLeavesTheShortBatchOut) {
  Loader loader(numbered(5), {.batch_size = 2, .drop_last = true});
  EXPECT_EQ(loader.steps_per_epoch(), 2);
  for (int i = 0; i < 2; ++i) loader.next();
  EXPECT_EQ(numbers(loader.next()), (std::vector<std::int64_t>{0, 1}));
}

TEST(Loader, EachEpochHasEveryItemOnceInAnOrderOfItsOwn) {
  Loader loader(numbered(20), {.batch_size = 8, .shuffle = true, .key = {3, 0}});
  std::set<std::vector<std::int64_t>> orders;
  for (int epoch = 0; epoch < 4; ++epoch) {
    std::vector<std::int64_t> order;
    for (int step = 0; step < 3; ++step)
      for (const std::int64_t i : numbers(loader.next())) order.push_back(i);
    orders.insert(order);
    std::ranges::sort(order);
    EXPECT_EQ(order, Tensor::arange(20).to_vector<std::int64_t>());
  }
  EXPECT_EQ(orders.size(), 4u);
}

// All pixels and numbers of the batches at several positions.
std::vector<float> stream(LoaderOptions options, Position start = {}) {
  options.batch_size = 4;
  options.shuffle = true;
  options.augment = compose({random_crop(1, -1), random_horizontal_flip()});
  Loader loader(numbered(10), options);
  if (!(start == Position{})) loader.seek(start);
  std::vector<float> out;
  while (!(loader.position() == Position{3, 2})) {
    const Batch b = loader.next();
    for (const Tensor& part : b.parts)
      for (const float v : part.to_vector<float>()) out.push_back(v);
  }
  return out;
}

TEST(Loader, PrefetchingChangesNoBit) {
  const int before = threads();
  const auto plain = stream({.key = {1, 2}, .prefetch = 0});
  for (int t : {1, 2, 3}) {
    set_threads(t);
    for (std::int64_t prefetch : {1, 4})
      EXPECT_EQ(stream({.key = {1, 2}, .prefetch = prefetch}), plain);
  }
  set_threads(before);
  EXPECT_NE(stream({.key = {1, 3}}), plain);
}

TEST(Loader, GoesOnFromAPositionToTheSameBits) {
  const auto whole = stream({.key = {1, 2}});
  for (const Position start : {Position{0, 1}, {1, 0}, {2, 2}}) {
    const auto rest = stream({.key = {1, 2}}, start);
    ASSERT_LT(rest.size(), whole.size());
    EXPECT_TRUE(std::equal(rest.rbegin(), rest.rend(), whole.rbegin()));
  }
}

TEST(Loader, AFailureInTheBackgroundIsThrownWhereTheBatchIsTaken) {
  Loader loader(numbered(4), {.batch_size = 2, .augment = [](const Tensor& item, philox::Key) {
                                if (item.at({0, 0, 0}) > 6) fail(ErrorCode::data, "test", "bad");
                              }});
  EXPECT_EQ(numbers(loader.next()), (std::vector<std::int64_t>{0, 1}));
  for (int i = 0; i < 2; ++i) EXPECT_THROW(loader.next(), Error);
  loader.seek({0, 0});
  EXPECT_EQ(numbers(loader.next()), (std::vector<std::int64_t>{0, 1}));
}

TEST(Loader, BadInputIsATypedError) {
  auto code_of = [](auto f) {
    try {
      f();
    } catch (const Error& e) {
      return e.code();
    }
    return ErrorCode::usage;
  };
  EXPECT_EQ(code_of([] {
              Loader({Tensor::zeros({3}), Tensor::zeros({2})}, {});
            }),
            ErrorCode::shape);
  EXPECT_EQ(code_of([] { Loader({Tensor::zeros({})}, {}); }), ErrorCode::axis);
  EXPECT_EQ(code_of([] { Loader({}, {}); }), ErrorCode::value);
  EXPECT_EQ(code_of([] { Loader(numbered(3), {.batch_size = 0}); }), ErrorCode::value);
  EXPECT_EQ(code_of([] { Loader(numbered(3), {.batch_size = 4, .drop_last = true}); }),
            ErrorCode::value);
  EXPECT_EQ(code_of([] { Loader(numbered(3), {}).seek({0, 3}); }), ErrorCode::value);
  EXPECT_EQ(code_of([] { items_at(Tensor::zeros({2}), std::vector<std::int64_t>{2}); }),
            ErrorCode::axis);
  EXPECT_EQ(code_of([] { random_crop(-1); }), ErrorCode::value);
  EXPECT_EQ(code_of([] { random_horizontal_flip(1.5); }), ErrorCode::value);
  EXPECT_EQ(code_of([] { random_crop(1)(Tensor::zeros({2, 2}), {}); }), ErrorCode::shape);
}

Tensor image() {                                               // 1 2 3
  return Tensor::arange(6, DType::f32, 1).reshape({1, 2, 3});  // 4 5 6
}

TEST(Augment, FlipMirrorsRowsAboutHalfOfTheTime) {
  int flipped = 0;
  for (std::uint64_t k = 0; k < 400; ++k) {
    const Tensor x = image();
    random_horizontal_flip()(x, {k, 0});
    const auto pixels = x.to_vector<float>();
    if (pixels[0] == 3) {
      ++flipped;
      EXPECT_EQ(pixels, (std::vector<float>{3, 2, 1, 6, 5, 4}));
    } else {
      EXPECT_EQ(pixels, image().to_vector<float>());
    }
  }
  EXPECT_NEAR(flipped, 200, 50);  // five standard deviations
  const Tensor never = image(), always = image();
  random_horizontal_flip(0)(never, {1, 0});
  random_horizontal_flip(1)(always, {1, 0});
  EXPECT_EQ(never.at({0, 0, 0}), 1);
  EXPECT_EQ(always.at({0, 0, 0}), 3);
}

// Every crop is the padded image cut at one of nine places, and all of them occur.
TEST(Augment, CropCutsThePaddedImageAnywhere) {
  std::set<std::vector<float>> expected, seen;
  for (int down = -1; down <= 1; ++down)
    for (int right = -1; right <= 1; ++right) {
      std::vector<float> cut;
      for (int y = 0; y < 2; ++y)
        for (int x = 0; x < 3; ++x) {
          const int v = y - down, u = x - right;
          const bool inside = v >= 0 && v < 2 && u >= 0 && u < 3;
          cut.push_back(inside ? static_cast<float>(1 + 3 * v + u) : -7.0f);
        }
      expected.insert(cut);
    }
  for (std::uint64_t k = 0; k < 300; ++k) {
    const Tensor x = image();
    random_crop(1, -7)(x, {k, 0});
    seen.insert(x.to_vector<float>());
  }
  EXPECT_EQ(seen, expected);
}

}  // namespace
}  // namespace sonde::experiments
