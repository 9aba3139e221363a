#include "tests/limited.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <exception>
#include <fstream>

#include "tensor/sanitizers.hpp"

namespace sonde {
namespace {

std::int64_t address_space() {
  std::int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * ::sysconf(_SC_PAGESIZE);
}

void limit(int resource, std::int64_t value) {
  const rlimit both{static_cast<rlim_t>(value), static_cast<rlim_t>(value)};
  ::setrlimit(static_cast<__rlimit_resource>(resource), &both);
}

[[noreturn]] void child(std::int64_t bytes, int seconds, const std::function<void()>& work,
                        int answer) {
  if (!detail::address_sanitizer && !detail::thread_sanitizer)
    limit(RLIMIT_AS, address_space() + bytes);
  limit(RLIMIT_CPU, seconds);
  limit(RLIMIT_CORE, 0);
  std::string wrong;
  try {
    work();
  } catch (const std::exception& e) {
    wrong = *e.what() ? e.what() : "an exception without words";
  }
  const bool told =
      ::write(answer, wrong.data(), wrong.size()) == static_cast<ssize_t>(wrong.size());
  ::_exit(told && wrong.empty() ? 0 : 1);
}

std::string everything_from(int fd) {
  std::string out;
  char block[4096];
  for (ssize_t n; (n = ::read(fd, block, sizeof block)) > 0;)
    out.append(block, static_cast<std::size_t>(n));
  return out;
}

}  // namespace

std::string run_limited(std::int64_t bytes, int seconds, const std::function<void()>& work) {
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  const pid_t pid = ::fork();
  if (pid == 0) child(bytes, seconds, work, ends[1]);
  ::close(ends[1]);
  const std::string wrong = everything_from(ends[0]);
  ::close(ends[0]);
  int status = 0;
  if (pid < 0 || ::waitpid(pid, &status, 0) != pid) return "no child process";
  if (WIFSIGNALED(status)) return fmt::format("ended by signal {}", strsignal(WTERMSIG(status)));
  return WEXITSTATUS(status) == 0 ? "" : "threw: " + wrong;
}

}  // namespace sonde
