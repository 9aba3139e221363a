#include "experiments/common/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>

namespace sonde::experiments {
namespace {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string bar(double part) {
  constexpr int cells = 24;
  const int full = static_cast<int>(part * cells);
  std::string out;
  for (int i = 0; i < cells; ++i) out += i < full ? "█" : "░";
  return out;
}

}  // namespace

std::string duration_text(double seconds) {
  const auto s = static_cast<std::int64_t>(std::llround(std::clamp(seconds, 0.0, 1e9)));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
}

Progress::Style Progress::standard(bool quiet) {
  return {.out = quiet ? nullptr : &std::cerr, .terminal = ::isatty(STDERR_FILENO) == 1};
}

Progress::Progress(std::string label, std::int64_t total, std::string unit, Style style)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(std::max<std::int64_t>(total, 1)),
      style_(std::move(style)) {
  if (!style_.clock) style_.clock = steady_seconds;
  started_ = style_.clock();
}

Progress::~Progress() {
  if (style_.out && style_.terminal && columns_ > 0) *style_.out << '\n' << std::flush;
}

void Progress::start_at(std::int64_t done) {
  first_ = done_ = done;
}

void Progress::advance(std::int64_t count, std::string_view note) {
  done_ = std::min(done_ + count, total_);
  if (!note.empty()) note_ = note;
  if (!style_.out) return;
  const double now = style_.clock(), pause = style_.terminal ? 0.1 : 10;
  if (done_ < total_ && now - std::max(shown_, style_.terminal ? shown_ : started_) < pause) return;
  shown_ = now;
  show(now, done_ == total_);
}

void Progress::finish(std::string_view note) {
  note_ = note;
  if (style_.out) show(style_.clock(), true);
}

void Progress::show(double now, bool over) {
  const double part = over ? 1 : static_cast<double>(done_) / static_cast<double>(total_);
  const double elapsed = now - started_,
               rate = static_cast<double>(done_ - first_) / std::max(elapsed, 1e-9);
  std::string line = style_.terminal
                         ? fmt::format("{} {} {:3.0f}%", label_, bar(part), 100 * part)
                         : fmt::format("{}: {}/{} {}", label_, done_, over ? done_ : total_, unit_);
  line += fmt::format("  {:.3g} {}/s", rate, unit_);
  line += !over && rate > 0
              ? fmt::format("  {} left", duration_text(static_cast<double>(total_ - done_) / rate))
              : fmt::format("  in {}", duration_text(elapsed));
  if (!note_.empty()) line += "  " + note_;
  if (!style_.terminal) {
    *style_.out << line << '\n' << std::flush;
    return;
  }
  const std::size_t before = columns_;
  columns_ = line.size();
  *style_.out << '\r' << line << std::string(before > columns_ ? before - columns_ : 0, ' ')
              << std::flush;
}

}  // namespace sonde::experiments
