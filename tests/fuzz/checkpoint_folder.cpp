#include "tests/fuzz/checkpoint_folder.hpp"

#include <algorithm>

#include "tests/hostile/builders.hpp"

namespace sonde::hostile {
namespace {

constexpr std::size_t sum_digits = 16;

std::size_t take_number(std::span<const std::byte>& from, std::size_t bytes) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < bytes && !from.empty(); ++i, from = from.subspan(1))
    value |= std::to_integer<std::size_t>(from.front()) << (8 * i);
  return value;
}

std::string take_text(std::span<const std::byte>& from, std::size_t n) {
  n = std::min(n, from.size());
  const std::string out(reinterpret_cast<const char*>(from.data()), n);
  from = from.subspan(n);
  return out;
}

// The sum of the tensors, then the sum of the manifest itself.
void repair(FolderFile& manifest, const std::vector<FolderFile>& files) {
  constexpr std::string_view start = "{\"xxh3\":\"", field = "\"tensors_xxh3\": \"", json = ".json";
  std::string& text = manifest.bytes;
  const std::string stem = manifest.name.substr(0, manifest.name.size() - json.size());
  const auto tensors =
      std::ranges::find(files, stem + ".safetensors", [](const FolderFile& f) { return f.name; });
  const std::size_t at = text.find(field);
  if (tensors != files.end() && at != std::string::npos &&
      text.size() > at + field.size() + sum_digits)
    text.replace(at + field.size(), sum_digits, xxh3(tensors->bytes));
  const std::size_t rest = start.size() + sum_digits + 2;
  if (text.starts_with(start) && text.size() > rest)
    text.replace(start.size(), sum_digits, xxh3(text.substr(rest)));
}

}  // namespace

std::string packed_folder(const std::vector<FolderFile>& files) {
  std::string out(1, '\0');
  for (const FolderFile& f : files)
    out += little_endian(f.name.size(), 1) + f.name + little_endian(f.bytes.size(), 2) + f.bytes;
  return out;
}

std::vector<FolderFile> unpacked_folder(std::span<const std::byte> bytes) {
  constexpr std::size_t max_files = 16;
  const bool repaired = take_number(bytes, 1) % 2 == 1;
  std::vector<FolderFile> files;
  while (!bytes.empty() && files.size() < max_files) {
    std::string name = take_text(bytes, take_number(bytes, 1));
    std::ranges::replace_if(
        name, [](char c) { return c == '/' || c == '\0'; }, '_');
    const std::size_t size = take_number(bytes, 2);
    if (std::string text = take_text(bytes, size); !name.empty() && name != "." && name != "..")
      files.push_back({std::move(name), std::move(text)});
  }
  if (repaired)
    for (FolderFile& f : files)
      if (f.name.ends_with(".json")) repair(f, files);
  return files;
}

}  // namespace sonde::hostile
