/// @file
/// The one check of index values.
#pragma once

#include "tensor/tensor.hpp"

namespace sonde::cpu {

/// Error(axis) naming the first value of `index` (i64) outside [0, size) and its position.
void check_index(const Tensor& index, std::int64_t size, std::string_view op);

}  // namespace sonde::cpu
