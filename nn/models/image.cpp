#include "nn/models/image.hpp"

#include "autograd/ops.hpp"

namespace sonde::nn {

Var patches(const Var& images, Size2 size) {
  const auto [h, w] = size;
  if (h < 1 || w < 1 || images.rank() != 4 || images.size(2) % h != 0 || images.size(3) % w != 0)
    fail(ErrorCode::shape, "patches", "{} cannot be cut into patches of {} x {}", images.spec(), h,
         w);
  const std::int64_t b = images.size(0), c = images.size(1), rows = images.size(2) / h,
                     columns = images.size(3) / w;
  const Var cut = permute(reshape(images, {b, c, rows, h, columns, w}), {0, 2, 4, 3, 5, 1});
  return reshape(cut, {b, rows * columns, h * w * c});
}

}  // namespace sonde::nn
