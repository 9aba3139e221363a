/// @file
/// JSON in and out: strict reading of what others may have written, and Estimates as objects.
#pragma once

#include <concepts>
#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "analysis/estimate.hpp"
#include "tensor/error.hpp"

namespace sonde::experiments {

using Json = nlohmann::ordered_json;

/// Reads one JSON value. Error(format) naming `what` on bad syntax, on a repeated key (which the
/// library alone would drop without a word), and, so that memory stays below twice the text and 64
/// MiB, on more than 64 levels, 2^20 values, 512 keys in one object, or 1 MiB in one string.
Json parse_json(std::string_view text, const std::string& what);
/// Everything the stream has; Error(format) naming `what` beyond `max_bytes`.
std::string read_text(std::istream& in, std::int64_t max_bytes, const std::string& what);

/// The integer under `key`; Error(format) if there is none, or none that T can hold.
template <std::integral T>
T integer_at(const Json& object, const std::string& key) {
  const auto found = object.find(key);
  if (found != object.end() && found->is_number_integer()) {
    const auto value = found->template get<std::uint64_t>();
    const bool negative = !found->is_number_unsigned() && found->template get<std::int64_t>() < 0;
    if (negative ? std::in_range<T>(static_cast<std::int64_t>(value)) : std::in_range<T>(value))
      return static_cast<T>(value);
  }
  fail(ErrorCode::format, "json", "no integer of {} bits under '{}'", 8 * sizeof(T), key);
}

/// {"value", "std_error", "ci95": [low, high], "n", "m", "seed"}; what an estimate does not have is
/// null.
Json to_json(const Estimate& e);
/// The inverse of to_json; Error(format) if a field is missing or of the wrong type.
Estimate estimate_from_json(const Json& json);

}  // namespace sonde::experiments
