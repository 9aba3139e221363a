/// @file
/// Profile: a record of every kernel, as a table or as a Chrome trace (chrome://tracing, Perfetto).
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "autograd/observe.hpp"
#include "autograd/reverse.hpp"

namespace sonde {

/// Install it with ObserverScope; thread-safe. Totals count every kernel, the trace holds the first
/// `max_events`.
class Profile final : public Observer {
 public:
  explicit Profile(std::size_t max_events = 100000) : max_events_(max_events) {}
  struct Event {
    std::string op, inputs, outputs, attributes, site;
    std::int64_t start_ns = 0, ns = 0, bytes = 0;  ///< bytes: read and written, as the shapes say
    std::uint64_t thread = 0;
  };

  void on_kernel(const Primitive& p, std::span<const Tensor> in, const Vars& out,
                 std::source_location where, std::int64_t ns) override;
  /// The first events, in order of completion.
  std::vector<Event> events() const;
  /// One line per operation, the costliest first: name, calls, milliseconds, share, gigabytes.
  std::string table() const;
  /// The events in Chrome's trace format, and how many more there were.
  std::string chrome_trace() const;

 private:
  struct Total {
    std::int64_t calls = 0, ns = 0, bytes = 0;
  };
  std::size_t max_events_;
  std::int64_t dropped_ = 0;
  std::map<std::string, Total, std::less<>> totals_;
  mutable std::mutex mutex_;
  std::vector<Event> events_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// The recorded graph of f at x in DOT (Graphviz): operations with attributes and shapes; dashed
/// edges are values that reverse mode did not keep.
std::string dot_graph(const Tape& tape);

}  // namespace sonde
