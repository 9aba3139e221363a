// Fibers: functions with a stack of their own that run until they yield.
#pragma once

#include <cstddef>
#include <memory>

namespace simulator {

/// Runs `entry`, which must not return, on a stack of 256 KiB with a guard page below.
class Fiber {
 public:
  explicit Fiber(void (*entry)());
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void resume();        ///< runs it until it yields; not from within a fiber
  static void yield();  ///< goes back to who resumed the fiber that runs

  /// The stack of the fiber: its lowest address.
  const std::byte* stack() const;
  static constexpr std::size_t stack_bytes = 256 * 1024;

  struct Context;

 private:
  std::unique_ptr<Context> context_;
};

}  // namespace simulator
