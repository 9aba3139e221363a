/// @file
/// What a run asks of its folder. Every failure is Error(file) with path and reason.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace sonde::experiments {

/// Makes it and the folders above it, where they are missing.
void make_folder(const std::filesystem::path& folder);
bool is_there(const std::filesystem::path& path);
bool is_folder(const std::filesystem::path& path);
/// Of all that lies in it, sorted.
std::vector<std::string> names_in(const std::filesystem::path& folder);
/// A file, or an empty folder; nothing happens if it is not there.
void remove_file(const std::filesystem::path& path);
/// Removes the files that lie in a folder (not below it) and whose names `chosen` takes.
template <class Chosen>
void remove_files(const std::filesystem::path& folder, Chosen chosen) {
  for (const std::string& name : names_in(folder))
    if (chosen(name)) remove_file(folder / name);
}

/// All of a file; Error(size) beyond `max_bytes`.
std::string read_text(const std::filesystem::path& path,
                      std::int64_t max_bytes = std::int64_t{1} << 40);

}  // namespace sonde::experiments
