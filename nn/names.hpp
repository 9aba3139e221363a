/// @file
/// Paths of parameters: patterns that choose among them, and the nearest ones to a wrong one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sonde::nn {

/// Whether `path` as a whole fits `pattern`, where * stands for any characters, dots included, and
/// ? for one: "blocks.*.weight".
bool matches(std::string_view pattern, std::string_view path);

/// The one of `candidates` with the fewest single-character edits to `name` (Levenshtein 1966), the
/// first of them; empty if all need more than half of name's length.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace sonde::nn
