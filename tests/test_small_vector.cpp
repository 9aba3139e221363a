// SmallVector: growth, ownership, and arguments that lie in the vector itself.
#include <gtest/gtest.h>

#include <string>

#include "tensor/small_vector.hpp"

namespace sonde {
namespace {

using Strings = SmallVector<std::string, 2>;

TEST(SmallVector, GrowsWhileItsOwnElementIsTheArgument) {
  const std::string text(100, 'x');
  Strings v{text, "b"};
  v.emplace_back(v[0]);  // full: growing moves v[0] away first, if it is not careful
  EXPECT_EQ(v[2], text);
  EXPECT_EQ(v[0], text);
  v.push_back(v[1]);
  v.push_back(v[2]);
  EXPECT_EQ(v.back(), text);
  EXPECT_EQ(v.size(), 5u);
}

TEST(SmallVector, MovesAndCopiesInlineAndOnTheHeap) {
  for (std::size_t n : {0u, 1u, 2u, 3u, 9u}) {
    Strings v;
    for (std::size_t i = 0; i < n; ++i) v.push_back(std::to_string(i));
    Strings copy = v, moved = std::move(v);
    EXPECT_TRUE(v.empty());
    ASSERT_EQ(moved.size(), n);
    ASSERT_EQ(copy.size(), n);
    for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(moved[i], copy[i]);
    v = std::move(moved);
    copy = v;
    copy.resize(4);
    EXPECT_EQ(copy.size(), 4u);
    EXPECT_EQ(copy[3], n > 3 ? "3" : "");
    v.clear();
    EXPECT_TRUE(v.empty());
  }
}

}  // namespace
}  // namespace sonde
