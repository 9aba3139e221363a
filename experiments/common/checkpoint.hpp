/// @file
/// Checkpoint: the state from which a run goes on.
#pragma once

#include <filesystem>
#include <string>

#include "experiments/common/json.hpp"
#include "tensor/io_safetensors.hpp"

namespace sonde::experiments {

/// Named tensors and a JSON object of everything else.
struct Checkpoint {
  Json state = Json::object();
  NamedTensors tensors;

  /// Error(format) if there is none of that name.
  const Tensor& tensor(const std::string& name) const;
};

/// One safetensors file, replaced as a whole; the state lies in its metadata.
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);
/// Error(file) or Error(format).
Checkpoint read_checkpoint(const std::filesystem::path& path);

}  // namespace sonde::experiments
