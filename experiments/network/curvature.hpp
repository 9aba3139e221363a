/// @file
/// The curvature of a network's loss over data as a LinearMap, and what products with it cost.
#pragma once

#include <string>

#include "analysis/data_map.hpp"
#include "analysis/output_loss.hpp"
#include "experiments/network/network.hpp"

namespace sonde::experiments {

struct CurvatureOptions {
  std::string params = "*";  ///< which parameters, a pattern of paths
  std::string matrix = "hessian";
  std::string loss = "cross-entropy";
  std::string mode = "eval";  ///< in which the network is called
  std::int64_t batch = 0;     ///< samples in a batch
  std::int64_t memory = 0;    ///< bytes for records and intermediate values
};

std::vector<std::string> curvature_names();
std::vector<std::string> loss_names();

/// The mean of a loss over samples as a function of a network's parameters.
class NetworkLoss {
 public:
  /// `module` must outlive it. Error(names) if no parameter matches.
  NetworkLoss(const nn::Module& module, const ImageSet& data, CurvatureOptions options);

  const ParameterPoint& at() const { return at_; }
  std::int64_t batches() const;
  /// Error(numeric) with the cause unless the loss gives the same numbers twice (dropout) and in
  /// any batches (batch norm in train mode).
  void require_deterministic() const;
  /// The mean loss.
  double value() const;
  /// Of the mean loss: the matrix that the options name.
  DataMap curvature() const;
  /// What a product with one vector costs, and what the records of all batches take, from counts on
  /// one sample and on two.
  struct Estimate {
    double flops = 0, record_bytes = 0, product_bytes = 0;
    std::int64_t kept = 0;  ///< batches whose record fits
  };
  Estimate estimate() const;

 private:
  LinearMap of_samples(std::int64_t begin, std::int64_t end, const MapOptions& options) const;
  LikelihoodPtr loss_of(const Tensor& labels) const;
  std::int64_t end(std::int64_t batch) const;
  nn::CallOptions call() const;

  const nn::Module& module_;
  const ImageSet data_;  // where the module lies
  CurvatureOptions options_;
  ParameterPoint at_;
};

}  // namespace sonde::experiments
