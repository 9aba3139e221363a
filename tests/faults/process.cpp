#include "process.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>
#include <utility>

namespace sonde::faults {
namespace {

constexpr unsigned patience = 60;  // seconds

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const std::string& w : words) out.push_back(const_cast<char*>(w.c_str()));
  out.push_back(nullptr);
  return out;
}

void redirect(int descriptor, const std::string& path) {
  ::close(descriptor);
  if (path.empty()) return;
  int opened = -1;
  if (path == broken_pipe) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) ::_exit(126);
    ::close(ends[0]);
    opened = ends[1];
  } else {
    opened = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0666);
  }
  if (opened == descriptor) return;
  ::dup2(opened, descriptor);
  ::close(opened);
}

}  // namespace

Process::Process(const Command& command) {
  const std::vector<char*> words = pointers(command.words),
                           environment = pointers(command.environment);
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("no process");
  if (pid_ != 0) return;
  redirect(STDOUT_FILENO, command.out);
  redirect(STDERR_FILENO, command.err);
  ::alarm(patience);
  ::execve(words[0], words.data(), environment.data());
  ::_exit(127);
}

Process::~Process() {
  if (pid_ <= 0) return;
  send(SIGKILL);
  wait();
}

void Process::send(int signal) const {
  ::kill(pid_, signal);
}

int Process::wait() {
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int run(const Command& command) {
  return Process(command).wait();
}

}  // namespace sonde::faults
