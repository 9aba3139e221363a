#include "tensor/descriptor.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "tensor/error.hpp"

namespace sonde {
namespace {

// Calls a system function again while a signal interrupts it.
template <class F>
auto retried(F&& f) {
  auto result = f();
  while (result < 0 && errno == EINTR) result = f();
  return result;
}

struct stat status(int fd, const std::string& path, std::string_view op) {
  struct stat info;
  if (::fstat(fd, &info) < 0) fail_errno(op, path, errno);
  return info;
}

}  // namespace

void fail_errno(std::string_view op, const std::string& path, int code) {
  fail(code == ENOMEM ? ErrorCode::memory : ErrorCode::file, op, "{}: {}", path,
       std::generic_category().message(code));
}

Descriptor::Descriptor(std::string_view op, std::string path, int flags)
    : op_(op),
      path_(std::move(path)),
      fd_(retried([&] { return ::open(path_.c_str(), flags | O_CLOEXEC, 0666); })) {
  if (fd_ < 0) failed();
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

void Descriptor::failed() const {
  fail_errno(op_, path_, errno);
}

std::int64_t Descriptor::size() const {
  return status(fd_, path_, op_).st_size;
}

std::int64_t Descriptor::read_some(std::span<std::byte> to) {
  std::size_t done = 0;
  while (done < to.size()) {
    const auto got = retried([&] { return ::read(fd_, to.data() + done, to.size() - done); });
    if (got < 0) failed();
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return static_cast<std::int64_t>(done);
}

std::int64_t Descriptor::read_at(std::int64_t offset, std::span<std::byte> to) {
  if (retried([&] { return ::lseek(fd_, offset, SEEK_SET); }) < 0) failed();
  return read_some(to);
}

void Descriptor::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto n = retried([&] { return ::write(fd_, bytes.data(), bytes.size()); });
    if (n < 0) failed();
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void Descriptor::write_at(std::int64_t offset, std::span<const std::byte> bytes) {
  if (retried([&] { return ::lseek(fd_, offset, SEEK_SET); }) < 0) failed();
  write(bytes);
}

void Descriptor::truncate(std::int64_t size) {
  if (retried([&] { return ::ftruncate(fd_, size); }) < 0) failed();
}

// EINVAL and EROFS: this kind of file cannot be flushed, as fsync(2) says.
void Descriptor::sync() {
  if (retried([&] { return ::fsync(fd_); }) < 0 && errno != EINVAL && errno != EROFS) failed();
}

// Not repeated after a signal: Linux has closed the file by then.
void Descriptor::close() {
  if (::close(std::exchange(fd_, -1)) < 0 && errno != EINTR) failed();
}

// O_NONBLOCK: opening a pipe must not wait for its writer.
Descriptor open_regular(std::string_view op, const std::string& path) {
  Descriptor file(op, path, O_RDONLY | O_NONBLOCK);
  if (!S_ISREG(status(file.get(), path, op).st_mode))
    fail(ErrorCode::file, op, "{}: not a regular file", path);
  return file;
}

}  // namespace sonde
