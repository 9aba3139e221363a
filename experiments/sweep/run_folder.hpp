/// @file
/// What the folder of one run of a sweep tells.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "experiments/common/json.hpp"
#include "experiments/sweep/claimed.hpp"

namespace sonde::experiments {

/// The folder of a run, by the contract of every program; beside its files lie `.claim`,
/// `.failures` and `.stderr`, which are the sweep's. Only who has the claim may write.
class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  /// summary.json if it is whole: then the run is finished.
  std::optional<Json> summary() const;
  /// The settings it ran with, from config.json; null if it has none.
  Json settings() const;

  /// The error lines of the attempts that failed.
  std::vector<std::string> failures() const;
  void add_failure(const std::string& line) const;
  void forget_failures() const;

  std::filesystem::path errors() const { return path_ / ".stderr"; }
  /// Makes the folder; nothing if another process has the run.
  std::optional<Claimed> claim() const;

 private:
  std::filesystem::path path_;
};

}  // namespace sonde::experiments
