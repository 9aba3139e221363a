/// @file
/// Whether a loss gives the same numbers twice, and what is to blame if not. Lanczos, SLQ and CG
/// take for granted that the map they are given does not change between products.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "analysis/point.hpp"

namespace sonde {

/// A loss as a map over it would be made, twice.
struct LossRun {
  /// A scalar.
  std::function<Var(nn::Context&, const Vars& batch)> loss;
  /// The data, as they come each time.
  std::function<Vars()> batch;
  /// Mode and key, as they come each time; empty: eval mode.
  std::function<nn::CallOptions()> call{};
};

enum class NondeterminismCause {
  data,        ///< the batch differs: shuffled, or augmented
  dropout,     ///< random layers draw with another key each time, or have none
  batch_norm,  ///< buffers are written, or batches of other samples have other statistics
  unknown,
};

struct Determinism {
  bool deterministic = true;
  std::vector<NondeterminismCause> causes{};
  std::string message{};  ///< a sentence with the cure for each cause; empty if there is none
};

/// Computes loss, gradient and one Hessian-vector product (with a fixed random vector) twice and
/// compares bits; where they differ, finds out why by holding the batch, then mode and key, fixed.
Determinism check_deterministic(const ParameterPoint& at, const LossRun& run);

/// The same as an Error(numeric) with the message unless it is deterministic.
void require_deterministic(const ParameterPoint& at, const LossRun& run);

}  // namespace sonde
