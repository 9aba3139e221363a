/// @file
/// Where data sets lie on this machine, and where they come from.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sonde::experiments {

/// The folders searched, in order: `data_dir` if not empty, $SONDE_DATA_DIR if set,
/// /usr/share/datasets.
std::vector<std::filesystem::path> data_folders(const std::filesystem::path& data_dir);

/// The first folder NAME of data_folders() that holds `file`, or `file` with ".gz" behind it;
/// returns the file's path. Error(data) naming the folders searched, with `source` (a package or an
/// address) as the hint.
std::filesystem::path find_data(std::string_view name, std::string_view file,
                                const std::filesystem::path& data_dir, std::string_view source);

}  // namespace sonde::experiments
