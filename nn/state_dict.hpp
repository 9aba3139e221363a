/// @file
/// A module's parameters and buffers by name, as PyTorch's state_dict has them.
#pragma once

#include "nn/module.hpp"
#include "tensor/io_npz.hpp"

namespace sonde::nn {

/// Copies of all parameters and buffers by path, a tied one under each of its paths; on the devices
/// that they lie on.
NamedTensors state_dict(const Module& module);

/// What load_state_dict did not do.
struct LoadReport {
  std::vector<std::string> missing;     ///< paths that the state has no tensor for
  std::vector<std::string> unexpected;  ///< names that the module has no place for
  std::vector<std::string> misfit;      ///< paths whose tensor has another shape or type
  bool empty() const { return missing.empty() && unexpected.empty() && misfit.empty(); }
  /// All of it, with the nearest names to those that are missing and unexpected.
  std::string text() const;
};

/// Copies tensors, from any device, into the parameters and buffers of their names. A tied
/// parameter needs one of its names only. If `strict`, anything missing, unexpected or of another
/// shape or type is an Error(names) that lists it all, and nothing has changed; otherwise the rest
/// is loaded and the report says what was left.
LoadReport load_state_dict(Module& module, const NamedTensors& state, bool strict = true);

}  // namespace sonde::nn
