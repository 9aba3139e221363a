/// @file
/// Browser: a headless Chromium that loads a page and measures it, over the DevTools protocol.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace sonde {

/// How a page is looked at.
struct View {
  int width = 1280;
  bool dark = false, print = false;
};

class Browser {
 public:
  /// The program: $SONDE_CHROMIUM, or `chromium` on the path; nothing without one.
  static std::optional<std::filesystem::path> program();

  /// Throws std::runtime_error if it does not start.
  explicit Browser(const std::filesystem::path& program);
  ~Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  /// Loads the file and returns what `probe` (a JavaScript function of the width and whether it is
  /// for print, that returns a list of strings) finds wrong, and as "console: ..." and "request:
  /// ..." each error of the console and each request to anywhere but the file itself.
  std::vector<std::string> problems(const std::filesystem::path& page, const View& view,
                                    const std::string& probe);

 private:
  using Json = nlohmann::json;
  Json call(const std::string& method, Json parameters);
  Json next_message();
  void note(const Json& message);
  void wait_for(const std::string& event);
  void start(const std::filesystem::path& program);
  void end();

  std::filesystem::path profile_;
  pid_t pid_ = -1;
  int to_ = -1, from_ = -1;
  std::int64_t last_id_ = 0;
  std::string session_, buffer_, page_;
  std::vector<std::string> seen_events_, noted_;
};

}  // namespace sonde
