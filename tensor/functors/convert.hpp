/// @file
/// Conversions between any two element types.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "tensor/dtype.hpp"
#include "tensor/functors/host_device.hpp"

namespace sonde::functors {

SONDE_HD constexpr float float_of(f16_t v) {
  const std::uint32_t sign = (v.bits & 0x8000u) << 16, exponent = (v.bits >> 10) & 31u,
                      mantissa = v.bits & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;  // zero or subnormal
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
}
SONDE_HD constexpr float float_of(bf16_t v) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(v.bits) << 16);
}

/// Rounds to nearest even; NaN stays NaN.
SONDE_HD constexpr f16_t f16_of(float v) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(v), magnitude = bits & 0x7fffffffu;
  std::uint32_t half = 0;
  if (magnitude > 0x7f800000u)
    half = 0x7e00u | ((magnitude >> 13) & 0x1ffu);
  else if (magnitude >= 0x477ff000u)
    half = 0x7c00u;                  // rounds to infinity
  else if (magnitude < 0x38800000u)  // subnormal: let the float adder do the rounding
    half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) -
           std::bit_cast<std::uint32_t>(0.5f);
  else
    half = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  return {static_cast<std::uint16_t>(((bits >> 16) & 0x8000u) | half)};
}
SONDE_HD constexpr bf16_t bf16_of(float v) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(v);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<std::uint16_t>((bits >> 16) | 0x40u)};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

/// A float as an integer: truncates, saturates, NaN gives 0 (a cast out of range would be
/// undefined).
template <class To, class From>
SONDE_HD constexpr To integer_of(From v) {
  using L = std::numeric_limits<To>;
  if (!(v == v)) return To{};
  if constexpr (std::is_unsigned_v<To>) {
    if (v <= From(-1)) return To{};
    if (v >= From(256)) return L::max();
  } else {
    constexpr auto low = static_cast<double>(L::min());
    if (static_cast<double>(v) < low) return L::min();
    if (static_cast<double>(v) >= -low) return L::max();
  }
  return static_cast<To>(v);
}

/// `v` as a To: 16-bit floats by way of f32, to bool as != 0.
template <class To, class From>
SONDE_HD constexpr To convert(From v) {
  if constexpr (std::is_same_v<From, To>)
    return v;
  else if constexpr (std::is_same_v<From, f16_t> || std::is_same_v<From, bf16_t>)
    return convert<To>(float_of(v));
  else if constexpr (std::is_same_v<To, f16_t>)
    return f16_of(static_cast<float>(v));
  else if constexpr (std::is_same_v<To, bf16_t>)
    return bf16_of(static_cast<float>(v));
  else if constexpr (std::is_same_v<To, bool>)
    return v != From{};
  else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>)
    return integer_of<To>(v);
  else
    return static_cast<To>(v);
}

template <class To>
struct Convert {
  template <class From>
  SONDE_HD To operator()(From v) const {
    return convert<To>(v);
  }
};

}  // namespace sonde::functors
