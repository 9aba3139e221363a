#include "tensor/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "tensor/error.hpp"

namespace sonde {
namespace {

[[noreturn]] void fail_errno(std::string_view op, const std::string& path, int code) {
  fail(ErrorCode::file, op, "{}: {}", path, std::generic_category().message(code));
}

// Calls a system function again while a signal interrupts it.
template <class F>
auto retried(F&& f) {
  auto result = f();
  while (result < 0 && errno == EINTR) result = f();
  return result;
}

class Descriptor {
 public:
  Descriptor(std::string_view op, const std::string& path, int flags)
      : op_(op),
        path_(path),
        fd_(retried([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); })) {
    if (fd_ < 0) fail_errno(op, path, errno);
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const auto n = retried([&] { return ::write(fd_, bytes.data(), bytes.size()); });
      if (n < 0) fail_errno(op_, path_, errno);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }
  void sync() {
    if (retried([&] { return ::fsync(fd_); }) < 0) fail_errno(op_, path_, errno);
  }
  void close() {
    const int fd = std::exchange(fd_, -1);
    if (::close(fd) < 0 && errno != EINTR) fail_errno(op_, path_, errno);
  }

 private:
  std::string_view op_;
  const std::string& path_;
  int fd_;
};

std::string aside_name(const std::string& path) {
  static std::atomic<unsigned> counter{0};
  return fmt::format("{}.tmp.{}.{}", path, ::getpid(), counter.fetch_add(1));
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

// Removes the file aside unless it was renamed.
struct Aside {
  explicit Aside(const std::string& path) : name(aside_name(path)) {}
  ~Aside() {
    if (!renamed) ::unlink(name.c_str());
  }
  std::string name;
  bool renamed = false;
};

}  // namespace

void atomic_write(const std::string& path, const std::function<void(const std::string&)>& write) {
  constexpr std::string_view op = "atomic_write";
  Aside aside(path);
  write(aside.name);
  Descriptor file(op, aside.name, O_RDONLY);
  file.sync();
  file.close();
  if (::rename(aside.name.c_str(), path.c_str()) < 0) fail_errno(op, path, errno);
  aside.renamed = true;
  const std::string folder = folder_of(path);
  Descriptor(op, folder, O_RDONLY | O_DIRECTORY).sync();  // the name itself must reach the disk
}

void atomic_write(const std::string& path, std::span<const std::span<const std::byte>> parts) {
  atomic_write(path, [&](const std::string& aside) {
    Descriptor file("atomic_write", aside, O_WRONLY | O_CREAT | O_EXCL);
    for (auto part : parts) file.write(part);
    file.close();
  });
}

void atomic_write(const std::string& path, std::string_view text) {
  const std::span<const std::byte> part = std::as_bytes(std::span(text));
  atomic_write(path, std::span(&part, 1));
}

void ByteStream::read(std::byte* to, std::int64_t n) {
  const std::int64_t left = remaining(), got = n <= left ? read_some(to, n) : 0;
  if (got != n)
    fail(ErrorCode::format, "read", "{}: ends early: {} bytes wanted, {} are left", name(), n,
         std::min(n, std::max(got, left)));
}

namespace {

struct Opened {
  int fd;
  std::int64_t size;
};

// O_NONBLOCK: opening a pipe must not wait for its writer; what is no regular file is refused.
Opened open_regular(const std::string& path) {
  constexpr std::string_view op = "open";
  const int fd = retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); });
  if (fd < 0) fail_errno(op, path, errno);
  struct stat info;
  const int code = ::fstat(fd, &info) < 0 ? errno : 0;
  if (code == 0 && S_ISREG(info.st_mode)) return {fd, info.st_size};
  ::close(fd);
  if (code != 0) fail_errno(op, path, code);
  fail(ErrorCode::file, op, "{}: not a regular file", path);
}

}  // namespace

FileStream::FileStream(const std::string& path) : ByteStream(path, 0, true) {
  const Opened opened = open_regular(path);
  fd_ = opened.fd;
  took(-opened.size);
}

FileStream::~FileStream() {
  ::close(fd_);
}

std::int64_t FileStream::read_some(std::byte* to, std::int64_t n) {
  std::int64_t done = 0;
  while (done < n) {
    const auto got =
        retried([&] { return ::read(fd_, to + done, static_cast<std::size_t>(n - done)); });
    if (got < 0) fail_errno("read", name(), errno);
    if (got == 0) break;
    done += got;
  }
  took(done);
  return done;
}

std::int64_t MemoryStream::read_some(std::byte* to, std::int64_t n) {
  const std::int64_t got = std::min(n, remaining());
  if (got > 0) std::memcpy(to, next_, static_cast<std::size_t>(got));
  next_ += got;
  took(got);
  return got;
}

}  // namespace sonde
