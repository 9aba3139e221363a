#include "analysis/sharpness.hpp"

#include <cmath>

#include "analysis/loss_surface.hpp"
#include "analysis/sensitivity.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

Var unit_of(const Var& x, NoiseUnit unit) {
  switch (unit) {
    case NoiseUnit::tensor:
      return sqrt(mean(square(x)));
    case NoiseUnit::element:
      return abs(x);
    case NoiseUnit::one:
      break;
  }
  return Tensor::scalar(1, x.dtype());
}

void check(const ParameterNoise& noise) {
  if (!(noise.size >= 0 && std::isfinite(noise.size)) || noise.draws < 1)
    fail(ErrorCode::value, "sharpness", "size {}, {} draws", noise.size, noise.draws);
}

double squared_norm(const Var& x) {
  return sum(square(to(x, DType::f64))).item();
}

// Mean over inputs of the sum over an input's outputs of `changes`.
double per_input(const Var& changes) {
  return sum(changes).item() / static_cast<double>(changes.size(0));
}

double flipped_share(const std::vector<std::int64_t>& before, const Var& outputs) {
  const auto after = predictions(outputs.tensor());
  double flips = 0;
  for (std::size_t i = 0; i < after.size(); ++i) flips += after[i] != before[i];
  return flips / static_cast<double>(after.size());
}

}  // namespace

Vars with_noise(const Point& at, const ParameterNoise& noise, std::int64_t draw) {
  check(noise);
  const philox::Key key = philox::fold_in(noise.key, static_cast<std::uint64_t>(draw));
  const Vars directions = random_direction(at, key);
  double squares = 0;
  for (const Var& d : directions) squares += squared_norm(d);
  const double size = noise.law == NoiseLaw::sphere ? noise.size / std::sqrt(squares) : noise.size;
  Vars moved;
  for (std::size_t i = 0; i < at.values.size(); ++i) {
    const Var& x = at.values[i];
    moved.push_back(add(x, mul(mul(unit_of(x, noise.unit), size), directions[i])));
  }
  return moved;
}

Estimate loss_sharpness(const Function& loss, const Point& at, const ParameterNoise& noise) {
  check(noise);
  const double before = loss_at(loss, at.values);
  Sample rises;
  for (std::int64_t r = 0; r < noise.draws; ++r)
    rises.push_back(loss_at(loss, with_noise(at, noise, r)) - before);
  return mean_over_units(rises);
}

OutputSharpness output_sharpness(const Function& outputs, const Point& at,
                                 const ParameterNoise& noise) {
  check(noise);
  const Var before = outputs(at.values)[0];
  if (before.rank() < 1 || before.numel() == 0)
    fail(ErrorCode::shape, "sharpness", "outputs are [n, ...], these are {}", before.spec());
  const bool classes = before.rank() == 2 && before.size(1) > 1;
  const auto predicted = classes ? predictions(before.tensor()) : std::vector<std::int64_t>();
  Sample absolute, squared, flips;
  for (std::int64_t r = 0; r < noise.draws; ++r) {
    const Var after = outputs(with_noise(at, noise, r))[0];
    const Var change = to(after - before, DType::f64);
    absolute.push_back(per_input(abs(change)));
    squared.push_back(per_input(square(change)));
    if (classes) flips.push_back(flipped_share(predicted, after));
  }
  const std::int64_t n = before.size(0);
  return {.absolute = mean_over_units(absolute, n),
          .squared = mean_over_units(squared, n),
          .flips = classes ? std::optional(mean_over_units(flips, n)) : std::nullopt};
}

Ascent sam_ascent(const Function& loss, const Point& at, double rho, NoiseUnit unit) {
  if (!(rho >= 0 && std::isfinite(rho))) fail(ErrorCode::value, "sam_ascent", "rho {}", rho);
  const ValueAndGrad here = value_and_grad(loss, at.values);
  double squares = 0;
  for (std::size_t i = 0; i < at.values.size(); ++i)
    squares += squared_norm(mul(unit_of(at.values[i], unit), here.grads[i]));
  if (squares == 0)
    fail_hint(ErrorCode::numeric, "sam_ascent", "measure loss_sharpness() there",
              "the gradient is zero and has no direction");
  Ascent ascent{.before = here.value.item(), .step = {}};
  Vars moved;
  for (std::size_t i = 0; i < at.values.size(); ++i) {
    const Var weights = square(unit_of(at.values[i], unit));
    ascent.step.push_back(mul(mul(weights, here.grads[i]), rho / std::sqrt(squares)));
    moved.push_back(add(at.values[i], ascent.step[i]));
  }
  ascent.after = loss_at(loss, moved);
  return ascent;
}

}  // namespace sonde
