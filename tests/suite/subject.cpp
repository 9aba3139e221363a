#include <algorithm>
#include <cmath>

#include "tests/suite/check.hpp"

namespace sonde::testing {
namespace {

Tensor random_tensor(const Dims& shape, DType dtype, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  std::vector<double> v(static_cast<std::size_t>(numel(shape)));
  for (double& x : v) x = normal(random);
  return Tensor::from<double>(v, shape).to(dtype);
}

}  // namespace

Subject::Subject(const Case& row, DType dtype, Device device)
    : row_(row), dtype_(dtype), device_(device), random_(std::hash<std::string>{}(row.name)) {
  for (const Input& input : row.inputs) inputs_.push_back(draw(input));
  for (const Var& y : row.f(inputs_)) outputs_.push_back(y.spec());
}

Tensor Subject::draw(const Input& input) const {
  return draw_on_host(input).to(device_);
}

Tensor Subject::draw_on_host(const Input& input) const {
  const auto n = static_cast<std::size_t>(numel(input.draw == Draw::key ? Dims{2} : input.shape));
  if (input.draw == Draw::index || input.draw == Draw::key) {
    const bool key = input.draw == Draw::key;
    std::uniform_int_distribution<std::int64_t> d(
        key ? 0 : static_cast<std::int64_t>(input.low),
        key ? INT64_MAX : static_cast<std::int64_t>(input.high) - 1);
    std::vector<std::int64_t> v(n);
    for (auto& x : v) x = d(random_);
    return Tensor::from<std::int64_t>(v, key ? Dims{2} : input.shape);
  }
  std::uniform_real_distribution<double> uniform(input.low, input.high);
  std::bernoulli_distribution coin;
  std::vector<double> v = input.values;
  v.resize(n);
  if (input.draw == Draw::distinct) {
    for (std::size_t i = 0; i < n; ++i)
      v[i] = input.low +
             (input.high - input.low) * (static_cast<double>(i) + 0.5) / static_cast<double>(n);
    std::shuffle(v.begin(), v.end(), random_);
  } else if (input.draw == Draw::boolean) {
    for (double& x : v) x = coin(random_) ? 1 : 0;
  } else if (input.draw != Draw::exact) {
    for (double& x : v) x = uniform(random_) * (input.draw == Draw::away && coin(random_) ? -1 : 1);
  }
  return Tensor::from<double>(v, input.shape)
      .to(input.draw == Draw::boolean ? DType::boolean : dtype_);
}

Tensors Subject::inputs_f64() const {
  Tensors out;
  for (const Var& x : inputs_)
    out.push_back(is_float(x.dtype()) ? x.tensor().to(DType::f64) : x.tensor());
  return out;
}

Var Subject::random_like(const Spec& spec) const {
  if (!is_differentiable(spec.dtype)) return {};
  return random_tensor(spec.shape, spec.dtype, random_).to(device_);
}

Vars Subject::direction() const {
  Vars v;
  for (const Var& x : inputs_)
    v.push_back(random_like({x.shape(), is_differentiable(x.dtype()) ? dtype_ : x.dtype()}));
  return v;
}

Vars Subject::weights() const {
  Vars u;
  for (const Spec& y : outputs_) u.push_back(random_like(y));
  return u;
}

Function Subject::scalar() const {
  return [u = weights(), f = row_.f, dtype = dtype_](const Vars& x) -> Var {
    Var total = Tensor::scalar(0, dtype);
    Vars y = f(x);
    for (std::size_t i = 0; i < y.size(); ++i)
      if (u[i]) total = add(total, to(sum(mul(u[i], add(y[i], mul(mul(y[i], y[i]), 0.5)))), dtype));
    return total;
  };
}

Arguments Subject::arguments() const {
  Arguments some;
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    if (is_differentiable(inputs_[i].dtype())) some.push_back(static_cast<int>(i));
  return some;
}

bool Subject::differentiable() const {
  return !arguments().empty() && std::any_of(outputs_.begin(), outputs_.end(), [](const Spec& s) {
    return is_differentiable(s.dtype);
  });
}

double dot(const Vars& a, const Vars& b) {
  double total = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (!a[i] || !b[i]) continue;
    const auto x = a[i].tensor().to_vector<double>(), y = b[i].tensor().to_vector<double>();
    for (std::size_t k = 0; k < x.size(); ++k) total += x[k] * y[k];
  }
  return total;
}

double norm(const Vars& a) {
  return std::sqrt(dot(a, a));
}

double distance(const Vars& a, const Vars& b) {
  if (a.size() != b.size()) return INFINITY;
  double square = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!a[i] && !b[i]) continue;
    const Dims& shape = (a[i] ? a[i] : b[i]).shape();
    if (a[i] && b[i] && !(b[i].shape() == shape)) return INFINITY;
    const std::vector<double> zeros(static_cast<std::size_t>(numel(shape)));
    const auto x = a[i] ? a[i].tensor().to_vector<double>() : zeros;
    const auto y = b[i] ? b[i].tensor().to_vector<double>() : zeros;
    for (std::size_t k = 0; k < x.size(); ++k) {
      if (x[k] == y[k] || (std::isnan(x[k]) && std::isnan(y[k]))) continue;
      square += (x[k] - y[k]) * (x[k] - y[k]);
    }
  }
  return std::sqrt(square) / (norm(a) + norm(b) + 1);
}

}  // namespace sonde::testing
