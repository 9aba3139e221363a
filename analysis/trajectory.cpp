#include "analysis/trajectory.hpp"

#include <limits>

#include "autograd/ops.hpp"

namespace sonde {
namespace {

// The columns u of `vectors` for the greatest `count` eigenvalues, in their order and sign.
Var leading(const Eigh& gram, std::int64_t count) {
  const std::int64_t n = gram.values.size(0);
  const Var columns = gram.vectors.tensor().slice(1, n - count, n).flip({1});
  const Var at = argmax(abs(columns), 0, true);
  return mul(columns, sign(gather(columns, 0, at)));
}

}  // namespace

TrajectoryPca trajectory_pca(const Tensor& weights, std::int64_t components,
                             TrajectoryOrigin origin) {
  if (weights.rank() != 2 || weights.size(0) < 2)
    fail(ErrorCode::shape, "trajectory_pca", "{} is not [steps, weights] of two steps or more",
         weights.spec());
  const std::int64_t steps = weights.size(0);
  if (components < 1 || components >= steps)
    fail(ErrorCode::value, "trajectory_pca", "{} components of {} steps", components, steps);
  const Var path = to(weights, DType::f64);
  const Var centre =
      origin == TrajectoryOrigin::mean ? mean(path, {0}) : select(path, 0, steps - 1);
  const Var moves = path - centre;
  const Eigh gram = eigh(matmul(moves, moves, {.b = true}));
  const std::vector<double> squares = gram.values.tensor().to_vector<double>();
  const double negligible =
      squares.back() * static_cast<double>(steps) * std::numeric_limits<double>::epsilon();
  double total = 0;
  for (double s : squares) total += s;
  TrajectoryPca out{.origin = centre.tensor().to(weights.dtype()),
                    .directions = {},
                    .coordinates = {},
                    .explained = {}};
  std::vector<double> lengths;
  for (auto s = squares.rbegin(); s != squares.rbegin() + components; ++s) {
    if (!(*s > negligible))
      fail_hint(ErrorCode::numeric, "trajectory_pca", "ask for fewer components",
                "the path spans {} dimensions, not {}", lengths.size(), components);
    lengths.push_back(std::sqrt(*s));
    out.explained.push_back(*s / total);
  }
  const Var u = leading(gram, components);
  const Var length = Tensor::from<double>(lengths, {components}).to(weights.device());
  out.coordinates = mul(u, length).tensor();
  out.directions =
      div(matmul(u, moves, {.a = true}), unsqueeze(length, 1)).tensor().to(weights.dtype());
  return out;
}

}  // namespace sonde
