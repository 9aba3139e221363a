/// @file
/// What products tell of a kernel that stays on disk.
#pragma once

#include "analysis/slq.hpp"
#include "analysis/tiles.hpp"
#include "experiments/network/stages.hpp"

namespace sonde::experiments {

struct TiledSpectrum {
  std::vector<double> values, residuals;  ///< the largest eigenvalues, descending
  std::vector<double> power;              ///< of the targets in the first 1, 2, ... eigenvectors
  std::vector<Quadrature> probes;         ///< of the density of all
  double alignment = 0;                   ///< with the targets
  double asymmetry = 0;  ///< greatest |T - T'| in a diagonal tile, of the greatest |T|
};

/// The largest eigenvalues by Lanczos' method to a residual of 1e-6 of the greatest, the density by
/// quadrature, alignment and power of targets f64 [rows], or [rows, classes]; each of the two is
/// finished once.
TiledSpectrum tiled_spectrum(Run& run, Stages& stages, const TileFolder& tiles,
                             const Tensor& targets, std::int64_t largest);

/// (K + ridge mean I)^-1 Y by conjugate gradients, of the targets' shape; `ridge` counts in units
/// of the mean eigenvalue.
Tensor tiled_regression(Run& run, Stages& stages, const TileFolder& tiles, const Tensor& targets,
                        double ridge);

}  // namespace sonde::experiments
