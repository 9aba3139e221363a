#include "tensor/cpu/pool_windows.hpp"

#include <algorithm>

namespace sonde::cpu {

std::vector<Window> pool_windows(const PoolAttrs& a, std::size_t axis, std::int64_t in,
                                 std::int64_t out) {
  std::vector<Window> windows;
  for (std::int64_t i = 0; i < out; ++i) {
    if (a.adaptive) {
      const std::int64_t begin = i * in / out, end = ((i + 1) * in + out - 1) / out;
      windows.push_back({begin, end, 1, end - begin});
      continue;
    }
    const std::int64_t step = a.dilation[axis], start = i * a.stride[axis] - a.padding[axis];
    const std::int64_t stop = start + step * (a.kernel[axis] - 1) + 1;
    const std::int64_t begin = start >= 0 ? start : start + (-start + step - 1) / step * step;
    windows.push_back(
        {begin, std::min(stop, in), step, std::min(stop, in + a.padding[axis]) - start});
  }
  return windows;
}

std::vector<Window> covering_windows(const std::vector<Window>& windows, std::int64_t in) {
  std::vector<Window> covering;
  const auto count = static_cast<std::int64_t>(windows.size());
  std::int64_t begin = 0, end = 0;
  for (std::int64_t h = 0; h < in; ++h) {
    while (begin < count && windows[static_cast<std::size_t>(begin)].end <= h) ++begin;
    while (end < count && windows[static_cast<std::size_t>(end)].begin <= h) ++end;
    covering.push_back({begin, end, 1, end - begin});
  }
  return covering;
}

}  // namespace sonde::cpu
