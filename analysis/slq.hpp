/// @file
/// Stochastic Lanczos quadrature: the spectral density of a symmetric LinearMap and traces of its
/// functions.
///
/// m steps of Lanczos' method from a random unit vector z give a tridiagonal matrix whose
/// eigenvalues are the nodes, and the squared first elements of whose eigenvectors are the weights,
/// of Gauss' quadrature for the measure in which each eigenvalue of A has the mass (z . v_i)^2. The
/// mean over z of sum_k weight_k f(node_k) is tr f(A) / size, exactly for polynomials of degree 2m
/// - 1 and less. Golub and Meurant 2010, "Matrices, moments and quadrature"; Ubaru, Chen and Saad
/// 2017, "Fast estimation of tr(f(A)) via stochastic Lanczos quadrature"; Ghorbani, Krishnan and
/// Xiao 2019, "An investigation into neural net optimization via Hessian eigenvalue density".
#pragma once

#include <functional>
#include <vector>

#include "analysis/estimate.hpp"
#include "analysis/linear_map.hpp"
#include "analysis/rows.hpp"

namespace sonde {

struct SlqOptions {
  std::int64_t probes = 10;
  std::int64_t first = 0;   ///< which probes of the key: first ... first + probes - 1
  std::int64_t steps = 80;  ///< m: products with each probe
  std::int64_t batch =
      10;  ///< probes at a time, whose bases are kept; changes no result beyond rounding
  Probe probe = Probe::rademacher;  ///< scaled to norm 1
  philox::Key key{};                ///< of the probes
};

/// Nodes, ascending, and weights that sum to 1: what one probe sees of the spectrum.
struct Quadrature {
  std::vector<double> nodes, weights;
};

/// A density on a grid; the values' errors are those over probes.
struct Density {
  std::vector<double> grid;
  std::vector<Estimate> values;
  double width = 0;  ///< standard deviation of the Gaussian that stands for an eigenvalue
};

struct DensityOptions {
  std::int64_t points = 400;
  double width = 0;  ///< 0: 1/100 of the distance between the outermost nodes
  /// Ends of the grid; equal: four widths beyond the outermost nodes.
  Interval range{};
};

class Slq {
 public:
  /// Error(usage, numeric) unless the map is symmetric (check_symmetric), Error(value) for options
  /// out of range. `pause` is called after each step with the share done and may throw to stop.
  Slq(const LinearMap& map, const SlqOptions& options,
      const std::function<void(double share)>& pause = {});

  /// Of quadratures found before, of a map with `size` dimensions. Error(value) without any.
  Slq(std::int64_t size, std::vector<Quadrature> probes);

  const std::vector<Quadrature>& probes() const { return probes_; }
  /// tr f(A), with the error over probes.
  Estimate trace(const std::function<double(double)>& f) const;
  /// tr A^k / size: the k-th moment of the spectral density.
  Estimate moment(int k) const;
  /// (1 / size) sum_i g(t - lambda_i) for a Gaussian g. Error(value) for options out of range.
  Density density(const DensityOptions& options = {}) const;

 private:
  Estimate mean_of(const std::function<double(double)>& f) const;

  std::int64_t size_;
  std::vector<Quadrature> probes_;
};

}  // namespace sonde
