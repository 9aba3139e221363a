#include "image.hpp"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

namespace simulator {
namespace {

struct Segment {
  std::uintptr_t begin, zeroed, end;
};

int add_segments(dl_phdr_info* image, std::size_t, void* segments) {
  for (int i = 0; i < image->dlpi_phnum; ++i) {
    const auto& header = image->dlpi_phdr[i];
    if (header.p_type != PT_LOAD) continue;
    const std::uintptr_t begin = image->dlpi_addr + header.p_vaddr;
    static_cast<std::vector<Segment>*>(segments)->push_back(
        {begin, begin + header.p_filesz, begin + header.p_memsz});
  }
  return 0;
}

/// The program's own path; dladdr has the one it was started with.
std::string path_of(const char* name) {
  std::array<char, 4096> path{};
  const auto length = readlink("/proc/self/exe", path.data(), path.size() - 1);
  const std::string program(path.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  const std::string base = std::string(name).substr(std::string(name).rfind('/') + 1);
  return program.ends_with("/" + base) ? program : name;
}

struct Source {
  std::string function, line;
};

/// What addr2line says of the address, or its own command line if it cannot be run.
Source look_up(const void* address) {
  Dl_info info{};
  if (dladdr(address, &info) == 0) return {"unknown", "unknown"};
  char offset[32];
  std::snprintf(offset, sizeof offset, "0x%tx",
                static_cast<const char*>(address) - static_cast<const char*>(info.dli_fbase));
  const std::string command = "addr2line -Cfe '" + path_of(info.dli_fname) + "' " + offset;
  const std::unique_ptr<FILE, int (*)(FILE*)> output(popen((command + " 2>&1").c_str(), "r"),
                                                     pclose);
  std::array<std::string, 2> lines;
  std::array<char, 4096> text{};
  for (std::string& line : lines) {
    if (!output || std::fgets(text.data(), text.size(), output.get()) == nullptr) {
      return {command, command};
    }
    line = text.data();
    line.pop_back();
  }
  return {lines[0], lines[1]};
}

}  // namespace

ImagePart part_of_image(const void* address) {
  static const auto segments = [] {
    std::vector<Segment> all;
    dl_iterate_phdr(add_segments, &all);
    return all;
  }();
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  for (const Segment& segment : segments) {
    if (at < segment.begin || at >= segment.end) continue;
    return at >= segment.zeroed ? ImagePart::zeroed : ImagePart::other;
  }
  return ImagePart::none;
}

std::string function_at(const void* address) {
  return look_up(address).function;
}

std::string source_of(const void* code) {
  // The address is the one to return to: the call stands before it.
  const Source source = look_up(static_cast<const char*>(code) - 1);
  return source.line.starts_with("??") ? source.function : source.line;
}

}  // namespace simulator
