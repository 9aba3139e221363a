#include "experiments/common/folder.hpp"

#include <algorithm>

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

std::vector<std::string> names_in(const fs::path& folder) {
  return asked("list", folder, [&](std::error_code& e) {
    std::vector<std::string> names;
    for (fs::directory_iterator i(folder, e); !e && i != fs::directory_iterator(); i.increment(e))
      names.push_back(i->path().filename().string());
    std::ranges::sort(names);
    return names;
  });
}

void remove_file(const fs::path& path) {
  asked("remove", path, [&](std::error_code& e) { return fs::remove(path, e); });
}

std::string read_text(const fs::path& path) {
  FileStream in(path.string());
  std::string text(static_cast<std::size_t>(in.remaining()), '\0');
  in.read(reinterpret_cast<std::byte*>(text.data()), in.remaining());
  return text;
}

}  // namespace sonde::experiments
