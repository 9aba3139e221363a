/// @file
/// The vectorised inner loops of random numbers.
#pragma once

#include <cstdint>

#include "tensor/philox.hpp"

namespace sonde::cpu {

/// bits[j] = philox::bits(key, first + j) for j < n; `first` and `n` are even.
void random_bits(philox::Key key, std::uint64_t first, std::int64_t n, std::uint64_t* bits);
/// out[j] = philox::unit(bits[j]).
void random_unit(const std::uint64_t* bits, std::int64_t n, double* out);
/// Standard normals from pairs of uniforms (Box and Muller): sqrt(-2 log(1 - u)) times cos(2 pi v)
/// and sin(2 pi v). `n` even.
void random_normals(const std::uint64_t* bits, std::int64_t n, double* out);

}  // namespace sonde::cpu
