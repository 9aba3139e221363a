#include <cmath>
#include <ostream>

#include "tensor/tensor.hpp"

namespace sonde {
namespace {

constexpr std::int64_t edge = 3, long_axis = 12, small_tensor = 200;

std::string number(const Tensor& t, const Dims& index, int precision) {
  const double v = t.at(index);
  if (t.dtype() == DType::boolean) return v != 0 ? "true" : "false";
  if (!is_float(t.dtype())) return fmt::format("{}", static_cast<std::int64_t>(v));
  return fmt::format("{:.{}g}", v, precision);
}

void print_axis(std::string& out, const Tensor& t, Dims& index, int axis, bool shorten,
                int precision) {
  if (axis == t.rank()) {
    out += number(t, index, precision);
    return;
  }
  const std::int64_t n = t.shape()[axis];
  const bool last = axis + 1 == t.rank();
  out += "[";
  for (std::int64_t i = 0; i < n; ++i) {
    if (i > 0) out += last ? ", " : ",\n" + std::string(static_cast<std::size_t>(axis) + 1, ' ');
    if (shorten && n > long_axis && i == edge) {
      out += "..., ";
      i = n - edge;
    }
    index[axis] = i;
    print_axis(out, t, index, axis + 1, shorten, precision);
  }
  out += "]";
}

}  // namespace

std::string to_string(const Tensor& t, int precision) {
  if (!t) return "(empty handle)";
  const Tensor here = t.to(Device{});
  std::string out;
  Dims index = Dims::filled(t.rank(), 0);
  print_axis(out, here, index, 0, t.numel() > small_tensor, precision);
  return out + " " + to_string(t.spec());
}

std::ostream& operator<<(std::ostream& os, const Tensor& t) {
  return os << to_string(t);
}

}  // namespace sonde
