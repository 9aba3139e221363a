/// @file
/// The order that sorts rows of any length.
#pragma once

#include <string_view>

#include "tensor/cuda/device_sort.hpp"

namespace sonde::cuda {

/// Bits that tell apart 0 .. count - 1.
int bits_for(std::int64_t count);

/// Error(size) if more than 2^32 - 1 elements are to be sorted at once: positions have 32 bits.
void check_sortable(std::string_view op, std::int64_t n);

/// 0, 1, .. n - 1 as i32 taken as unsigned: the positions of Pairs. `n` is sortable.
Tensor first_positions(std::string_view op, std::int64_t n, Device device);

/// For `keys` [rows, n] (i32 or i64, taken as unsigned; overwritten): row r of the result holds the
/// places in `keys`, counted over all rows, of row r's keys in order; of equal ones the first comes
/// first. i32 taken as unsigned. The keys are sortable.
Tensor argsort(std::string_view op, const Tensor& keys);

}  // namespace sonde::cuda
