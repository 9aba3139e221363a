/// @file
/// Arithmetic on sizes that throws instead of wrapping. Every size, from Dims to the allocator,
/// goes through here.
#pragma once

#include <cstdint>

#include "tensor/error.hpp"

namespace sonde {

inline std::int64_t checked_mul(std::int64_t a, std::int64_t b) {
  std::int64_t r;
  if (__builtin_mul_overflow(a, b, &r)) fail(ErrorCode::size, "size", "{} * {} overflows", a, b);
  return r;
}

inline std::int64_t checked_add(std::int64_t a, std::int64_t b) {
  std::int64_t r;
  if (__builtin_add_overflow(a, b, &r)) fail(ErrorCode::size, "size", "{} + {} overflows", a, b);
  return r;
}

inline std::int64_t checked_sub(std::int64_t a, std::int64_t b) {
  std::int64_t r;
  if (__builtin_sub_overflow(a, b, &r)) fail(ErrorCode::size, "size", "{} - {} overflows", a, b);
  return r;
}

}  // namespace sonde
