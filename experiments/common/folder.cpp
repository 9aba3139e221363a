#include "experiments/common/folder.hpp"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

#include "tensor/error.hpp"
#include "tensor/file.hpp"

namespace sonde::experiments {
namespace {

namespace fs = std::filesystem;

// Asks the file system, again while a signal interrupts it.
template <class F>
auto asked(std::string_view op, const fs::path& path, F question) {
  for (;;) {
    std::error_code error;
    auto answer = question(error);
    if (!error) return answer;
    if (error != std::errc::interrupted) fail_errno(op, path.string(), error.value());
  }
}

}  // namespace

void make_folder(const fs::path& folder) {
  asked("make", folder, [&](std::error_code& e) { return fs::create_directories(folder, e); });
}

bool is_there(const fs::path& path) {
  return asked("look for", path, [&](std::error_code& e) { return fs::exists(path, e); });
}

bool is_folder(const fs::path& path) {
  return asked("look for", path, [&](std::error_code& e) {
    const fs::file_status status = fs::status(path, e);
    if (status.type() == fs::file_type::not_found) e.clear();
    return fs::is_directory(status);
  });
}

// Not by std::filesystem, whose iterator ends the program when there is no memory.
std::vector<std::string> names_in(const fs::path& folder) {
  struct Close {
    void operator()(DIR* d) const { ::closedir(d); }
  };
  std::unique_ptr<DIR, Close> open;
  while (!open) {
    open.reset(::opendir(folder.c_str()));
    if (!open && errno != EINTR) fail_errno("list", folder.string(), errno);
  }
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(open.get());
    if (!entry && errno == EINTR) continue;
    if (!entry && errno != 0) fail_errno("list", folder.string(), errno);
    if (!entry) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

void remove_file(const fs::path& path) {
  asked("remove", path, [&](std::error_code& e) { return fs::remove(path, e); });
}

std::string read_text(const fs::path& path, std::int64_t max_bytes) {
  FileStream in(path.string());
  if (in.remaining() > max_bytes)
    fail(ErrorCode::size, "read", "{}: {} bytes, the limit is {}", path.string(), in.remaining(),
         max_bytes);
  std::string text(static_cast<std::size_t>(in.remaining()), '\0');
  in.read(reinterpret_cast<std::byte*>(text.data()), in.remaining());
  return text;
}

}  // namespace sonde::experiments
