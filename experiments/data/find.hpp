/// @file
/// Where data sets lie on this machine.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace sonde::experiments {

/// The folders searched, in order: `data_dir` if not empty, $SONDE_DATA_DIR if set,
/// /usr/share/datasets.
std::vector<std::filesystem::path> data_folders(const std::filesystem::path& data_dir);

/// The files of a folder that are called `start`*`end` or `start`*`end`.gz, by name; of a file that
/// is there both ways, the plain one; none if there is no such folder. Error(file) if it cannot be
/// read, which is no reason to go on with other data.
std::vector<std::filesystem::path> data_files(const std::filesystem::path& folder,
                                              std::string_view start, std::string_view end);

}  // namespace sonde::experiments
