/// @file
/// Gauss-Newton and Fisher matrices of a loss of a network's outputs, and the functional part of
/// its Hessian: H = G + F with G = J' H_out J, the part of the outputs' curvature, and F the sum of
/// the outputs' second derivatives weighted by the loss's gradient (Schraudolph 2002; Martens 2020,
/// arXiv:1412.1193). Each is the matrix product of one record of the network with a matrix in the
/// space of outputs.
#pragma once

#include "analysis/function_maps.hpp"
#include "analysis/output_loss.hpp"

namespace sonde {

/// T' M T; symmetric if M is. Error(shape) unless M acts on T's range.
LinearMap congruence(const LinearMap& t, const LinearMap& m, std::string name = "congruence");

/// The Hessian of the loss with respect to the outputs, at z, between the elements of z (block
/// "y").
LinearMap output_hessian_map(const OutputLossPtr& loss, const Tensor& z);

/// G = J' H_out J of loss(outputs(x)) at a point. `outputs` returns one tensor; Error(usage)
/// otherwise, and errors of jacobian_map.
LinearMap gauss_newton_map(const Function& outputs, const OutputLossPtr& loss, const Point& at,
                           MapOptions options = {}, Site where = Site::current());

/// F = H - G without the difference: the Hessian of <g, outputs(x)> with the loss's gradient g held
/// fixed. Zero for a linear network, to the last bit.
LinearMap functional_map(const Function& outputs, const OutputLossPtr& loss, const Point& at,
                         MapOptions options = {}, Site where = Site::current());

/// The Hessian and its parts at one point.
struct HessianParts {
  LinearMap hessian, gauss_newton;
  LinearMap functional;  ///< hessian - gauss_newton
};
HessianParts hessian_parts(const Function& outputs, const OutputLossPtr& loss, const Point& at,
                           MapOptions options = {}, Site where = Site::current());

/// Products of the three parts with the same vectors, by two products.
struct PairedProducts {
  Tensor hessian, gauss_newton, functional;  ///< [n, size], H v, G v and H v - G v of each row
};
PairedProducts paired_products(const HessianParts& parts, const Tensor& vectors);

/// The Fisher matrix, scale() times the sum over samples of E[g g'] with g a sample's gradient and
/// its target drawn from the model: computed as (S'J)'(S'J) with H_out = S S', and so equal to the
/// Gauss-Newton matrix by another path.
LinearMap fisher_map(const Function& outputs, const LikelihoodPtr& loss, const Point& at,
                     MapOptions options = {}, Site where = Site::current());

/// The empirical Fisher matrix: scale() times the sum of g g' with the targets there are. It is no
/// approximation of the Fisher matrix far from the data's distribution (Kunstner, Balles and Hennig
/// 2019, arXiv:1905.12558).
LinearMap empirical_fisher_map(const Function& outputs, const LikelihoodPtr& loss, const Point& at,
                               MapOptions options = {}, Site where = Site::current());

/// The Fisher matrix with E replaced by the mean over `draws` targets for each sample, drawn by
/// `key` (i64[2]): unbiased. Error(value) unless draws is positive.
LinearMap monte_carlo_fisher_map(const Function& outputs, const LikelihoodPtr& loss,
                                 const Point& at, const Var& key, std::int64_t draws = 1,
                                 MapOptions options = {}, Site where = Site::current());

}  // namespace sonde
