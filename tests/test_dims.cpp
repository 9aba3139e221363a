#include <gtest/gtest.h>

#include "tensor/dtype.hpp"
#include "tensor/parallel.hpp"

namespace sonde {
namespace {

TEST(Dims, NumelOverflowIsATypedError) {
  EXPECT_EQ(numel({2, 3, 4}), 24);
  EXPECT_EQ(numel({}), 1);
  EXPECT_EQ(numel({0, std::int64_t{1} << 62}), 0);
  EXPECT_THROW(numel({0, std::int64_t{1} << 62, 8}), Error);
  try {
    numel({std::int64_t{1} << 62, 4});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::size);
  }
  EXPECT_THROW(numel({2, -1}), Error);
}

TEST(Dims, BroadcastNamesBothShapes) {
  EXPECT_EQ(broadcast_shapes({5, 1, 3}, {4, 1}, "add"), (Dims{5, 4, 3}));
  EXPECT_EQ(broadcast_shapes({0}, {1}, "add"), (Dims{0}));
  try {
    broadcast_shapes({5, 3}, {4, 2}, "add");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::broadcast);
    EXPECT_NE(std::string(e.what()).find("[5,3]"), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("[4,2]"), std::string::npos);
  }
}

TEST(Dims, RankNineIsATypedError) {
  EXPECT_THROW((Dims{1, 1, 1, 1, 1, 1, 1, 1, 1}), Error);
}

TEST(DType, HalfFloatsRoundTripThroughFloat) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const f16_t h{static_cast<std::uint16_t>(bits)};
    const bf16_t b{static_cast<std::uint16_t>(bits)};
    if (to_float(h) == to_float(h)) EXPECT_EQ(to_f16(to_float(h)).bits, bits);
    if (to_float(b) == to_float(b)) EXPECT_EQ(to_bf16(to_float(b)).bits, bits);
  }
  EXPECT_EQ(to_f16(65520.0f).bits, 0x7c00);         // halfway above the largest: infinity
  EXPECT_EQ(to_f16(1.0f + 0x1p-11f).bits, 0x3c00);  // tie to even
  EXPECT_EQ(to_bf16(1.0f + 0x1p-8f).bits, 0x3f80);
}

TEST(Parallel, EveryItemOnceForAnyThreadCount) {
  const int before = threads();
  for (int t : {1, 2, 3, 7}) {
    set_threads(t);
    std::vector<int> seen(1000, 0);
    parallel_for(1000, 10, [&](std::int64_t b, std::int64_t e) {
      for (; b < e; ++b) ++seen[static_cast<std::size_t>(b)];
    });
    EXPECT_EQ(seen, std::vector<int>(1000, 1)) << t;
  }
  EXPECT_THROW(set_threads(0), Error);
  set_threads(before);
}

}  // namespace
}  // namespace sonde
