#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "experiments/page/collected.hpp"

namespace sonde::experiments {
namespace {

constexpr std::array<std::string_view, 13> elements{"svg",   "title",    "desc",   "defs", "g",
                                                    "image", "use",      "line",   "rect", "circle",
                                                    "text",  "polyline", "polygon"};

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == ':' || c == '_';
}

std::string_view name_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_name(text[end])) ++end;
  return text.substr(at, end - at);
}

// Within the document, or a picture that the document holds.
bool stays_inside(std::string_view link) {
  return link.starts_with('#') || link.starts_with("data:image/png;base64,");
}

// In HTML the case of a name does not matter, and an ampersand may hide a letter.
bool is_plain_attribute(std::string_view written, std::string_view value) {
  std::string name(written);
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  if (name.starts_with("on") || name == "src") return false;
  if (name == "href" || name.ends_with(":href")) return stays_inside(value);
  if (name == "style") return value == "image-rendering:pixelated";
  return value.find("url(") == std::string_view::npos &&
         value.find_first_of("&<") == std::string_view::npos;
}

// What stands between the name of a tag and its end.
bool has_plain_attributes(std::string_view rest) {
  std::size_t at = 0;
  while (true) {
    at = rest.find_first_not_of(" \n\t/", at);
    if (at == std::string_view::npos) return true;
    const std::string_view name = name_at(rest, at);
    at += name.size();
    if (name.empty() || rest.substr(at, 2) != "=\"") return false;
    const std::size_t close = rest.find('"', at + 2);
    if (close == std::string_view::npos) return false;
    if (!is_plain_attribute(name, rest.substr(at + 2, close - at - 2))) return false;
    at = close + 1;
  }
}

// The end of a tag: its '>' outside of quotes.
std::size_t end_of_tag(std::string_view text, std::size_t at) {
  bool quoted = false;
  for (; at < text.size(); ++at) {
    if (text[at] == '"') quoted = !quoted;
    if (text[at] == '>' && !quoted) return at;
  }
  return std::string_view::npos;
}

}  // namespace

bool is_plain_svg(std::string_view text) {
  if (!text.starts_with("<svg ")) return false;
  int open = 0;
  std::size_t at = 0;
  while ((at = text.find('<', at)) != std::string_view::npos) {
    const bool closing = text.substr(at + 1, 1) == "/";
    const std::string_view name = name_at(text, at + 1 + (closing ? 1 : 0));
    const std::size_t end = end_of_tag(text, at);
    if (end == std::string_view::npos || std::ranges::find(elements, name) == elements.end())
      return false;
    const std::size_t rest = at + 1 + (closing ? 1 : 0) + name.size();
    if (!has_plain_attributes(text.substr(rest, end - rest))) return false;
    if (closing)
      --open;
    else if (text[end - 1] != '/')
      ++open;
    at = end + 1;
    if (open == 0) break;  // the picture ends; nothing may come behind it
  }
  return open == 0 && at != std::string_view::npos &&
         text.find_first_not_of(" \n", at) == std::string_view::npos;
}

}  // namespace sonde::experiments
