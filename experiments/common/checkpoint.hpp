/// @file
/// Checkpoint: the state from which a run goes on, and the files that hold it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "experiments/common/json.hpp"
#include "tensor/io_safetensors.hpp"

namespace sonde::experiments {

/// Named tensors and a JSON object of everything else.
struct Checkpoint {
  Json state = Json::object();
  NamedTensors tensors;

  /// Error(format) if there is none of that name.
  const Tensor& tensor(const std::string& name) const;
  /// The tensors whose names begin with `prefix`, without it.
  NamedTensors tensors_under(const std::string& prefix) const;
  /// Adds tensors under `prefix`.
  void add(const std::string& prefix, const NamedTensors& more);
};

/// The checkpoints of one run: in its folder, the last two, numbered upwards. Each is a file of
/// tensors, checkpoint.N.safetensors, and a manifest, checkpoint.N.json, which holds a checksum
/// (XXH3) of itself, N, the state, and size and checksum of the other file. Every file is written
/// aside, flushed to disk and renamed, the manifest last, and an old pair goes when a new one is
/// whole: so whenever the run is killed, one is left. One object at a time may write.
class CheckpointFiles {
 public:
  explicit CheckpointFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Whether there is a manifest, damaged or not.
  bool exist() const { return !numbers().empty(); }
  /// Error(file).
  void write(const Checkpoint& checkpoint);

  struct Found {
    Checkpoint checkpoint;
    std::vector<std::string> damaged;  ///< what is wrong with each newer one
  };
  /// The newest one that is whole; nothing if there are none. Error(format) that says what is wrong
  /// with each if all are damaged.
  std::optional<Found> read();
  /// Removes all of them, and what a killed run left half written.
  void remove();

 private:
  std::filesystem::path tensors_file(std::int64_t number) const;
  std::filesystem::path manifest_file(std::int64_t number) const;
  std::vector<std::int64_t> numbers() const;
  Checkpoint read(std::int64_t number) const;
  void remove_all_but(std::int64_t newest, std::int64_t other);

  std::filesystem::path folder_;
  std::int64_t last_ = 0;  // the number of what was read or written last; 0: nothing yet
};

}  // namespace sonde::experiments
