/// @file
/// Keys of random numbers as what operations and checkpoints take.
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

/// The key as i64[2].
inline Tensor key_tensor(philox::Key key) {
  return Tensor::from<std::int64_t>(
      {static_cast<std::int64_t>(key.k0), static_cast<std::int64_t>(key.k1)}, {2});
}

inline Json to_json(philox::Key key) {
  return Json::array({key.k0, key.k1});
}
/// The inverse; throws Json::exception.
inline philox::Key key_from_json(const Json& json) {
  return {json.at(0).get<std::uint64_t>(), json.at(1).get<std::uint64_t>()};
}

}  // namespace sonde::experiments
