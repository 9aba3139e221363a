/// @file
/// NumPy's `.npz` archives: a zip file of `.npy` members. The zip format itself is libzip's
/// business.
#pragma once

#include <map>
#include <span>
#include <string>

#include "tensor/tensor.hpp"

namespace sonde {

using NamedTensors = std::map<std::string, Tensor>;

struct NpzLimits {
  std::int64_t max_bytes = std::int64_t{8} << 30;  ///< of all arrays together, uncompressed
};

/// Every member, by its name without ".npy". Error(file); Error(format) on a member that is no .npy
/// file, has not the size its header says, fails its checksum or is encrypted, on a name that comes
/// twice, on more than 65,536 members, and beyond the limits.
NamedTensors load_npz(const std::string& path, NpzLimits limits = {});
/// The same from bytes in memory.
NamedTensors read_npz(std::span<const std::byte> bytes, NpzLimits limits = {});

/// Writes each tensor as a member "name.npy", stored or deflated; the same bytes each time.
/// Error(file).
void save_npz(const std::string& path, const NamedTensors& tensors, bool compress = false);

}  // namespace sonde
