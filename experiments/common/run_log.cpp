#include "experiments/common/run_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "tensor/error.hpp"

namespace sonde::experiments {

RunLog::RunLog(const std::filesystem::path& path) : path_(path) {
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) failed();
}

RunLog::~RunLog() {
  ::close(fd_);
}

void RunLog::failed() const {
  fail(ErrorCode::file, "log", "{}: {}", path_.string(), std::strerror(errno));
}

void RunLog::write(const Json& line) {
  const std::string text = line.dump() + '\n';
  for (std::size_t done = 0; done < text.size();) {  // more than one turn only on a short write
    const auto n = ::write(fd_, text.data() + done, text.size() - done);
    if (n < 0 && errno != EINTR) failed();
    if (n > 0) done += static_cast<std::size_t>(n);
  }
}

std::int64_t RunLog::sync() {
  const auto size = ::lseek(fd_, 0, SEEK_END);
  if (size < 0 || (::fsync(fd_) != 0 && errno != EINVAL && errno != EROFS)) failed();
  return size;
}

void RunLog::truncate(std::int64_t size) {
  const auto now = ::lseek(fd_, 0, SEEK_END);
  if (now < 0) failed();
  if (size < 0 || size > now)
    fail(ErrorCode::format, "log", "{} has {} bytes, its checkpoint says {}", path_.string(), now,
         size);
  if (::ftruncate(fd_, size) != 0) failed();
}

}  // namespace sonde::experiments
