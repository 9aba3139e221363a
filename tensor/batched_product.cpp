#include "tensor/batched_product.hpp"

namespace sonde {
namespace {

// Stride of batch axis `axis` (counted in `out`) in `t`: 0 where t is broadcast.
std::int64_t batch_stride(const Tensor& t, int axis, int out_rank) {
  const int own = axis - (out_rank - t.rank());
  return own < 0 || t.shape()[own] == 1 ? 0 : t.strides()[own];
}

}  // namespace

BatchAxes batch_axes(const Tensor& a, const Tensor& b, const Tensor& out) {
  BatchAxes axes;
  for (int i = 0; i < out.rank() - 2; ++i)
    axes.push_back({out.shape()[i], batch_stride(a, i, out.rank()), batch_stride(b, i, out.rank()),
                    out.strides()[i]});
  return axes;
}

BatchAxes merged(std::span<const BatchAxis> axes) {
  BatchAxes out;
  for (const BatchAxis& axis : axes) {
    if (axis.size == 1) continue;
    if (!out.empty()) {
      BatchAxis& outer = out.back();
      if (outer.a == axis.a * axis.size && outer.b == axis.b * axis.size &&
          outer.c == axis.c * axis.size) {
        outer = {outer.size * axis.size, axis.a, axis.b, axis.c};
        continue;
      }
    }
    out.push_back(axis);
  }
  return out;
}

}  // namespace sonde
