#include "warp.hpp"

#include <bit>

#include "fault.hpp"

namespace simulator {
namespace {

template <class Body>
void for_each_lane(unsigned lanes, Body body) {
  for (; lanes != 0; lanes &= lanes - 1) body(static_cast<unsigned>(std::countr_zero(lanes)));
}

}  // namespace

void Warp::start(unsigned lanes) {
  alive_ = lanes == 32 ? ~0U : (1U << lanes) - 1;
  waiting_ = 0;
  syncs_ = 0;
}

unsigned Warp::arrive(unsigned lane, WarpOp op, unsigned mask, std::uint64_t value,
                      unsigned source) {
  if ((mask >> lane & 1U) == 0) {
    fault("a warp intrinsic's mask lacks the lane that calls it, " + std::to_string(lane));
  }
  waits_[lane] = {op, mask, source, value, 0};
  waiting_ |= 1U << lane;
  return complete(mask);
}

unsigned Warp::leave(unsigned lane) {
  alive_ &= ~(1U << lane);
  unsigned released = 0;
  for_each_lane(waiting_, [&](unsigned other) {
    if ((waiting_ >> other & 1U) != 0) released |= complete(waits_[other].mask);
  });
  return released;
}

unsigned Warp::complete(unsigned mask) {
  const unsigned lanes = mask & alive_;
  if ((waiting_ & lanes) != lanes) return 0;
  check_same(lanes);
  // The other intrinsics do not order accesses to memory.
  if (waits_[static_cast<unsigned>(std::countr_zero(lanes))].op == WarpOp::sync) ++syncs_;
  unsigned votes = 0;
  for_each_lane(lanes, [&](unsigned lane) { votes |= unsigned{waits_[lane].value != 0} << lane; });
  for_each_lane(lanes, [&](unsigned lane) {
    Wait& wait = waits_[lane];
    const bool there = wait.source < 32 && (lanes >> wait.source & 1U) != 0;
    if (wait.op == WarpOp::ballot) {
      wait.result = std::uint64_t{lanes} << 32 | votes;
    } else {
      wait.result = there ? waits_[wait.source].value : ~std::uint64_t{0};
    }
  });
  waiting_ &= ~lanes;
  return lanes;
}

void Warp::check_same(unsigned lanes) const {
  const Wait& first = waits_[static_cast<unsigned>(std::countr_zero(lanes))];
  for_each_lane(lanes, [&](unsigned lane) {
    if (waits_[lane].op != first.op || waits_[lane].mask != first.mask) {
      fault("lanes " + std::to_string(std::countr_zero(lanes)) + " and " + std::to_string(lane) +
            " of a warp wait for each other with different intrinsics or masks");
    }
  });
}

}  // namespace simulator
