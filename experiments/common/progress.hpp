/// @file
/// Progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

namespace sonde::experiments {

/// "47 s", "3 min 20 s", "2 h 05 min".
std::string duration_text(double seconds);

class Progress {
 public:
  using Clock = std::function<double()>;  ///< seconds, from any start

  /// Where and how it is shown. No stream means silence.
  struct Style {
    std::ostream* out = nullptr;
    bool terminal = false;
    Clock clock{};  ///< the steady clock if empty
  };
  /// Standard error, with a bar if that is a terminal; silence if `quiet`.
  static Style standard(bool quiet);

  /// `total` > 0 steps of `unit` ("images", "steps").
  Progress(std::string label, std::int64_t total, std::string unit, Style style);
  /// Ends the line on a terminal.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `count` more steps are done; `note` is shown behind (a loss, an accuracy). Writes at most ten
  /// times a second on a terminal and every ten seconds elsewhere, and always at the end.
  void advance(std::int64_t count = 1, std::string_view note = {});
  /// Says that the work is over before its last step ("reached 0.95").
  void finish(std::string_view note);
  /// Steps done before this process started (after --resume); they do not count for the rate.
  void start_at(std::int64_t done);

 private:
  void show(double now, bool over);

  std::string label_, unit_, note_;
  std::int64_t total_, done_ = 0, first_ = 0;
  Style style_;
  double started_, shown_ = -1e300;
  std::size_t columns_ = 0;  // written on the terminal's line
};

}  // namespace sonde::experiments
