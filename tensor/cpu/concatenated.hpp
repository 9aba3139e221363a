/// @file
/// Loops over the elements of many tensors as if they were one: small tensors cost no loop of their
/// own, and large ones are shared among the threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tensor/parallel.hpp"

namespace sonde::cpu {

/// Where each of several arrays begins in their concatenation.
class Concatenation {
 public:
  void add(std::int64_t n) { ends_.push_back(size() + n); }
  std::int64_t size() const { return ends_.empty() ? 0 : ends_.back(); }

  /// Cuts the concatenation into chunks of about one size, and calls
  /// `f(chunk, array, first, count)` for each stretch of an array in each chunk.
  template <class F>
  void for_each_stretch(std::int64_t chunks, F&& f) const {
    parallel_chunks(chunks, [&](std::int64_t chunk) {
      std::int64_t at = chunk_begin(size(), chunks, chunk);
      const std::int64_t stop = chunk_begin(size(), chunks, chunk + 1);
      auto array = static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), at) -
                                            ends_.begin());
      for (; at < stop; ++array) {
        const std::int64_t start = array == 0 ? 0 : ends_[array - 1];
        const std::int64_t count = std::min(ends_[array], stop) - at;
        if (count > 0) f(chunk, array, at - start, count);
        at += count;
      }
    });
  }

 private:
  std::vector<std::int64_t> ends_;
};

}  // namespace sonde::cpu
