#include "nn/init.hpp"

#include <cmath>

#include "autograd/ops.hpp"

namespace sonde::nn {
namespace {

struct Fans {
  double in, out;
};
Fans fans(const Dims& shape, std::string_view op) {
  if (shape.rank() < 2 || numel(shape) == 0)
    fail(ErrorCode::shape, op, "{} has no fan-in and fan-out", shape);
  const auto elements = static_cast<double>(numel(shape));
  return {elements / static_cast<double>(shape[0]), elements / static_cast<double>(shape[1])};
}

// The standard deviation that keeps the variance.
double xavier_std(const Dims& shape, double gain, std::string_view op) {
  const Fans f = fans(shape, op);
  return gain * std::sqrt(2 / (f.in + f.out));
}
double kaiming_std(const Dims& shape, const KaimingOptions& o, std::string_view op) {
  const Fans f = fans(shape, op);
  return gain(o.nonlinearity, o.a) / std::sqrt(o.mode == Fan::in ? f.in : f.out);
}

}  // namespace

Tensor uniform_init(const Dims& shape, double bound, philox::Key key, DType dtype) {
  return uniform(random_key(key), shape, -bound, bound, dtype).tensor();
}

Tensor normal_init(const Dims& shape, double mean, double std, philox::Key key, DType dtype) {
  return normal(random_key(key), shape, mean, std, dtype).tensor();
}

Tensor truncated_normal_init(const Dims& shape, philox::Key key, TruncatedNormalOptions o,
                             DType dtype) {
  return truncated_normal(random_key(key), shape, o.mean, o.std, o.low, o.high, dtype).tensor();
}

double gain(Nonlinearity nonlinearity, double a) {
  switch (nonlinearity) {
    case Nonlinearity::tanh:
      return 5.0 / 3;
    case Nonlinearity::relu:
      return std::sqrt(2.0);
    case Nonlinearity::leaky_relu:
      return std::sqrt(2 / (1 + a * a));
    case Nonlinearity::selu:
      return 0.75;
    default:
      return 1;
  }
}

// A uniform variable in [-b, b) has the standard deviation b / sqrt(3).
Tensor xavier_uniform(const Dims& shape, philox::Key key, double gain, DType dtype) {
  return uniform_init(shape, std::sqrt(3.0) * xavier_std(shape, gain, "xavier_uniform"), key,
                      dtype);
}

Tensor xavier_normal(const Dims& shape, philox::Key key, double gain, DType dtype) {
  return normal_init(shape, 0, xavier_std(shape, gain, "xavier_normal"), key, dtype);
}

Tensor kaiming_uniform(const Dims& shape, philox::Key key, KaimingOptions o) {
  return uniform_init(shape, std::sqrt(3.0) * kaiming_std(shape, o, "kaiming_uniform"), key,
                      o.dtype);
}

Tensor kaiming_normal(const Dims& shape, philox::Key key, KaimingOptions o) {
  return normal_init(shape, 0, kaiming_std(shape, o, "kaiming_normal"), key, o.dtype);
}

// Q of a normal matrix is uniformly distributed once R's diagonal is made positive.
Tensor orthogonal_init(const Dims& shape, philox::Key key, double gain, DType dtype) {
  fans(shape, "orthogonal_init");
  const std::int64_t rows = shape[0], columns = numel(shape) / rows;
  const Dims tall{std::max(rows, columns), std::min(rows, columns)};
  const Qr qr = sonde::qr(normal_init(tall, 0, 1, key, DType::f64));
  const Var positive = where(diagonal(qr.r) < 0.0, -1.0, Var(Tensor::ones({}, DType::f64)));
  Var q = mul(qr.q, mul(positive, gain));
  if (rows < columns) q = transpose(q);
  return to(reshape(q, shape), dtype).tensor();
}

}  // namespace sonde::nn
