/// @file
/// A checker of well-formedness for the XML that Sonde writes (no doctype, no comments, no CDATA).
#pragma once

#include <cctype>
#include <regex>
#include <string>
#include <vector>

namespace sonde {

/// Says what is not well-formed in `xml`; empty if nothing is.
inline std::string xml_problem(const std::string& xml) {
  static const std::regex tag(
      R"re(</?[A-Za-z][A-Za-z0-9:-]*(\s+[A-Za-z_:][A-Za-z0-9_:.-]*="[^"<]*")*\s*/?>)re");
  static const std::regex entity(R"re(&(amp|lt|gt|quot|#[0-9]+);)re");
  std::vector<std::string> open;
  bool had_root = false;
  for (std::size_t i = 0; i < xml.size();) {
    std::smatch match;
    const auto here = xml.begin() + static_cast<std::ptrdiff_t>(i);
    if (xml[i] == '<') {
      const auto end = xml.find('>', i);
      const std::string text = xml.substr(i, end == std::string::npos ? end : end - i + 1);
      if (!std::regex_match(text, tag)) return "bad tag: " + text.substr(0, 80);
      const auto name_begin = text.find_first_not_of("</");
      const std::string name =
          text.substr(name_begin, text.find_first_of(" \n/>", name_begin) - name_begin);
      if (text[1] == '/') {
        if (open.empty() || open.back() != name) return "unexpected " + text;
        open.pop_back();
      } else {
        if (open.empty() && had_root) return "second root " + text;
        had_root = true;
        if (text[text.size() - 2] != '/') open.push_back(name);
      }
      i += text.size();
    } else if (xml[i] == '&') {
      if (!std::regex_search(here, xml.end(), match, entity,
                             std::regex_constants::match_continuous))
        return "bare ampersand at " + std::to_string(i);
      i += static_cast<std::size_t>(match.length());
    } else {
      if (open.empty() && !std::isspace(static_cast<unsigned char>(xml[i])))
        return "text outside the root";
      ++i;
    }
  }
  if (!open.empty()) return "not closed: " + open.back();
  return had_root ? "" : "no element";
}

}  // namespace sonde
