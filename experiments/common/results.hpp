/// @file
/// What a run found: plain data, from which results.csv, summary.json and report.html are written.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "experiments/common/claim.hpp"
#include "experiments/common/csv.hpp"
#include "experiments/common/figure.hpp"
#include "experiments/common/json.hpp"

namespace sonde::experiments {

struct Metric {
  std::string name;   ///< key in summary.json
  std::string label;  ///< in the report; without one the metric is not among its headline numbers
  Estimate value;
};

struct CaptionedFigure {
  Figure figure;
  std::string caption;
};

struct Results {
  Table table;
  std::vector<Metric> metrics;
  std::vector<Claim> claims;
  std::vector<CaptionedFigure> figures;
  std::vector<std::string>
      notes;  ///< paragraphs for the report: how to read the numbers, what was decided
};

/// What a run knows about itself when it ends.
struct RunFacts {
  std::string experiment, paper, version, device, blas_core;
  std::uint64_t seed = 0;
  int threads = 0;
  double wall_s = 0;
  std::int64_t peak_bytes = 0;
  std::string simd{}, cpu{};
  std::string device_name{};  ///< what `device` is: the processor's or the card's name
  std::string measures{};     ///< as About has it
  /// Of the compiler and the libraries, by name.
  std::vector<std::pair<std::string, std::string>> versions{};
};

/// The contents of summary.json.
Json summary(const RunFacts& facts, const Results& results);

}  // namespace sonde::experiments
