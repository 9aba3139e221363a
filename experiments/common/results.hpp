/// @file
/// What a run found: plain data, from which results.csv, summary.json and report.html are written.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "experiments/common/claim.hpp"
#include "experiments/common/figure.hpp"
#include "experiments/common/json.hpp"

namespace sonde::experiments {

/// A table of results; a row has one field for each column.
struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;

  /// Adds a row; Error(shape) if it has not one field for each column.
  void add(std::vector<std::string> row);
  std::string csv() const;
};

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
};

/// The contents of summary.json.
Json summary(const RunFacts& facts, const Results& results);

}  // namespace sonde::experiments
