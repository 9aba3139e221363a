/// @file
/// Limits on a JSON text that others wrote. A parser's memory and time can be many times the size
/// of its text, so both are bounded here, before it runs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sonde {

struct JsonLimits {
  std::int64_t max_values;  ///< values and keys of the whole text
  std::int64_t max_token;   ///< bytes of one string or number
};

/// Error(format) naming `what` if the text is beyond the limits. Looks at the text alone: whether
/// it is JSON is the parser's business.
void check_json_limits(std::string_view text, JsonLimits limits, const std::string& what);

}  // namespace sonde
