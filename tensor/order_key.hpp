/// @file
/// Sorting by unsigned numbers, shared by the backends.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace sonde {

/// What `order_key` makes of a T: 64 bits of a type of 64, else 32.
template <class T>
using OrderKey = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;

/// An unsigned number with the order of `v`, or with the opposite one. Equal values have equal
/// keys (-0 and +0 too); NaN has the largest in either direction, which no other float has.
template <class T>
constexpr OrderKey<T> order_key(T v, bool descending) {
  using Bits = OrderKey<T>;
  constexpr Bits sign = Bits{1} << (8 * sizeof(Bits) - 1);
  Bits key;
  if constexpr (std::is_floating_point_v<T>) {
    if (v != v) return std::numeric_limits<Bits>::max();
    const Bits bits = std::bit_cast<Bits>(v + T(0));  // -0 becomes +0: they are equal
    key = bits & sign ? ~bits : bits | sign;
  } else {
    key = static_cast<Bits>(v);
    if constexpr (std::is_signed_v<T>) key ^= sign;
  }
  return descending ? static_cast<Bits>(~key) : key;
}

}  // namespace sonde
