/// @file
/// The Hessian of a loss of self-attention in closed form, block by block. It splits into
///   H = H_o + H_f,  H_o = J' (d2l/dF2) J,  H_f = sum over i, b of (dl/dF_ib) d2F_ib:
/// the outer-product part, positive semi-definite for convex losses (Gauss-Newton), and the
/// functional part, indefinite.
///
/// Conventions. Weights are vectors row by row, so W[s, a] of W [d, k] is element s k + a. (x) is
/// Kronecker's product. Block XY has the elements of W_X as rows and those of W_Y as columns, and
/// YX is its transpose. Per row i of the sequence: x_i, q_i = W_Q' x_i, m_i, C_i and G_i of
/// attention_moments.hpp, g_i and Lambda_i of RowLoss, s_i = W_V g_i,
/// B_i = C_i W_V Lambda_i W_V' C_i, and tau = score_scale(). Sums are over i.
///
/// The blocks are those of Ormaniec, Dangel and Singh (arXiv:2410.10986), whose squared error has
/// Lambda_i = c I and g_i = c r_i, c = 2 / (L v), derived anew for any loss of the rows. With a
/// single matrix W_QK, q means W_QK, K is I and there are no blocks of W_K: the formulas are the
/// same. Where a network on top couples the rows, H_o is the congruence() of attention_jacobian()
/// with the network's output_hessian_map(), and H_f stays as it is.
#pragma once

#include "analysis/attention_moments.hpp"
#include "analysis/gauss_newton.hpp"

namespace sonde {

/// What the Jacobian of a layer is made of.
struct AttentionTerms {
  Space space;        ///< of attention_point()
  double scale;       ///< tau
  Tensor x;           ///< [L, d]
  Tensor queries;     ///< [L, k], rows q_i
  Tensor key, value;  ///< W_K [d, k] (I with a single matrix) and W_V [d, v]
  AttentionMoments moments;
  Tensor value_covariance;  ///< [L, v, d], W_V' C_i
};
/// What its Hessian takes besides.
struct AttentionHessianTerms : AttentionTerms {
  RowLoss loss;
  Tensor loss_covariance;  ///< [L, v, d], Lambda_i W_V' C_i
  Tensor outer;            ///< [L, d, d], B_i
  Tensor covariance_pull;  ///< [L, d], rows C_i s_i
  Tensor third;            ///< [L, d, d], G_i
};
AttentionTerms attention_terms(const AttentionLayer& layer);
/// Error(shape) unless the loss is one of the layer's output.
AttentionHessianTerms attention_hessian_terms(const AttentionLayer& layer, const RowLoss& loss);

// --- Jacobians dF/dW [L v, size of W]; row block i belongs to F_i

/// m_i' (x) I_v
Tensor jacobian_v(const AttentionTerms& t);
/// tau x_i' (x) W_V' C_i W_K
Tensor jacobian_q(const AttentionTerms& t);
/// tau W_V' C_i (x) q_i'
Tensor jacobian_k(const AttentionTerms& t);
/// All blocks side by side, [L v, space.size()].
Tensor attention_jacobian(const AttentionTerms& t);

// --- blocks of H_o

/// sum m_i m_i' (x) Lambda_i
Tensor outer_product_vv(const AttentionHessianTerms& t);
/// tau^2 sum x_i x_i' (x) W_K' B_i W_K
Tensor outer_product_qq(const AttentionHessianTerms& t);
/// tau^2 sum B_i (x) q_i q_i'
Tensor outer_product_kk(const AttentionHessianTerms& t);
/// tau^2 sum x_i (x) W_K' B_i (x) q_i'
Tensor outer_product_qk(const AttentionHessianTerms& t);
/// tau sum m_i x_i' (x) Lambda_i W_V' C_i W_K
Tensor outer_product_vq(const AttentionHessianTerms& t);
/// tau sum m_i (x) Lambda_i W_V' C_i (x) q_i'
Tensor outer_product_vk(const AttentionHessianTerms& t);

// --- blocks of H_f

/// 0: the output is linear in W_V.
Tensor functional_vv(const AttentionHessianTerms& t);
/// tau^2 sum x_i x_i' (x) W_K' G_i W_K
Tensor functional_qq(const AttentionHessianTerms& t);
/// tau^2 sum G_i (x) q_i q_i'
Tensor functional_kk(const AttentionHessianTerms& t);
/// tau^2 sum x_i (x) W_K' G_i (x) q_i' + tau (sum x_i (C_i s_i)') (x) I_k. The second part is there
/// because the scores are a product of W_Q and W_K; a single matrix has none.
Tensor functional_qk(const AttentionHessianTerms& t);
/// [(p, b), (s, a)] = tau sum g_i[b] (C_i W_K)[p, a] x_i[s]
Tensor functional_vq(const AttentionHessianTerms& t);
/// tau sum C_i (x) g_i q_i'
Tensor functional_vk(const AttentionHessianTerms& t);

// --- whole matrices [space.size(), space.size()], symmetric to the last bit

Tensor outer_product_hessian(const AttentionHessianTerms& t);
Tensor functional_hessian(const AttentionHessianTerms& t);

/// The same matrices and their sum as maps, whose blocks are found by name; gauss_newton is H_o.
HessianParts attention_hessian(const AttentionLayer& layer, const Likelihood& loss);

}  // namespace sonde
