// What the lanes of one warp wait for.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "cuda_runtime.h"

namespace simulator {

/// 32 threads of a block. Bits of a mask are lanes.
class Warp {
 public:
  /// `lanes` threads start; the last warp of a block can have fewer than 32.
  void start(unsigned lanes);

  /// The lane waits for the others of its mask; the lanes that may go on, none if some are missing.
  /// Ends the program if the mask lacks the lane, or if lanes that wait for each other want
  /// different things.
  unsigned arrive(unsigned lane, WarpOp op, unsigned mask, std::uint64_t value, unsigned source);
  /// The lane ended: nobody waits for it any more. The lanes that may now go on.
  unsigned leave(unsigned lane);

  /// What wait_for_warp returns to the lane.
  std::uint64_t result(unsigned lane) const { return waits_[lane].result; }
  /// How many __syncwarps were completed, modulo 2^16.
  std::uint16_t syncs() const { return syncs_; }
  /// Lanes for which `lane` waits.
  unsigned missing(unsigned lane) const { return waits_[lane].mask & alive_ & ~waiting_; }

 private:
  struct Wait {
    WarpOp op;
    unsigned mask;
    unsigned source;
    std::uint64_t value;
    std::uint64_t result;
  };
  unsigned complete(unsigned mask);
  void check_same(unsigned lanes) const;

  std::array<Wait, 32> waits_;
  unsigned alive_ = 0;
  unsigned waiting_ = 0;
  std::uint16_t syncs_ = 0;
};

}  // namespace simulator
