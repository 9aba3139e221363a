#include "experiments/common/checkpoint.hpp"

namespace sonde::experiments {

const Tensor& Checkpoint::tensor(const std::string& name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) fail(ErrorCode::format, "checkpoint", "holds no tensor {}", name);
  return found->second;
}

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  save_safetensors(path.string(), checkpoint.tensors, {{"state", checkpoint.state.dump()}});
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  Safetensors file = load_safetensors(path.string());
  Checkpoint checkpoint{parse_json(file.metadata["state"], path.string()), std::move(file.tensors)};
  if (!checkpoint.state.is_object())
    fail(ErrorCode::format, "checkpoint", "{}: no state", path.string());
  return checkpoint;
}

}  // namespace sonde::experiments
