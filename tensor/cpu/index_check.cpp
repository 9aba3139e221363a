#include "tensor/cpu/index_check.hpp"

#include <algorithm>

namespace sonde::cpu {

void check_index(const Tensor& index, std::int64_t size, std::string_view op) {
  Tensor distinct = index;  // a broadcast axis repeats its values: looking once is enough
  for (int i = 0; i < index.rank(); ++i)
    if (index.strides()[i] == 0 && index.shape()[i] > 1) distinct = distinct.slice(i, 0, 1);
  distinct = distinct.contiguous();
  const auto* p = distinct.data<std::int64_t>();
  const std::int64_t n = distinct.numel();
  // The sign bit of v or of size - 1 - v is set where v lies outside: no comparison, so the
  // compiler makes vectors of it on any CPU.
  std::uint64_t signs = 0;
  const std::uint64_t last = static_cast<std::uint64_t>(size) - 1;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto v = static_cast<std::uint64_t>(p[i]);
    signs |= v | (last - v);
  }
  if (signs >> 63 == 0) return;
  std::int64_t at =
      std::find_if(p, p + n, [size](std::int64_t v) { return v < 0 || v >= size; }) - p;
  const std::int64_t value = p[at];
  Dims position = distinct.shape();
  for (int i = position.rank() - 1; i >= 0; --i) {
    position[i] = at % distinct.shape()[i];
    at /= distinct.shape()[i];
  }
  fail_hint(ErrorCode::axis, op, value < 0 ? "negative indices are not taken" : "",
            "index {} at position {} is outside [0, {})", value, position, size);
}

}  // namespace sonde::cpu
