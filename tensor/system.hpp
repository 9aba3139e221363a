/// @file
/// Facts about this build and this machine that decide speed and reproducibility: for reports,
/// benchmarks, sonde_info.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sonde {

/// Version of Sonde, "major.minor.patch".
const char* version();
/// The widest instruction set that the SIMD kernels have been built for and this CPU runs: "AVX3",
/// "AVX2" or "EMU128" (Highway's names; EMU128 is plain C++).
const char* simd_level();

struct SystemInfo {
  /// (name, version) of Sonde, its compiler and the libraries inside it, as built or as found at
  /// run time.
  std::vector<std::pair<std::string, std::string>> versions;
  std::string build_type;
  std::string cpu;
  std::string simd;                ///< see `simd_level()`
  std::string blas_core;           ///< kernel set that OpenBLAS runs
  std::string blas_core_expected;  ///< kernel set that fits this CPU, empty if any does
  std::string blas_warning;        ///< one line, empty if all is well
  int threads = 0;                 ///< that kernels use
  int affinity_cpus = 0;
  double quota_cpus = 0;          ///< infinity without a quota
  std::int64_t memory_bytes = 0;  ///< of the machine
  std::int64_t memory_free_bytes = 0;
  std::int64_t memory_limit_bytes = 0;  ///< of the control group; `no_memory_limit` without one
};

SystemInfo system_info();

}  // namespace sonde
