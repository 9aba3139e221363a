// The order in which things run that have none.
#pragma once

#include <cstdint>

#include "simulator.hpp"

namespace simulator {

/// Walks 0..count-1, each once: an arithmetic progression modulo `count`, whose start and step are
/// drawn.
class Walk {
 public:
  explicit Walk(std::uint64_t count);
  bool at_end() const { return visited_ == count_; }
  std::uint64_t index() const { return index_; }
  void next() {
    ++visited_;
    index_ += step_;
    if (index_ >= count_) index_ -= count_;
  }

 private:
  std::uint64_t count_;
  std::uint64_t visited_ = 0;
  std::uint64_t index_ = 0;
  std::uint64_t step_ = 1;
};

/// Whether a stream that nobody waits for runs on: a coin in random order.
bool run_another_stream();
/// One of `count` things.
std::uint64_t pick(std::uint64_t count);

}  // namespace simulator
