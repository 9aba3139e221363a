/// @file
/// Kernel slots of random numbers. `keys` is i64[L,2], `out` is [L, ...]: lane l is drawn from
/// keys[l] as if it were alone. Floats are computed in f64 and rounded to out's dtype, so f32 and
/// f64 draws of one key agree to f32's precision. All devices draw the same numbers; only normals,
/// truncated or not, may differ in their last bits. A device sorts up to 2^32 - 1 draws at once.
#pragma once

#include "tensor/kernel.hpp"
#include "tensor/tensor.hpp"

namespace sonde::kernels {

/// a, b, c, d: the distribution's parameters, as each slot says. Looked up by out's dtype; out is
/// row-major.
struct RandomParams {
  double a = 0, b = 1, c = 0, d = 0;
};
using Random = void(const Tensor& keys, const RandomParams& params, Tensor& out);

/// Uniform in [a, b).
inline Kernel<Random> random_uniform{"uniform"};
/// Normal with mean a and standard deviation b (Box and Muller).
inline Kernel<Random> random_normal{"normal"};
/// Normal with mean a and standard deviation b, kept within [c, d], by the inverse distribution
/// function.
inline Kernel<Random> random_truncated_normal{"truncated_normal"};
/// 1 with probability a, else 0.
inline Kernel<Random> random_bernoulli{"bernoulli"};

/// Integers in [low, high), every value equally likely. i32 and i64.
using RandomIntegers = void(const Tensor& keys, std::int64_t low, std::int64_t high, Tensor& out);
inline Kernel<RandomIntegers> random_integers{"randint"};

/// Each lane of out [L, n] (i64) gets a random order of 0 .. n-1: the order that sorts n draws of
/// 64 bits.
using RandomPermutation = void(const Tensor& keys, Tensor& out);
inline Kernel<RandomPermutation> random_permutation{"permutation"};

/// out [L, n, 2]: n children of each key.
using SplitKeys = void(const Tensor& keys, Tensor& out);
inline Kernel<SplitKeys> split_keys{"split"};

/// out [L, 2]: keys[l] with the integer data[l] (i64[L]) folded in.
using FoldKeys = void(const Tensor& keys, const Tensor& data, Tensor& out);
inline Kernel<FoldKeys> fold_keys{"fold_in"};

}  // namespace sonde::kernels
