#include "experiments/data/find.hpp"

#include <algorithm>
#include <cstdlib>

#include "experiments/common/folder.hpp"

namespace sonde::experiments {

namespace fs = std::filesystem;

std::vector<fs::path> data_folders(const fs::path& data_dir) {
  std::vector<fs::path> folders;
  if (!data_dir.empty()) folders.push_back(data_dir);
  if (const char* environment = std::getenv("SONDE_DATA_DIR"); environment && *environment)
    folders.emplace_back(environment);
  folders.emplace_back("/usr/share/datasets");
  return folders;
}

std::vector<fs::path> data_files(const fs::path& folder, std::string_view start,
                                 std::string_view end) {
  std::vector<fs::path> found;
  if (!is_folder(folder)) return found;
  for (const std::string& name : names_in(folder)) {
    std::string_view stem = name;
    if (stem.ends_with(".gz")) stem.remove_suffix(3);
    if (stem.starts_with(start) && stem.ends_with(end)) found.push_back(folder / name);
  }
  const std::vector<fs::path> all = found;
  std::erase_if(found, [&](fs::path file) {
    return file.extension() == ".gz" && std::ranges::binary_search(all, file.replace_extension());
  });
  return found;
}

}  // namespace sonde::experiments
