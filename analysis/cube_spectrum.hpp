/// @file
/// Spectra of kernels on the Boolean cube by degree. Yang and Salman, "A fine-grained spectral
/// perspective on neural networks", 2019.
#pragma once

#include <functional>
#include <vector>

#include "analysis/boolean.hpp"

namespace sonde {

/// Eigenvalues by degree k = 0 ... d of the kernel K(x, y) = phi(<x, y> / d) under the uniform
/// distribution on {-1, 1}^d: its eigenfunctions are the monomials, and
/// mu_k = 2^-d sum over r of phi(1 - 2 r / d) sum over j of (-1)^j C(k, j) C(d - k, r - j)
/// (Yang and Salman, theorem 3.1). 1 <= d <= 30.
std::vector<double> cube_kernel_eigenvalues(const std::function<double(double)>& phi, int d);

/// The kernel's mean over the monomials of each degree k = 0 ... d, for any kernel that is
/// K = features features' on the cube's points, features [2^d, p]: for a set U, 4^-d times the
/// squared norm of features' chi_U. With the Jacobian of a scalar network as features it is the
/// tangent kernel's spectrum, with the last hidden layer the conjugate kernel's. Error(shape).
std::vector<double> cube_spectrum(const Tensor& features);

}  // namespace sonde
