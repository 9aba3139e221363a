/// @file
/// What every executable says about itself, and the settings they all share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "tensor/dtype.hpp"

namespace sonde::experiments {

/// Shown by --help and in the report.
struct About {
  std::string name;      ///< of the executable
  std::string measures;  ///< one sentence or two
  std::string paper;     ///< authors, title, year, identifier
  std::string cost;      ///< time and memory, at the scales offered
};

enum class SizeClass { quick, standard, full };

/// A default for each of --quick, neither, and --full.
template <class T>
struct Scaled {
  T quick, standard, full;
  const T& at(SizeClass s) const {
    return s == SizeClass::quick ? quick : s == SizeClass::full ? full : standard;
  }
};

/// The smallest and the largest value an option takes.
template <class T>
struct Limits {
  T low, high;
};

struct Settings {
  std::filesystem::path out;       ///< the run's folder
  std::filesystem::path data_dir;  ///< searched first for data sets; may be empty
  std::uint64_t seed = 1;          ///< of the first repetition; repetition i uses seed + i
  int seeds = 3;                   ///< independent repetitions
  int threads = 0;                 ///< that kernels use (never changes a result)
  Device device{};                 ///< where networks compute
  SizeClass size = SizeClass::standard;
  bool resume = false;
  bool quiet = false;
  bool profile = false;  ///< write profile.json (Chrome's trace format) and profile.txt
};

}  // namespace sonde::experiments
