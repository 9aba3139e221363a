/// @file
/// Numbers for planted studies of networks on bit strings, and what they are judged.
#pragma once

#include <cmath>
#include <map>
#include <numbers>
#include <string>
#include <vector>

#include "experiments/common/claim.hpp"
#include "tensor/philox.hpp"

namespace sonde::experiments {

/// Standard normal numbers, one after the other (Box and Muller's).
class NormalNumbers {
 public:
  explicit NormalNumbers(philox::Key key) : key_(key) {}
  double next() {
    const philox::Block bits = philox::block(key_, count_++);
    const double u = (bits.word[0] + 0.5) * 0x1p-32, v = bits.word[1] * 0x1p-32;
    return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  }

 private:
  philox::Key key_;
  std::uint64_t count_ = 0;
};

inline std::map<std::string, Verdict> verdicts_of(const std::vector<Claim>& claims) {
  std::map<std::string, Verdict> out;
  for (const Claim& c : claims) out[c.id] = c.verdict;
  return out;
}

}  // namespace sonde::experiments
