/// @file
/// Estimate: a number that comes from sampling, together with its error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace sonde {

/// A closed interval.
struct Interval {
  double low = 0, high = 0;
  friend bool operator==(const Interval&, const Interval&) = default;
};

/// A measured value. It carries a standard error or a 95 % interval (or both) and what it was
/// measured on; nothing in Sonde prints such a number bare.
struct Estimate {
  double value = 0;
  std::optional<double> std_error{};
  std::optional<Interval> ci95{};
  std::int64_t n = 1;      ///< independent units (seeds)
  std::int64_t m = 1;      ///< items under each unit (images, draws)
  std::uint64_t seed = 0;  ///< of the sampling that made the value, 0 if none did

  /// A number known without error over `m` items of `n` units.
  static Estimate exact(double value, std::int64_t n = 1, std::int64_t m = 1) {
    return {.value = value, .std_error = 0.0, .ci95 = Interval{value, value}, .n = n, .m = m};
  }
};

/// "0.0523 [0.0491, 0.0556]", or "0.0523 ± 0.0016" if there is a standard error only; "(no
/// interval)" if neither.
std::string to_string(const Estimate& e);

}  // namespace sonde
