#include "experiments/common/program.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <new>
#include <utility>

#include "experiments/common/interrupt.hpp"
#include "tensor/descriptor.hpp"
#include "tensor/system.hpp"

namespace sonde::experiments {
namespace {

// A closed standard stream would lend its number to the next file that is opened, and what is
// printed would land there.
void keep_standard_streams() {
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    while (::fcntl(stream, F_GETFD) < 0 && errno == EBADF && ::open("/dev/null", O_RDWR) >= 0) {
    }
}

// Once, however often memory is missed on the way out; by a call that needs none.
void say_no_memory() {
  static bool said = false;
  constexpr std::string_view text = "[S1050] the system has no more memory\n";
  if (!std::exchange(said, true) && ::write(STDERR_FILENO, text.data(), text.size()) < 0) return;
}

[[noreturn]] void on_terminate() {
  try {
    if (std::current_exception()) throw;
  } catch (const std::bad_alloc&) {
    say_no_memory();
    ::_exit(bad_data);
  } catch (...) {
  }
  std::abort();
}

int say(std::string_view program, std::string_view what, int code) {
  std::cerr << program << ": " << what << std::endl;
  return code;
}

int run(const About& about, const std::function<void(Cli&)>& declare,
        const std::function<void(Run&)>& body, int argc, const char* const* argv) {
  Cli cli(about);
  declare(cli);
  if (const auto page = cli.parse(argc, argv)) {
    print(*page);
    return done;
  }
  if (const std::string warning = system_info().blas_warning; !warning.empty())
    say(about.name, "warning: " + warning, done);
  InterruptGuard signals;
  Run run(cli);
  body(run);
  run.finish();
  print(run.closing_lines());
  return done;
}

}  // namespace

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::usage:
      return bad_usage;
    case ErrorCode::memory:
    case ErrorCode::backend:
    case ErrorCode::size:
    case ErrorCode::data:
    case ErrorCode::file:
    case ErrorCode::format:
    case ErrorCode::names:
      return bad_data;
    case ErrorCode::numeric:
    case ErrorCode::anomaly:
      return failed_numerics;
    default:
      return defect;
  }
}

void print(std::string_view text) {
  errno = 0;
  if (!(std::cout << text << std::flush)) fail_errno("print", "standard output", errno);
}

void end_without_memory() {
  std::set_terminate(on_terminate);
}

int run_guarded(const std::string& name, const std::function<int()>& work) {
  end_without_memory();
  keep_standard_streams();
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has gone must not end hours of work
  try {
    return work();
  } catch (const Interrupted&) {
    return say(name, "interrupted; --resume goes on from here", interrupted_run);
  } catch (const Error& e) {
    return say(name, e.what(), exit_code(e.code()));
  } catch (const std::filesystem::filesystem_error& e) {
    return say(name, e.what(), bad_data);
  } catch (const std::bad_alloc&) {
    say_no_memory();
    return bad_data;
  } catch (const std::exception& e) {
    return say(name, e.what(), defect);
  }
}

int run_program(const About& about, const std::function<void(Cli&)>& declare,
                const std::function<void(Run&)>& body, int argc, const char* const* argv) {
  const auto work = [&] { return run(about, declare, body, argc, argv); };
  return run_guarded(about.name, std::ref(work));  // which takes no memory
}

}  // namespace sonde::experiments
