/// @file
/// Whole numbers from a key, one after another.
#pragma once

#include <cstdint>

#include "tensor/philox.hpp"

namespace sonde::experiments {

/// A sequence that is a function of its key.
class Draws {
 public:
  explicit Draws(philox::Key key) : key_(key) {}
  /// The next one, of 0 ... count - 1.
  std::int64_t below(std::int64_t count) {
    return static_cast<std::int64_t>(philox::unit(philox::bits(key_, next_++)) *
                                     static_cast<double>(count));
  }

 private:
  philox::Key key_;
  std::uint64_t next_ = 0;
};

}  // namespace sonde::experiments
