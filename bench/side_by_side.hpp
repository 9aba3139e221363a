/// @file
/// Side-by-side timing: candidates run interleaved in one process, so a noisy phase of the machine
/// hits all of them. What counts is the ratio of medians to the first candidate, the reference.
/// With one thread the clock is that of the thread itself, which stands still while another program
/// has the core. How to use it, in a bench_x.cpp:
///
///     void table_scale() {
///       SideBySide table("scale, one thread");
///       table.row("n=1024", {{"loop", [&] { loop(x); }}, {"kernel", [&] { kernel(x); }}}, 1.2);
///     }                                         // 1.2: the last candidate's bar, marked if it is
///     missed SONDE_BENCH_MAIN(table_scale)             // bench_main.hpp; `bench_x --tables`
///     prints the tables
#pragma once

#include <fmt/format.h>

#include <time.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/parallel.hpp"

namespace sonde::bench {

struct Candidate {
  std::string name;
  std::function<void()> run;
};

/// Median time of one call, and the speed relative to the reference (> 1: faster).
struct Timing {
  double ns = 0, speed = 1;
};

struct SideBySideOptions {
  int rounds = 21;
  double sample_seconds = 2e-3;  ///< calls are repeated within a sample until it lasts this long
};

namespace detail {

inline double now() {
  timespec t{};
  clock_gettime(threads() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

inline double seconds_of(const std::function<void()>& run, long calls) {
  const double start = now();
  for (long i = 0; i < calls; ++i) run();
  return now() - start;
}

inline long calls_per_sample(const std::function<void()>& run, double sample_seconds) {
  run();  // first touch of memory, first look-up of kernels
  long calls = 1;
  for (;;) {
    const double t = seconds_of(run, calls);
    if (t > sample_seconds / 4) return std::max(1L, std::lround(calls * sample_seconds / t));
    calls *= 4;
  }
}

inline double median(std::vector<double> v) {
  const auto middle = v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2);
  std::nth_element(v.begin(), middle, v.end());
  return *middle;
}

}  // namespace detail

/// Times all candidates, interleaved; the first one is the reference.
inline std::vector<Timing> time_side_by_side(const std::vector<Candidate>& candidates,
                                             const SideBySideOptions& options = {}) {
  std::vector<long> calls;
  for (const Candidate& c : candidates)
    calls.push_back(detail::calls_per_sample(c.run, options.sample_seconds));
  std::vector<std::vector<double>> samples(candidates.size());
  for (int round = 0; round < options.rounds; ++round)
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      candidates[i].run();  // brings the candidate's own data back into the caches
      samples[i].push_back(detail::seconds_of(candidates[i].run, calls[i]) / calls[i] * 1e9);
    }
  std::vector<Timing> result;
  for (const auto& s : samples) result.push_back({detail::median(s), 1});
  for (Timing& t : result) t.speed = result[0].ns / t.ns;
  return result;
}

/// A printed table: one row per case, one column per candidate.
class SideBySide {
 public:
  explicit SideBySide(std::string_view title, SideBySideOptions options = {}) : options_(options) {
    fmt::print("\n{}\n", title);
  }
  /// Times and prints one row; the last candidate should reach `bar` times the reference's speed
  /// (0: no bar).
  std::vector<Timing> row(std::string_view label, const std::vector<Candidate>& candidates,
                          double bar = 0) {
    const auto times = time_side_by_side(candidates, options_);
    fmt::print("  {:<28}", label);
    for (std::size_t i = 0; i < times.size(); ++i)
      fmt::print("  {} {:.1f} us ({:.2f})", candidates[i].name, times[i].ns * 1e-3, times[i].speed);
    if (bar > 0)
      fmt::print("  bar {:.2f} {}", bar, times.back().speed >= bar ? "reached" : "MISSED");
    fmt::print("\n");
    return times;
  }

 private:
  SideBySideOptions options_;
};

}  // namespace sonde::bench
