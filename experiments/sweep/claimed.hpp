/// @file
/// A claim on a file, which one process at a time can have.
#pragma once

#include <filesystem>
#include <optional>

#include "tensor/descriptor.hpp"

namespace sonde::experiments {

/// Holds an advisory lock on a file, which stays. The kernel drops the lock when the last process
/// that has the descriptor open ends: who claims a run and hands the descriptor on to the process
/// that computes it keeps others out until both are gone. It holds between hosts on a shared folder
/// whose file system has locks for all of them (NFS from version 4, or 3 with its lock daemon;
/// Lustre mounted with `flock`).
class Claimed {
 public:
  /// Nothing if somebody else has it. Error(file).
  static std::optional<Claimed> if_free(const std::filesystem::path& file);
  /// Waits until it is free, or throws Interrupted after a signal.
  static Claimed waited_for(const std::filesystem::path& file);

  int descriptor() const { return file_.get(); }

 private:
  explicit Claimed(Descriptor file) : file_(std::move(file)) {}
  Descriptor file_;
};

}  // namespace sonde::experiments
