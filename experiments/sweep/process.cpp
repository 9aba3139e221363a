#include "experiments/sweep/process.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>

#include "tensor/descriptor.hpp"

namespace sonde::experiments {
namespace {

// While it lives, no signal reaches a handler: one that comes between fork and exec would be taken
// by the handler of the parent and be lost.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &former_);
  }
  ~SignalsHeld() { release(); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;
  void release() const { sigprocmask(SIG_SETMASK, &former_, nullptr); }

 private:
  sigset_t former_;
};

// In the new process, where only system calls are allowed.
[[noreturn]] void become(char* const* words, const Streams& streams, pid_t parent,
                         const SignalsHeld& held) {
  constexpr int not_started = 127;
  ::setpgid(0, 0);
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGTERM, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(not_started);  // it ended before the line above
  if (streams.kept >= 0) ::fcntl(streams.kept, F_SETFD, 0);
  const bool set =
      ::dup2(streams.out, STDOUT_FILENO) >= 0 && ::dup2(streams.err, STDERR_FILENO) >= 0;
  held.release();
  if (set) ::execv(words[0], words);
  ::_exit(not_started);
}

int code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// A file without a name.
class Scratch {
 public:
  Scratch() : fd_(::memfd_create("answer", MFD_CLOEXEC)) {
    if (fd_ < 0) fail_errno("ask", "a scratch file", errno);
  }
  ~Scratch() { ::close(fd_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  int get() const { return fd_; }
  std::string text() const {
    std::string all(static_cast<std::size_t>(::lseek(fd_, 0, SEEK_END)), '\0');
    std::size_t got = 0;
    while (got < all.size()) {
      const ssize_t n = ::pread(fd_, all.data() + got, all.size() - got, static_cast<off_t>(got));
      if (n <= 0) fail_errno("ask", "a scratch file", errno);
      got += static_cast<std::size_t>(n);
    }
    return all;
  }

 private:
  int fd_;
};

}  // namespace

pid_t start_process(const std::vector<std::string>& words, const Streams& streams) {
  std::vector<char*> argv;
  for (const std::string& w : words) argv.push_back(const_cast<char*>(w.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const SignalsHeld held;
  const pid_t child = ::fork();
  if (child < 0) fail_errno("start", words[0], errno);
  if (child == 0) become(argv.data(), streams, parent, held);
  return child;
}

std::optional<int> ended(pid_t process) {
  int status = 0;
  const pid_t got = ::waitpid(process, &status, WNOHANG);
  if (got == 0 || (got < 0 && errno == EINTR)) return {};
  if (got < 0) fail_errno("wait for", "a process", errno);
  return code_of(status);
}

Answer ask(const std::vector<std::string>& words) {
  const Scratch out, err;
  const pid_t process = start_process(words, {.out = out.get(), .err = err.get()});
  int status = 0;
  while (::waitpid(process, &status, 0) < 0)
    if (errno != EINTR) fail_errno("wait for", words[0], errno);
  return {code_of(status), out.text(), err.text()};
}

std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of("\r\n");
  if (end == std::string::npos) return {};
  const std::size_t before = text.find_last_of("\r\n", end);
  const std::size_t begin = before == std::string::npos ? 0 : before + 1;
  return text.substr(begin, end + 1 - begin);
}

std::filesystem::path own_folder() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) fail_errno("read", "/proc/self/exe", error.value());
  return self.parent_path();
}

}  // namespace sonde::experiments
