/// @file
/// Studies of hessian_growth that the paper does not have: other blocks, other kinds of attention.
///
/// Their exponents are counted from the closed forms (analysis/attention_hessian.hpp): for small
/// data the weights of attention are nearly uniform, so that tokens x_i, means m_i and queries q_i
/// count 1, covariances C_i 2, third moments 3, and the loss's gradient 0. So H_o of queries and
/// keys, sums of x x' (x) C C, has exponent 6, H_f, of x x' (x) G, 5. A LayerNorm behind the sum of
/// attention and what passes it by divides by a length of exponent 1: each derivative of the
/// outputs by a length brings -1. A temperature t divides each derivative by the scores.
/// Other networks have biases, which outweigh small data: their inner values count 0, so that the
/// block of a layer has twice the exponent of its input.
#pragma once

#include <string>
#include <vector>

#include "experiments/hessian/growth_judge.hpp"

namespace sonde::experiments {

/// "blocks": all six of attention's blocks; "single-matrix": W_QK in place of W_Q W_K';
/// "multi-head"; "post-norm"; "temperature": by the temperature, at a small scale; "cnn" and
/// "lstm": networks without attention.
const std::vector<std::string>& further_growth_studies();
/// One of them, made of the setting that all studies start from.
GrowthSetting further_growth_setting(const std::string& study, GrowthSetting base);
/// The counted exponents.
void further_growth_claims(GrowthJudge& judge);

}  // namespace sonde::experiments
