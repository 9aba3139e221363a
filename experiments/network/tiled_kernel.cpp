#include "experiments/network/tiled_kernel.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/lanczos.hpp"
#include "analysis/rows.hpp"
#include "analysis/solve.hpp"
#include "autograd/ops.hpp"
#include "experiments/network/quadrature_json.hpp"

namespace sonde::experiments {
namespace {

// What a pass over the tiles adds up.
struct Sums {
  double squares = 0, trace = 0;
  double asymmetry = 0, greatest = 0;  // of the diagonal tiles
};

Sums sums_of(const TileFolder& tiles) {
  Sums s;
  for (std::int64_t i = 0; i < tiles.tiles(); ++i)
    for (std::int64_t j = i; j < tiles.tiles(); ++j) {
      const Var tile = tiles.get(i, j).to(DType::f64);
      s.squares += (i == j ? 1 : 2) * sum(square(tile)).item();
      if (i != j) continue;
      s.trace += sum(diagonal(diagonal(tile, 0, 0, 1), 0, 0, 1)).item();
      s.asymmetry = std::max(s.asymmetry, amax(abs(tile - permute(tile, {1, 0, 3, 2}))).item());
      s.greatest = std::max(s.greatest, amax(abs(tile)).item());
    }
  return s;
}

// One row a column of the targets, as vectors of the kernel's space.
Tensor rows_of_targets(const Tensor& targets, const Space& space) {
  const Tensor y = targets.rank() == 1 ? targets.unsqueeze(1) : targets;
  return y.transpose(0, 1).contiguous().to(space.dtype()).to(space.device());
}

Json outermost(Run& run, Stages& stages, const LinearMap& map, const Tensor& y,
               std::int64_t largest) {
  Watched watched(run, stages, "eigenvalues", 8 * largest + 20, "products");
  const Spectrum s = lanczos(map,
                             {.largest = std::min(largest, map.domain().size()),
                              .tolerance = 1e-6,
                              .confirm = false,
                              .key = {run.settings().seed, 30}},
                             [&](std::int64_t products) { watched.reached(products); });
  const Tensor along = matmul(y, s.largest.vectors, {.b = true}).tensor().to(DType::f64);
  const double total = sum(square(Var(y))).item();
  const Var power = cumsum(sum(square(Var(along)), {0}), 0) / total;
  return {{"values", s.largest.values},
          {"residuals", s.largest.residuals},
          {"power", power.tensor().to_vector<double>()}};
}

Json quadratures(Run& run, Stages& stages, const LinearMap& map) {
  Watched watched(run, stages, "density", 100, "percent");
  const Slq slq(map, {.probes = 6, .steps = 60, .key = {run.settings().seed, 31}},
                [&](double share) { watched.reached_share(share); });
  return to_json(slq.probes());
}

}  // namespace

TiledSpectrum tiled_spectrum(Run& run, Stages& stages, const TileFolder& tiles,
                             const Tensor& targets, std::int64_t largest) {
  const LinearMap map = tiles.map(run.settings().device);
  const Tensor y = rows_of_targets(targets, map.domain());
  const Json ends =
      stages.once("spectrum", [&] { return outermost(run, stages, map, y, largest); });
  TiledSpectrum s{.values = ends.at("values").get<std::vector<double>>(),
                  .residuals = ends.at("residuals").get<std::vector<double>>(),
                  .power = ends.at("power").get<std::vector<double>>(),
                  .probes = quadratures_from_json(
                      stages.once("density", [&] { return quadratures(run, stages, map); }))};
  const Sums sums = sums_of(tiles);
  s.asymmetry = sums.asymmetry / sums.greatest;
  double along = 0;
  for (const double d : row_dots(y, map.apply_batch(y))) along += d;
  const double targets_norm = norm(matmul(Var(y), Var(y), {.b = true})).item();
  s.alignment = along / (std::sqrt(sums.squares) * targets_norm);
  return s;
}

Tensor tiled_regression(Run& run, Stages& stages, const TileFolder& tiles, const Tensor& targets,
                        double ridge) {
  const LinearMap map = tiles.map(run.settings().device);
  const double mean = sums_of(tiles).trace / static_cast<double>(map.domain().size());
  const Tensor y = rows_of_targets(targets, map.domain());
  return stages.tensor_once("regression", [&] {
    Watched watched(run, stages, "regression", 100, "percent of the digits");
    const Solution found =
        cg(map + (ridge * mean) * identity_map(map.domain()), y, {}, [&](double residual) {
          watched.reached_share(std::clamp(std::log10(residual) / -8, 0.0, 1.0));
        });
    const Tensor x = found.x.to(Device{}).to(DType::f64);
    return x.transpose(0, 1).contiguous().reshape(targets.shape());
  });
}

}  // namespace sonde::experiments
