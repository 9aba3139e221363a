/// @file
/// A lock that keeps two runs out of one folder.
#pragma once

#include <filesystem>

#include "tensor/descriptor.hpp"

namespace sonde::experiments {

/// Holds an advisory lock on a file that names this process. The kernel drops the lock when the
/// process ends, however it ends, so a file left behind by a killed run locks nobody out.
class LockFile {
 public:
  /// Error(usage) naming the other process if the lock is taken; Error(file) if the file cannot be
  /// made.
  explicit LockFile(const std::filesystem::path& path);
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

 private:
  Descriptor file_;
};

}  // namespace sonde::experiments
