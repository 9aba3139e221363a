#include "tensor/json_limits.hpp"

#include <algorithm>

#include "tensor/error.hpp"

namespace sonde {
namespace {

// Length of the string whose first quote is at `begin`, with both quotes, or up to the text's end.
std::size_t string_length(std::string_view text, std::size_t begin) {
  std::size_t at = begin + 1;
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return std::min(at + 1, text.size()) - begin;
}

}  // namespace

void check_json_limits(std::string_view text, JsonLimits limits, const std::string& what) {
  constexpr std::string_view structure = "[]{},: \t\r\n\"";
  std::int64_t values = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const bool bare = structure.find(c) == std::string_view::npos;  // a number, true, null
    std::size_t length = 1;
    if (c == '"') length = string_length(text, at);
    if (bare) length = std::min(text.find_first_of(structure, at), text.size()) - at;
    if (static_cast<std::int64_t>(length) > limits.max_token)
      fail(ErrorCode::format, "json", "{}: {} bytes in one string or number, at most {} are taken",
           what, length, limits.max_token);
    if ((bare || c == '"' || c == '[' || c == '{') && ++values > limits.max_values)
      fail(ErrorCode::format, "json", "{}: more than {} values and names", what, limits.max_values);
    at += length;
  }
}

}  // namespace sonde
