#include "shim.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string_view>

// The only two system calls that the kernel lets pass while a thread is armed: what the shim
// forwards, and the return from its signal handler.
asm(R"(
  .text
  .hidden sonde_faults_gate, sonde_faults_gate_end, sonde_faults_forward, sonde_faults_return
  .globl sonde_faults_gate, sonde_faults_gate_end, sonde_faults_forward, sonde_faults_return
sonde_faults_gate:
sonde_faults_forward:
  mov %rdi, %rax
  mov %rsi, %r11
  mov 0(%r11), %rdi
  mov 8(%r11), %rsi
  mov 16(%r11), %rdx
  mov 32(%r11), %r8
  mov 40(%r11), %r9
  mov 24(%r11), %r10
  syscall
  ret
sonde_faults_return:
  mov $15, %eax
  syscall
  ud2
sonde_faults_gate_end:
)");
extern "C" {
extern const char sonde_faults_gate[], sonde_faults_gate_end[];
// A negative result is -errno. `arguments` are six.
long sonde_faults_forward(long number, const long* arguments);
void sonde_faults_return();
}

namespace sonde::faults {
namespace {

constexpr int none = -1;

// What the shim knows of a system call: where its file stands among the arguments (as a path, after
// the folder it is relative to if that is an argument too, or as a descriptor) and where its size.
struct Row {
  long number;
  Call call;
  int path, descriptor, size;
};
constexpr Row table[] = {
    {SYS_open, Call::open, 0, none, none},          {SYS_openat, Call::open, 1, 0, none},
    {SYS_creat, Call::open, 0, none, none},         {SYS_read, Call::read, none, 0, 2},
    {SYS_pread64, Call::read, none, 0, 2},          {SYS_readv, Call::read, none, 0, 2},
    {SYS_write, Call::write, none, 0, 2},           {SYS_pwrite64, Call::write, none, 0, 2},
    {SYS_writev, Call::write, none, 0, 2},          {SYS_fsync, Call::sync, none, 0, none},
    {SYS_fdatasync, Call::sync, none, 0, none},     {SYS_rename, Call::rename, 0, none, none},
    {SYS_renameat, Call::rename, 1, 0, none},       {SYS_renameat2, Call::rename, 1, 0, none},
    {SYS_close, Call::close, none, 0, none},        {SYS_mmap, Call::map, none, 4, none},
    {SYS_unlink, Call::unlink, 0, none, none},      {SYS_unlinkat, Call::unlink, 1, 0, none},
    {SYS_rmdir, Call::unlink, 0, none, none},       {SYS_mkdir, Call::mkdir, 0, none, none},
    {SYS_mkdirat, Call::mkdir, 1, 0, none},         {SYS_truncate, Call::truncate, 0, none, none},
    {SYS_ftruncate, Call::truncate, none, 0, none}, {SYS_stat, Call::stat, 0, none, none},
    {SYS_lstat, Call::stat, 0, none, none},         {SYS_fstat, Call::stat, none, 0, none},
    {SYS_newfstatat, Call::stat, 1, 0, none},       {SYS_statx, Call::stat, 1, 0, none},
    {SYS_getdents64, Call::list, none, 0, none},
};

Fault plan;
char root[PATH_MAX];
int seen = 0, injected = 0;
volatile char gate = SYSCALL_DISPATCH_FILTER_ALLOW;  // the kernel reads it at every system call
thread_local bool armed = false;

template <class... Arguments>
long system_call(long number, Arguments... arguments) {
  const long all[6] = {(long)(arguments)...};
  return sonde_faults_forward(number, all);
}

bool below_root(const char* path) {
  const std::string_view folder(root), given(path);
  return given.starts_with(folder) &&
         (given.size() == folder.size() || given[folder.size()] == '/');
}

// Whether the folder or file that a descriptor stands for lies below the root.
bool below_root(int descriptor) {
  char link[40] = "/proc/self/cwd", target[PATH_MAX];
  if (descriptor != AT_FDCWD) std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const long n = system_call(SYS_readlink, link, target, sizeof target - 1);
  target[std::max(n, 0L)] = '\0';
  return below_root(target);
}

bool concerns_root(const Row& row, const long* arguments) {
  const char* path = row.path == none ? "" : reinterpret_cast<const char*>(arguments[row.path]);
  if (path[0] == '/') return below_root(path);
  return below_root(row.descriptor == none ? AT_FDCWD
                                           : static_cast<int>(arguments[row.descriptor]));
}

// Counts a call that matches; true if it is to be hit.
bool struck() {
  ++seen;
  if (seen != plan.nth && !(plan.lasting && seen > plan.nth)) return false;
  ++injected;
  return true;
}

void raise(int signal) {
  system_call(SYS_kill, system_call(SYS_getpid), signal);
}

[[noreturn]] void die() {
  raise(SIGKILL);
  __builtin_unreachable();
}

long performed(const Row* row, long number, long* arguments) {
  if (row && row->call == Call::sync) return 0;  // nothing here outlives a power cut anyway
  return sonde_faults_forward(number, arguments);
}

long hit(const Row& row, long number, long* arguments) {
  if (plan.effect == Effect::kill) die();
  if (plan.effect == Effect::signal) raise(plan.error);  // it waits for the end of our handler
  if ((plan.effect == Effect::shorten || plan.effect == Effect::tear) && row.size != none)
    arguments[row.size] = (arguments[row.size] + 1) / 2;
  // A descriptor is closed even if close() reports an error.
  const bool carried_out = plan.effect != Effect::fail || row.call == Call::close;
  const long result = carried_out ? performed(&row, number, arguments) : 0;
  if (plan.effect == Effect::tear) die();
  return plan.effect == Effect::fail ? -plan.error : result;
}

// Runs in place of every system call of the armed thread.
void on_system_call(int, siginfo_t* info, void* context) {
  auto& r = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  long arguments[] = {r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]};
  const long number = info->si_syscall;
  const Row* row = std::find_if(std::begin(table), std::end(table),
                                [&](const Row& x) { return x.number == number; });
  if (row == std::end(table)) row = nullptr;
  const bool matches =
      row && (plan.call == Call::any || plan.call == row->call) && concerns_root(*row, arguments);
  if (number == SYS_rt_sigreturn) {  // of a handler of the program: has to find its own stack
    r[REG_RIP] = reinterpret_cast<greg_t>(sonde_faults_return);
    return;
  }
  r[REG_RAX] =
      matches && struck() ? hit(*row, number, arguments) : performed(row, number, arguments);
}

// As the kernel wants it; libc's own sigaction() would return through a system call that is caught.
void catch_system_calls() {
  struct {
    void (*handler)(int, siginfo_t*, void*);
    unsigned long flags;
    void (*restorer)();
    unsigned long mask;
  } action{on_system_call, SA_SIGINFO | 0x04000000 /* SA_RESTORER */, sonde_faults_return, ~0ul};
  system_call(SYS_rt_sigaction, SIGSYS, &action, nullptr, sizeof action.mask);
}

bool dispatch(bool on) {
  const auto size = static_cast<long>(sonde_faults_gate_end - sonde_faults_gate);
  gate = on ? SYSCALL_DISPATCH_FILTER_BLOCK : SYSCALL_DISPATCH_FILTER_ALLOW;
  return on ? system_call(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON,
                          sonde_faults_gate, size, &gate) == 0
            : system_call(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0) ==
                  0;
}

bool refused() {
  if (!armed || plan.call != Call::allocate || !struck()) return false;
  if (plan.effect == Effect::kill) die();
  errno = ENOMEM;
  return true;
}

using Main = int(int, char**, char**);
Main* program_main = nullptr;

// SONDE_FAULT holds the fields of Fault as numbers, then the folder.
int main_with_fault(int argc, char** argv, char** environment) {
  const char* text = std::getenv("SONDE_FAULT");
  int call, effect, error, nth, lasting, folder;
  if (text &&
      std::sscanf(text, "%d %d %d %d %d %n", &call, &effect, &error, &nth, &lasting, &folder) == 5)
    arm({Call(call), Effect(effect), error, nth, lasting != 0}, text + folder);
  return program_main(argc, argv, environment);
}

// The function of this name that the program would have without the shim.
template <class F>
F* original(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

bool arm(const Fault& fault, const char* folder) {
  plan = fault;
  seen = injected = 0;
  std::snprintf(root, sizeof root, "%s", folder);
  if (fault.call != Call::allocate) {
    catch_system_calls();
    if (!dispatch(true)) return false;
  }
  armed = true;
  return true;
}

int disarm() {
  if (armed && plan.call != Call::allocate) dispatch(false);
  armed = false;
  return injected;
}

}  // namespace sonde::faults

// The allocation functions; operator new stands on them.
extern "C" {
using namespace sonde::faults;

void* malloc(std::size_t n) noexcept {
  static const auto next = original<void*(std::size_t)>("malloc");
  return refused() ? nullptr : next(n);
}
void* calloc(std::size_t count, std::size_t n) noexcept {
  static const auto next = original<void*(std::size_t, std::size_t)>("calloc");
  return refused() ? nullptr : next(count, n);
}
void* realloc(void* p, std::size_t n) noexcept {
  static const auto next = original<void*(void*, std::size_t)>("realloc");
  return refused() ? nullptr : next(p, n);
}
void* aligned_alloc(std::size_t alignment, std::size_t n) noexcept {
  static const auto next = original<void*(std::size_t, std::size_t)>("aligned_alloc");
  return refused() ? nullptr : next(alignment, n);
}
int posix_memalign(void** p, std::size_t alignment, std::size_t n) noexcept {
  static const auto next = original<int(void**, std::size_t, std::size_t)>("posix_memalign");
  return refused() ? ENOMEM : next(p, alignment, n);
}

// Where a program starts that the shim is preloaded into: libraries are ready, main is to come.
int __libc_start_main(Main* main, int argc, char** argv, void (*init)(), void (*fini)(),
                      void (*loader)(), void* stack) {
  static const auto next =
      original<int(Main*, int, char**, void (*)(), void (*)(), void (*)(), void*)>(
          "__libc_start_main");
  program_main = main;
  return next(main_with_fault, argc, argv, init, fini, loader, stack);
}

// A thread begins with all signals blocked, SIGSYS too.
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*),
                   void* argument) noexcept {
  static const auto next =
      original<int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>("pthread_create");
  const char before = gate;
  gate = SYSCALL_DISPATCH_FILTER_ALLOW;
  const int code = next(thread, attributes, body, argument);
  gate = before;
  return code;
}
}
