/// @file
/// Singular values of a matrix, and how many of them count.
#pragma once

#include <span>
#include <vector>

#include "tensor/tensor.hpp"

namespace sonde {

/// Singular values of [m,n], descending, min(m, n) of them, computed in f64. The first is the
/// spectral norm. Error(shape) unless it is a matrix with elements.
std::vector<double> singular_values(const Tensor& matrix);

/// e^H for the entropy H of p_i = s_i / sum s, in nats: between 1, for rank one, and their number,
/// if all are equal (Roy and Vetterli, "The effective rank: a measure of effective dimensionality",
/// 2007). Error(value) if a value is negative or none is positive.
double effective_rank(std::span<const double> singular_values);
/// sum s^2 / max s^2, the squared Frobenius norm over the squared spectral norm: at most the rank
/// (Rudelson and Vershynin, "Sampling from large matrices", 2007). Errors as effective_rank().
double stable_rank(std::span<const double> singular_values);

}  // namespace sonde
