#include "experiments/data/find.hpp"

#include <cstdlib>

#include "tensor/error.hpp"

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

fs::path find_data(std::string_view name, std::string_view file, const fs::path& data_dir,
                   std::string_view source) {
  std::string searched;
  for (const fs::path& folder : data_folders(data_dir)) {
    for (const std::string& ending : {std::string(), std::string(".gz")}) {
      const fs::path path = folder / name / (std::string(file) + ending);
      std::error_code ignored;  // what cannot be looked at is not there
      if (fs::is_regular_file(path, ignored)) return path;
    }
    searched += (searched.empty() ? "" : ", ") + (folder / name).string();
  }
  fail_hint(ErrorCode::data, "data", std::string(source), "{} of data set {} is in none of {}",
            file, name, searched);
}

}  // namespace sonde::experiments
