/// @file
/// What hessian_spectrum measures: eigenvalues, density, trace and norm of a network's curvature.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/slq.hpp"
#include "experiments/network/budget.hpp"
#include "experiments/network/curvature.hpp"
#include "experiments/network/stages.hpp"

namespace sonde::experiments {

struct SpectrumOptions {
  NetworkOptions network{};
  CurvatureOptions curvature{};
  std::int64_t largest = 0, smallest = 0;  ///< eigenvalues; smallest -1: as the matrix needs
  double tolerance = 0;                    ///< of residuals, in units of the norm
  std::int64_t probes = 0, steps = 0;      ///< of the density
  std::int64_t products = 0;               ///< for trace and norm each
  std::int64_t dense = 0;                  ///< matrices up to this size are decomposed whole
  std::string by = "none";                 ///< "block": also of every block alone
  std::int64_t block_products = 0;
  bool vectors = false;   ///< export eigenvectors
  double max_memory = 0;  ///< GiB
  bool dry_run = false;
};

/// Eigenvalues, outermost first, and |A v - theta v| of each.
struct EigenEnd {
  std::vector<double> values, residuals;
};

/// Of the part of the matrix that belongs to some parameters.
struct BlockSpectrum {
  std::string name;
  std::int64_t size = 0;
  EigenEnd largest{}, smallest{};
  Estimate trace{};
};

struct SpectrumFindings {
  std::int64_t size = 0;
  double loss = 0, accuracy = 0;  ///< on the samples
  EigenEnd largest{}, smallest{};
  double norm = 0;  ///< the greatest absolute eigenvalue found
  std::int64_t products = 0;
  std::vector<Quadrature> probes{};
  Estimate trace{}, squared_norm{};
  std::optional<std::vector<double>> all{};  ///< every eigenvalue, ascending, of a small matrix
  std::vector<BlockSpectrum> blocks{};
  double asymmetry = 0;    ///< |<u, A v> - <A u, v>| / (|u| |A v|) for random u and v
  bool same_bits = false;  ///< whether a product came out the same twice
};

/// The estimate of all of it.
Budget spectrum_budget(const Network& network, const SpectrumOptions& options);
/// Error(numeric) with the cause unless the loss is deterministic, or where Lanczos does not come
/// to an end. Eigenvalues are exported as soon as they are found.
SpectrumFindings measure_spectrum(Run& run, Stages& stages, const Network& network,
                                  const SpectrumOptions& options);
/// Fills the run's results and exports the density.
void report_spectrum(Run& run, const SpectrumFindings& found, const Network& network,
                     const SpectrumOptions& options);

}  // namespace sonde::experiments
