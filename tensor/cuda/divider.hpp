/// @file
/// Division of 31-bit numbers by a divisor that the host knows: a multiplication and a shift in
/// place of some twenty instructions.
#pragma once

#include <bit>
#include <cstdint>

#include "tensor/functors/host_device.hpp"

namespace sonde::cuda {

/// n / d = (n + high(n m)) >> s with s = ceil(log2 d) and m = floor(2^32 (2^s - d) / d) + 1, exact
/// for n < 2^31 and 1 <= d < 2^31. T. Granlund, P. Montgomery, "Division by invariant integers
/// using multiplication", PLDI 1994, figure 4.1.
class Divider {
 public:
  Divider() = default;
  explicit Divider(std::uint32_t divisor)
      : divisor_(divisor), shift_(static_cast<std::uint32_t>(std::bit_width(divisor - 1))) {
    const std::uint64_t power = std::uint64_t{1} << shift_;
    factor_ = static_cast<std::uint32_t>(((power - divisor) << 32) / divisor + 1);
  }

  SONDE_HD std::uint32_t quotient(std::uint32_t n) const {
    const auto high = static_cast<std::uint32_t>(std::uint64_t{n} * factor_ >> 32);
    return (n + high) >> shift_;
  }
  /// Leaves the quotient in `n`, returns the remainder.
  SONDE_HD std::uint32_t split(std::uint32_t& n) const {
    const std::uint32_t q = quotient(n), remainder = n - q * divisor_;
    n = q;
    return remainder;
  }

 private:
  std::uint32_t divisor_ = 1, factor_ = 1, shift_ = 0;
};

}  // namespace sonde::cuda
