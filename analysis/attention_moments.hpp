/// @file
/// The moments of the tokens under the weights of an attention row: what the derivatives of
/// attention are made of.
///
/// Row i of softmax attention is an exponential family over the tokens x_j with the natural
/// parameter w_i = W_K q_i / (t sqrt(k)), q_i = W_Q' x_i: A_ij is proportional to exp(x_j' w_i). So
/// the derivatives of log sum_j exp(x_j' w_i) by w_i are its cumulants: the mean m_i, the
/// covariance C_i, the third central moment. Linear attention has m_i = X' X w_i, linear in w_i, so
/// C_i = X' X and no third moment.
#pragma once

#include "analysis/attention_layer.hpp"

namespace sonde {

struct AttentionMoments {
  Tensor weights;     ///< A [L, L]
  Tensor mean;        ///< M1 [L, d], rows m_i = sum_j A_ij x_j
  Tensor covariance;  ///< [L, d, d], C_i = sum_j A_ij (x_j - m_i)(x_j - m_i)'; linear attention:
                      ///< the sum of x_j x_j' over the tokens j that i sees
};
/// Two passes, the second about the mean: sum_j A_ij x_j x_j' - m_i m_i' would cancel where
/// softmax is saturated and C_i is nearly 0.
AttentionMoments attention_moments(const AttentionLayer& layer);

/// G [L, d, d], the third central moments contracted with a vector for each row, s [L, d]:
/// G_i = sum_j A_ij ((x_j - m_i)' s_i) (x_j - m_i)(x_j - m_i)'; 0 for linear attention.
Tensor contracted_third_moments(const AttentionLayer& layer, const AttentionMoments& moments,
                                const Tensor& s);

}  // namespace sonde
