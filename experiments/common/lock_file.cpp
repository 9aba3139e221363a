#include "experiments/common/lock_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "tensor/error.hpp"

namespace sonde::experiments {
namespace {

std::string holder(Descriptor& file) {
  std::array<std::byte, 32> bytes;
  const auto got = static_cast<std::size_t>(file.read_at(0, bytes));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), got);
  const std::string_view pid = text.substr(0, text.find_first_not_of("0123456789"));
  return pid.empty() ? "?" : std::string(pid);
}

// The path may have been unlinked by the former holder between our open and our lock; then the lock
// is on a file that nobody else can find.
bool still_there(const Descriptor& file) {
  struct stat opened, named;
  if (::fstat(file.get(), &opened) != 0) fail_errno("lock", file.path(), errno);
  if (::stat(file.path().c_str(), &named) != 0) {
    if (errno == ENOENT) return false;
    fail_errno("lock", file.path(), errno);
  }
  return opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

Descriptor locked(const std::filesystem::path& path) {
  for (;;) {
    Descriptor file("lock", path.string(), O_RDWR | O_CREAT);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) fail_errno("lock", path.string(), errno);
      fail_hint(ErrorCode::usage, "--out", "wait for it or give another folder",
                "{} is in use by process {}", path.parent_path().string(), holder(file));
    }
    if (still_there(file)) return file;
  }
}

}  // namespace

LockFile::LockFile(const std::filesystem::path& path) : file_(locked(path)) {
  const std::string pid = fmt::format("{}\n", ::getpid());
  file_.truncate(0);
  file_.write(std::as_bytes(std::span(pid)));
}

LockFile::~LockFile() {
  ::unlink(file_.path().c_str());
}

}  // namespace sonde::experiments
