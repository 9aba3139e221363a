/// @file
/// The Hessian of a linear network, with which that of attention is compared: Ormaniec, Dangel and
/// Singh (arXiv:2410.10986), section on multi-layer perceptrons.
#pragma once

#include "tensor/tensor.hpp"

namespace sonde {

/// left (x) right, which has the norm |left| |right|.
struct KroneckerProduct {
  Tensor left, right;
};
/// As a matrix [rows of left * rows of right, columns of left * columns of right].
Tensor dense(const KroneckerProduct& product);
/// Frobenius norm, from those of the factors.
double frobenius_norm(const KroneckerProduct& product);

/// The diagonal block of layer l of the Hessian of |X W_1' ... W_n' - Y|^2 (a sum, whatever Y is):
///   2 (U_l' U_l) (x) (h_l' h_l),  U_l = W_n ... W_(l+1),  h_l = X W_1' ... W_(l-1)',
/// for weights [out, in] as vectors row by row. It is quadratic in the data in every layer, where
/// attention's blocks differ. inputs [samples, W_1's in]; layer counts from 0. Error(value) if
/// there is no such layer; Error(shape) if the weights do not follow one another.
KroneckerProduct linear_mlp_hessian_block(const Tensor& inputs, const Tensors& weights,
                                          std::size_t layer);

}  // namespace sonde
