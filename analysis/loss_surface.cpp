#include "analysis/loss_surface.hpp"

#include "autograd/ops.hpp"
#include "tensor/random.hpp"

namespace sonde {
namespace {

void check_direction(const Point& at, const Vars& direction) {
  bool fits = direction.size() == at.values.size();
  for (std::size_t i = 0; fits && i < direction.size(); ++i)
    fits = direction[i].spec() == at.values[i].spec();
  if (!fits)
    fail_hint(ErrorCode::shape, "loss_surface", "space.unflatten() makes one of a flat vector",
              "the direction is no tensor for each one of {}", to_string(at.space));
}

Vars moved(const Vars& x, const Vars& direction, double u) {
  Vars out;
  for (std::size_t i = 0; i < x.size(); ++i) out.push_back(x[i] + direction[i] * u);
  return out;
}

}  // namespace

double loss_at(const Function& loss, const Vars& x) {
  const Var value = loss(x)[0];
  if (value.numel() != 1)
    fail_hint(ErrorCode::shape, "loss", "take its mean or its sum",
              "a loss is a scalar, this is {}", value.spec());
  return value.item();
}

Vars random_direction(const Point& at, philox::Key key) {
  Vars out;
  for (std::size_t i = 0; i < at.values.size(); ++i) {
    const Tensor here = random_key(philox::fold_in(key, i)).to(at.space.device());
    out.push_back(normal(here, at.values[i].shape(), 0, 1, at.space.dtype()));
  }
  return out;
}

Vars filter_normalised(const Point& at, const Vars& direction) {
  check_direction(at, direction);
  Vars out;
  for (std::size_t i = 0; i < direction.size(); ++i) {
    const Var &x = at.values[i], &d = direction[i];
    if (x.rank() < 2) {
      out.push_back(Tensor::zeros(x.shape(), x.dtype(), x.device()));
      continue;
    }
    Dims within;
    for (int axis = 1; axis < x.rank(); ++axis) within.push_back(axis);
    const Var length = norm(d, 2, within, true);
    const Var divisor = where(eq(length, 0.0), length + 1.0, length);
    out.push_back(mul(d, div(norm(x, 2, within, true), divisor)));
  }
  return out;
}

std::vector<double> steps(double low, double high, std::int64_t count) {
  if (count < 2 || !(low < high))
    fail(ErrorCode::value, "steps", "{} numbers from {} to {}", count, low, high);
  std::vector<double> out;
  const auto last = static_cast<double>(count - 1);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto k = static_cast<double>(i);
    out.push_back((low * (last - k) + high * k) / last);
  }
  return out;
}

std::vector<double> loss_along(const Function& loss, const Point& at, const Vars& direction,
                               std::span<const double> u,
                               const std::function<void(double)>& pause) {
  check_direction(at, direction);
  std::vector<double> out;
  for (double step : u) {
    out.push_back(loss_at(loss, moved(at.values, direction, step)));
    if (pause) pause(static_cast<double>(out.size()) / static_cast<double>(u.size()));
  }
  return out;
}

Tensor loss_surface(const Function& loss, const Point& at, const Vars& d, const Vars& e,
                    std::span<const double> u, std::span<const double> v,
                    const std::function<void(double)>& pause) {
  check_direction(at, d);
  std::vector<double> values;
  for (std::size_t i = 0; i < u.size(); ++i) {
    const Point row{at.space, moved(at.values, d, u[i])};
    const auto before = static_cast<double>(i), rows = static_cast<double>(u.size());
    const auto report = [&](double share) { pause((before + share) / rows); };
    const auto along = pause ? loss_along(loss, row, e, v, report) : loss_along(loss, row, e, v);
    values.insert(values.end(), along.begin(), along.end());
  }
  return Tensor::from<double>(
      values, {static_cast<std::int64_t>(u.size()), static_cast<std::int64_t>(v.size())});
}

}  // namespace sonde
