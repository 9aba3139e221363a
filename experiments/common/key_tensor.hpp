/// @file
/// Keys of random numbers as what checkpoints take.
#pragma once

#include <string_view>

#include "experiments/common/json.hpp"
#include "tensor/random.hpp"

namespace sonde::experiments {

/// A number for a name, the same everywhere: FNV-1a (Fowler, Noll, Vo).
inline std::uint64_t number_of(std::string_view name) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

inline Json to_json(philox::Key key) {
  return Json::array({key.k0, key.k1});
}
/// The inverse; throws Json::exception.
inline philox::Key key_from_json(const Json& json) {
  return {json.at(0).get<std::uint64_t>(), json.at(1).get<std::uint64_t>()};
}

}  // namespace sonde::experiments
