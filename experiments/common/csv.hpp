/// @file
/// Rows of comma-separated values as RFC 4180 has them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sonde::experiments {

/// A field in quotes if it holds a comma, a quote or a line break.
std::string csv_field(std::string_view field);
/// The shortest text that reads back as `v`; nothing for NaN.
std::string csv_number(double v);
/// Fields joined by commas, with a line break at the end.
std::string csv_row(const std::vector<std::string>& fields);

}  // namespace sonde::experiments
