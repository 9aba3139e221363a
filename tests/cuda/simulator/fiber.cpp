#include "fiber.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

#include "fault.hpp"

#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace simulator {
namespace {

constexpr std::size_t guard_bytes = 4096;

}  // namespace

#if defined(__x86_64__)

// Keeps what the calling convention wants kept on the stack that is left, and takes it from the one
// that is entered. void simulator_switch(void** left, void* entered)
extern "C" void simulator_switch(void** left, void* entered);
asm(R"(
.text
.align 16
.globl simulator_switch
.type simulator_switch, @function
simulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size simulator_switch, .-simulator_switch
)");

/// Where a fiber or the scheduler stands: its stack pointer.
struct Position {
  void* stack_pointer = nullptr;

  void start(char* top, void (*entry)()) {
    // As simulator_switch leaves a stack: six registers and the address to return to; above, as if
    // `entry` was called.
    auto** slot = reinterpret_cast<void**>(top);
    *--slot = nullptr;
    *--slot = reinterpret_cast<void*>(entry);
    for (int i = 0; i < 6; ++i) *--slot = nullptr;
    stack_pointer = slot;
  }
  static void move(Position& left, Position& entered) {
    simulator_switch(&left.stack_pointer, entered.stack_pointer);
  }
};

#else

struct Position {
  ucontext_t context{};

  void start(char* top, void (*entry)()) {
    getcontext(&context);
    context.uc_stack.ss_sp = top - Fiber::stack_bytes / 2;
    context.uc_stack.ss_size = Fiber::stack_bytes / 2;
    makecontext(&context, entry, 0);
  }
  static void move(Position& left, Position& entered) {
    swapcontext(&left.context, &entered.context);
  }
};

#endif

/// What the sanitizers want to know about the switch.
struct Sanitized {
#if defined(__SANITIZE_ADDRESS__)
  void* fake_stack = nullptr;
  const void* bottom = nullptr;
  std::size_t bytes = 0;
  void leave(const Sanitized& entered) {
    __sanitizer_start_switch_fiber(&fake_stack, entered.bottom, entered.bytes);
  }
  /// Notes where the stack lies from which the switch came.
  void enter(Sanitized& left) {
    __sanitizer_finish_switch_fiber(fake_stack, &left.bottom, &left.bytes);
  }
  void start(const char* stack) {
    bottom = stack, bytes = Fiber::stack_bytes;
  }
  void end() {}
#elif defined(__SANITIZE_THREAD__)
  void* fiber = nullptr;
  void leave(const Sanitized& entered) {
    __tsan_switch_to_fiber(entered.fiber, 0);
  }
  void enter(Sanitized&) {}
  void start(const char*) {
    fiber = __tsan_create_fiber(0);
  }
  void end() {
    __tsan_destroy_fiber(fiber);
  }
#else
  void leave(const Sanitized&) {}
  void enter(Sanitized&) {}
  void start(const char*) {}
  void end() {}
#endif
};

struct Fiber::Context {
  char* mapping = nullptr;
  Position position;
  Sanitized sanitized;
  void (*entry)() = nullptr;
};

namespace {

Position scheduler;
Sanitized scheduler_sanitized;
Fiber::Context* running = nullptr;

void begin() {
  running->sanitized.enter(scheduler_sanitized);
  running->entry();
  std::abort();
}

/// Tops of stacks at different places modulo the size of a page, so that they do not share few
/// lines of the cache.
std::size_t stagger() {
  static std::size_t fibers = 0;
  const std::size_t i = fibers++ % 1024;
  return i % 64 * 64 + i / 64 * 4096;
}

}  // namespace

Fiber::Fiber(void (*entry)()) : context_(std::make_unique<Context>()) {
  void* mapping = mmap(nullptr, stack_bytes + guard_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED || mprotect(mapping, guard_bytes, PROT_NONE) != 0) {
    fault("no memory for the stack of a thread");
  }
  context_->mapping = static_cast<char*>(mapping);
  context_->entry = entry;
  char* bottom = context_->mapping + guard_bytes;
  context_->sanitized.start(bottom);
  context_->position.start(bottom + stack_bytes - stagger(), begin);
}

Fiber::~Fiber() {
  context_->sanitized.end();
  munmap(context_->mapping, stack_bytes + guard_bytes);
}

void Fiber::resume() {
#if defined(__SANITIZE_THREAD__)
  scheduler_sanitized.fiber = __tsan_get_current_fiber();
#endif
  running = context_.get();
  scheduler_sanitized.leave(running->sanitized);
  Position::move(scheduler, context_->position);
  scheduler_sanitized.enter(context_->sanitized);
}

const std::byte* Fiber::stack() const {
  return reinterpret_cast<const std::byte*>(context_->mapping + guard_bytes);
}

void Fiber::yield() {
  Context* self = running;
  self->sanitized.leave(scheduler_sanitized);
  Position::move(self->position, scheduler);
  self->sanitized.enter(scheduler_sanitized);
}

}  // namespace simulator
