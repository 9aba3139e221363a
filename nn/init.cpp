#include "nn/init.hpp"

#include <cmath>

#include "tensor/kernels/random.hpp"

namespace sonde::nn {

Tensor uniform_init(const Dims& shape, double bound, philox::Key key, DType dtype) {
  Dims with_lane = shape;
  with_lane.insert(0, 1);
  Tensor out = Tensor::empty(with_lane, dtype);
  const Tensor keys = Tensor::from<std::int64_t>(
      {static_cast<std::int64_t>(key.k0), static_cast<std::int64_t>(key.k1)}, {1, 2});
  kernels::random_uniform.find({}, dtype)(keys, {.a = -bound, .b = bound}, out);
  return out.reshape(shape);
}

Tensor kaiming_uniform(const Dims& shape, double a, philox::Key key, DType dtype) {
  const std::int64_t fan_in = shape.rank() < 2 || shape[0] == 0 ? 0 : numel(shape) / shape[0];
  if (fan_in == 0) fail(ErrorCode::shape, "kaiming_uniform", "{} has no fan-in", shape);
  return uniform_init(shape, std::sqrt(6 / ((1 + a * a) * static_cast<double>(fan_in))), key,
                      dtype);
}

}  // namespace sonde::nn
