/// @file
/// What a measurement will cost, told before anything is computed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sonde::experiments {

/// One kind of work.
struct Work {
  std::string what;
  std::string count;  ///< of products, or of whatever it consists of
  double flops = 0;   ///< floating-point operations of all of it
  double bytes = 0;   ///< of memory at its peak
};

struct Budget {
  std::string of;  ///< network and data, one line
  std::vector<Work> works{};
  double limit = 0;  ///< bytes

  double flops() const;
  /// One work is done after the other.
  double bytes() const;
  /// A table, and what it adds up to beside the limit.
  std::string text() const;
  /// Error(memory) naming the work that needs most and `cure`, if it does not fit the limit.
  void require(const std::string& cure) const;
};

/// GiB of an option as bytes.
std::int64_t gib(double value);
/// "1.5 GiB", "320 MiB".
std::string bytes_text(double bytes);

}  // namespace sonde::experiments
