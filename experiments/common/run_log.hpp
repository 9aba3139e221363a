/// @file
/// log.jsonl: one JSON object a line.
#pragma once

#include <cstdint>
#include <filesystem>

#include "experiments/common/json.hpp"
#include "tensor/descriptor.hpp"

namespace sonde::experiments {

/// Appends lines to a file; each is written by one system call. Every failure is Error(file).
class RunLog {
 public:
  explicit RunLog(const std::filesystem::path& path);

  void write(const Json& line);
  /// Flushes the log to disk and returns its size.
  std::int64_t sync();
  /// Drops everything behind `size` bytes (what was written after a checkpoint, a torn last line);
  /// Error(format) if the log is shorter.
  void truncate(std::int64_t size);

 private:
  Descriptor file_;
};

}  // namespace sonde::experiments
