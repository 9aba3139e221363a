/// @file
/// Keys of the random number generator as tensors: i64[2], see tensor/philox.hpp.
#pragma once

#include "tensor/philox.hpp"
#include "tensor/tensor.hpp"

namespace sonde {

/// The key of a seed.
inline Tensor random_key(std::uint64_t seed) {
  return Tensor::from<std::int64_t>({static_cast<std::int64_t>(seed), 0}, {2});
}

inline Tensor random_key(philox::Key key) {
  return Tensor::from<std::int64_t>(
      {static_cast<std::int64_t>(key.k0), static_cast<std::int64_t>(key.k1)}, {2});
}

/// The numbers in a key tensor; Error(shape) or Error(dtype) unless it is i64[2].
inline philox::Key to_key(const Tensor& key) {
  if (!(key.shape() == Dims{2}))
    fail(ErrorCode::shape, "key", "a key is i64[2], this is {}", key.spec());
  const Tensor host = key.to(Device{});
  const auto* words = host.data<std::int64_t>();
  return {static_cast<std::uint64_t>(words[0]),
          static_cast<std::uint64_t>(words[host.strides()[0]])};
}

}  // namespace sonde
