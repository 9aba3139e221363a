/// @file
/// What ntk_spectrum measures: the tangent kernel of a network over data, its eigenvalues, what it
/// makes of the labels, and what it predicts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/ntk.hpp"
#include "analysis/slq.hpp"
#include "experiments/network/budget.hpp"
#include "experiments/network/network.hpp"
#include "experiments/network/stages.hpp"

namespace sonde::experiments {

struct KernelOptions {
  NetworkOptions network{};
  std::string params = "*";
  std::string method = "auto";
  std::string blocks = "traced";  ///< or "full"
  std::vector<std::int64_t> outputs{};
  std::int64_t test = 0;  ///< samples; 0: no regression
  std::int64_t tile = 0;
  double ridge = 0;          ///< in units of the kernel's mean eigenvalue
  std::int64_t dense = 0;    ///< kernels up to so many rows are decomposed whole
  std::int64_t largest = 0;  ///< eigenvalues of larger ones
  double max_memory = 0;     ///< GiB
  bool dry_run = false;
};

std::vector<std::string> ntk_method_names();

struct KernelFindings {
  std::string method;
  std::int64_t side = 0;                ///< samples times outputs
  Tensor kernel{};                      ///< f64 [side, side], if it was decomposed whole
  std::vector<double> values{};         ///< eigenvalues, descending: all, or the largest
  std::vector<double> residuals{};      ///< of the largest, if they are not all
  std::vector<Quadrature> probes{};     ///< of the density then
  std::vector<double> power{};          ///< of the labels in the first 1, 2, ... eigenvectors
  double alignment = 0;                 ///< with the labels
  double asymmetry = 0;                 ///< greatest |K - K'| in units of the greatest |K|
  double methods_apart = 0;             ///< greatest difference between two methods, in these units
  std::string other_method{};           ///< than the one that was used
  std::int64_t compared = 0;            ///< samples that both were used on
  std::optional<std::int64_t> right{};  ///< test samples that kernel regression gets right
  std::int64_t network_right = 0;       ///< and that the network itself gets right
};

/// The estimate of all of it.
Budget kernel_budget(const Network& network, const KernelOptions& options);
/// Computes the kernel by tiles in the run's folder; those that are there are not computed again.
KernelFindings measure_kernel(Run& run, Stages& stages, const Network& network,
                              const KernelOptions& options);
/// Fills the run's results and exports the kernel.
void report_kernel(Run& run, const KernelFindings& found, const Network& network,
                   const KernelOptions& options);

}  // namespace sonde::experiments
