/// @file
/// Looking at a run from outside: counters, an observer of kernels and rules, anomaly mode.
#pragma once

#include <atomic>
#include <cstdint>

#include "autograd/primitive.hpp"

namespace sonde {

/// How often a fast path was missed. Tests hold both at zero.
struct Counters {
  std::atomic<std::int64_t> loop_fallbacks{0};  ///< batch rules that looped over lanes
  std::atomic<std::int64_t> expansions{0};      ///< fused operations that were decomposed
};
Counters& counters();

enum class Rule : std::uint8_t { forward, jvp, vjp, batch };

/// Sees every kernel and every use of a rule. Called on the thread that runs it.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_rule(const Primitive&, Rule) {}
  /// After a kernel: inputs, outputs, the user's call site, nanoseconds since the kernel began.
  virtual void on_kernel(const Primitive&, std::span<const Tensor>, const Vars&,
                         std::source_location, std::int64_t /*ns*/) {}
};

/// Installs `observer` for the lifetime of the object. Observers do not nest: Error(usage) if
/// another is active.
class ObserverScope {
 public:
  explicit ObserverScope(Observer& observer);
  ~ObserverScope();
  ObserverScope(const ObserverScope&) = delete;
  ObserverScope& operator=(const ObserverScope&) = delete;
};

/// While it lives, the first kernel that makes a NaN or an Inf out of finite inputs throws
/// Error(anomaly) with the forward call site.
class AnomalyMode {
 public:
  AnomalyMode();
  ~AnomalyMode();
};

namespace detail {
extern std::atomic<Observer*> observer;
extern std::atomic<int> anomaly;
inline void note(const Primitive& p, Rule rule) {
  if (Observer* o = observer.load(std::memory_order_relaxed)) [[unlikely]]
    o->on_rule(p, rule);
}
}  // namespace detail

}  // namespace sonde
