/// @file
/// Stable sorting of any number of pairs by unsigned keys, with the toolkit's CUB. The tests of a
/// machine without a GPU have another source for this header
/// (tests/cuda/libraries/device_sort.cpp).
#pragma once

#include "tensor/tensor.hpp"

namespace sonde::cuda {

/// Keys (i32 or i64, taken as unsigned) and what travels with them (i32, taken as unsigned): as
/// many, row-major.
struct Pairs {
  Tensor keys, positions;
};

/// The pairs in the order of the low `bits` bits of their keys; of equal ones the first stays
/// first. What was given may be overwritten.
Pairs sort_pairs(const Pairs& pairs, int bits);

}  // namespace sonde::cuda
