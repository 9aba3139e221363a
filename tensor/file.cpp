#include "tensor/file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "tensor/error.hpp"

namespace sonde {
namespace {

constexpr std::string_view op = "atomic_write", mark = ".tmp.";

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "./" : path.substr(0, slash + 1);
}

// A name beside the real one that no other process or thread uses, nor one that was killed and had
// our number. As much of the real name as leaves room for the rest.
std::string aside_name(const std::string& path) {
  static std::atomic<unsigned> counter{0};
  constexpr std::size_t longest = 200;  // bytes; file systems take 255
  const std::string folder = folder_of(path);
  const std::string name = path.substr(path.rfind('/') + 1, longest);
  for (;;) {
    const std::string aside =
        fmt::format("{}{}{}{}.{}", folder, name, mark, ::getpid(), counter.fetch_add(1));
    if (::access(aside.c_str(), F_OK) != 0) return aside;
  }
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

bool is_aside(std::string_view name) {
  const auto at = name.rfind(mark);
  if (at == std::string_view::npos) return false;
  const std::string_view numbers = name.substr(at + mark.size());
  const auto dot = numbers.find('.');
  return dot != 0 && dot != std::string_view::npos && dot + 1 < numbers.size() &&
         numbers.find_first_not_of("0123456789", dot + 1) == std::string_view::npos &&
         numbers.find_first_not_of("0123456789") == dot;
}

void atomic_write(const std::string& path, const std::function<void(Descriptor& aside)>& write) {
  Aside aside(path);
  Descriptor file(op, aside.name, O_RDWR | O_CREAT | O_EXCL);
  write(file);
  file.sync();
  file.close();
  if (::rename(aside.name.c_str(), path.c_str()) < 0) fail_errno(op, path, errno);
  aside.renamed = true;
  // The name itself must reach the disk.
  Descriptor(op, folder_of(path), O_RDONLY | O_DIRECTORY).sync();
}

void atomic_write(const std::string& path, std::span<const std::span<const std::byte>> parts) {
  atomic_write(path, [&](Descriptor& file) {
    for (auto part : parts) file.write(part);
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

FileStream::FileStream(const std::string& path)
    : ByteStream(path, 0, true), file_(open_regular("read", path)) {
  took(-file_.size());
}

std::int64_t FileStream::read_some(std::byte* to, std::int64_t n) {
  const std::int64_t got = file_.read_some({to, static_cast<std::size_t>(n)});
  took(got);
  return got;
}

std::int64_t MemoryStream::read_some(std::byte* to, std::int64_t n) {
  const std::int64_t got = std::min(n, remaining());
  if (got > 0) std::memcpy(to, next_, static_cast<std::size_t>(got));
  next_ += got;
  took(got);
  return got;
}

}  // namespace sonde
