#include "experiments/common/lock_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "tensor/error.hpp"

namespace sonde::experiments {
namespace {

std::string holder(int fd) {
  char text[32] = {};
  const auto got = ::pread(fd, text, sizeof text - 1, 0);
  const std::string pid(text, got > 0 ? static_cast<std::size_t>(got) : 0);
  return pid.find_first_not_of("0123456789") == 0 || pid.empty() ? "?"
                                                                 : pid.substr(0, pid.find('\n'));
}

// The path may have been unlinked by the former holder between our open and our lock; then the lock
// is on a file that nobody else can find.
bool still_there(const std::filesystem::path& path, int fd) {
  struct stat opened {
  }, named{};
  return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

}  // namespace

LockFile::LockFile(std::filesystem::path path) : path_(std::move(path)) {
  for (;;) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd_ < 0) fail(ErrorCode::file, "lock", "{}: {}", path_.string(), std::strerror(errno));
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      const std::string other = holder(fd_);
      ::close(fd_);
      fail_hint(ErrorCode::usage, "--out", "wait for it or give another folder",
                "{} is in use by process {}", path_.parent_path().string(), other);
    }
    if (still_there(path_, fd_)) break;
    ::close(fd_);
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, pid.data(), pid.size(), 0) < 0) {
    const int error = errno;
    ::close(fd_);
    fail(ErrorCode::file, "lock", "{}: {}", path_.string(), std::strerror(error));
  }
}

LockFile::~LockFile() {
  ::unlink(path_.c_str());
  ::close(fd_);
}

}  // namespace sonde::experiments
