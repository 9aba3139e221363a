#include "experiments/sweep/run_folder.hpp"

#include "experiments/common/folder.hpp"
#include "tensor/file.hpp"

namespace sonde::experiments {
namespace {

// The object in a file; nothing if there is no file or if it holds anything else.
std::optional<Json> object_in(const std::filesystem::path& file) {
  if (!is_there(file)) return {};
  try {
    Json json = parse_json(read_text(file), file.string());
    if (json.is_object()) return json;
  } catch (const Error& e) {
    if (e.code() != ErrorCode::format) throw;
  }
  return {};
}

}  // namespace

std::optional<Json> RunFolder::summary() const {
  std::optional<Json> json = object_in(path_ / "summary.json");
  if (json && json->contains("metrics") && json->contains("claims")) return json;
  return {};
}

Json RunFolder::settings() const {
  const std::optional<Json> config = object_in(path_ / "config.json");
  return config ? config->value("settings", Json()) : Json();
}

std::vector<std::string> RunFolder::failures() const {
  const std::optional<Json> json = object_in(path_ / ".failures");
  std::vector<std::string> lines;
  if (json)
    for (const Json& line : json->value("failures", Json::array()))
      if (line.is_string()) lines.push_back(line.get<std::string>());
  return lines;
}

void RunFolder::add_failure(const std::string& line) const {
  std::vector<std::string> lines = failures();
  lines.push_back(line);
  const Json json{{"failures", lines}};
  atomic_write((path_ / ".failures").string(),
               json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

void RunFolder::forget_failures() const {
  remove_file(path_ / ".failures");
}

std::optional<Claimed> RunFolder::claim() const {
  make_folder(path_);
  return Claimed::if_free(path_ / ".claim");
}

}  // namespace sonde::experiments
