/// @file
/// Functions on the Boolean cube {-1, 1}^d: their sensitivity and influences, exactly, their
/// Fourier coefficients, and what follows from these. O'Donnell, "Analysis of Boolean Functions",
/// 2014, chapters 1 and 2.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "tensor/tensor.hpp"

namespace sonde {

/// The cube of this dimension is the largest one taken: it has 1 048 576 points.
inline constexpr int max_cube_dimension = 20;

/// A function of a point. Point number x has coordinate i equal to -1 where bit i of x is set and
/// to 1 where it is not, so that the monomial of a set U (as bits) is -1 to the power of the number
/// of bits in U & x.
using CubeFunction = std::function<std::int64_t(std::uint32_t x)>;

/// The points of the cube, f32 [2^d, d], row by number: what a network is given. Error(value)
/// unless 1 <= d <= max_cube_dimension.
Tensor cube_points(int d);

/// The values of f at the points 0 ... 2^d - 1. Error(value) unless 1 <= d <= max_cube_dimension.
std::vector<std::int64_t> truth_table(const CubeFunction& f, int d);

// The functions below take a table: the value of a function at each point, 2^d of them with
// 1 <= d <= max_cube_dimension; Error(shape) otherwise. Values are compared for equality only, so a
// table of classes does as well: predictions(network(cube_points(d))).

/// Mean over points of the number of coordinates whose change of sign changes the value.
double average_sensitivity(std::span<const std::int64_t> table);
/// The greatest number of such coordinates at one point.
std::int64_t max_sensitivity(std::span<const std::int64_t> table);
/// For each coordinate the share of points at which its change of sign changes the value
/// (O'Donnell, definition 2.13). They sum to the average sensitivity.
std::vector<double> influences(std::span<const std::int64_t> table);
/// Sensitivities of a function given by itself.
double average_sensitivity(const CubeFunction& f, int d);
std::int64_t max_sensitivity(const CubeFunction& f, int d);

/// The Walsh-Hadamard transform along axis 0 of f32 or f64 [2^d, ...]: row U, a set of coordinates
/// as bits, becomes the mean over points x of row x times the product of x's coordinates in U. d
/// 2^d additions for each column, exact while the values' sums are. Error(shape) unless the axis is
/// 2^d with 1 <= d <= max_cube_dimension.
Tensor walsh_hadamard(const Tensor& values);
/// The transform of a table; exact while its values' sums are below 2^53.
std::vector<double> fourier_coefficients(std::span<const std::int64_t> table);
/// The same of real values, such as a network's outputs.
std::vector<double> fourier_coefficients(std::span<const double> table);

// The functions below take coefficients as of fourier_coefficients(); Error(shape) as above.

/// Sum over sets U of |U| c(U)^2. For a function with values -1 and 1 this is its average
/// sensitivity (O'Donnell, theorem 2.38); for a real one the mean over points of the sum over
/// coordinates of (change of the value)^2 / 4 (Hahn and Rofin, arXiv:2402.09963).
double total_influence(std::span<const double> coefficients);
/// Fourier weight by degree, W_k = sum over |U| = k of c(U)^2 for k = 0 ... d. The weights sum to
/// the mean square of the values; their sum times k is the total influence.
std::vector<double> degree_profile(std::span<const double> coefficients);
/// Stab_rho = sum over sets U of rho^|U| c(U)^2: the mean of f(x) f(y), where y is x with each
/// coordinate drawn anew with probability 1 - rho (O'Donnell, theorem 2.49). Error(value) unless
/// -1 <= rho <= 1.
double noise_stability(std::span<const double> coefficients, double rho);

}  // namespace sonde
