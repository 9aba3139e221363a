/// @file
/// The order that sorts rows of any length.
#pragma once

#include <string_view>

#include "tensor/cuda/device_sort.hpp"

namespace sonde::cuda {

/// Bits that tell apart 0 .. count - 1.
int bits_for(std::int64_t count);

/// 0, 1, .. n - 1 as i32 taken as unsigned: the positions of Pairs. Error(size) beyond 2^32 - 1.
Tensor first_positions(std::string_view op, std::int64_t n, Device device);

/// For `keys` [rows, n] (i32 or i64, taken as unsigned; overwritten): row r of the result holds the
/// places in `keys`, counted over all rows, of row r's keys in order; of equal ones the first comes
/// first. i32 taken as unsigned; Error(size) beyond 2^32 - 1 keys.
Tensor argsort(std::string_view op, const Tensor& keys);

}  // namespace sonde::cuda
