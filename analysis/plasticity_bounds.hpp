/// @file
/// Upper bounds of the expansion of a transformer's components (see plasticity.hpp), each in two
/// forms: one that holds, and the one that the authors' code computes.
#pragma once

#include <optional>
#include <string_view>

#include "nn/module.hpp"

namespace sonde {

enum class BoundForm {
  corrected,  ///< a bound on the sequences it is made for
  legacy,     ///< arXiv:2602.06883 as its code has it, which is none
};

/// The greatest and the authors' radius of token sequences [n, tokens, features]: max over tokens
/// of |x_t|, or the mean over sequences of sqrt(mean over tokens |x_t|^2).
double token_radius(const Tensor& x, BoundForm form = BoundForm::corrected);
/// min over tokens of sqrt(Var + eps), with the variance a layer norm takes (divisor features).
double least_deviation(const Tensor& x, double eps);

/// LayerNorm with weight `gamma` on tokens of which none deviates by less than `deviation`:
/// max |gamma| / deviation, since x -> x / sqrt(|x|^2 / d + eps) is a projection to a sphere of
/// radius sqrt(d) in d + 1 dimensions. Legacy: max gamma, signed and over 1.
double layer_norm_bound(const Tensor& gamma, double deviation,
                        BoundForm form = BoundForm::corrected);

/// A linear map with weight [out, in]: its greatest singular value, in both forms.
double linear_bound(const Tensor& weight);

/// The projections of self-attention, for heads of inner / heads features.
struct AttentionProjections {
  Tensor q, k, v;   ///< [inner, features]
  Tensor out;       ///< [features, inner]
  Tensor q_bias{};  ///< [inner] or empty; the other biases change no difference of outputs
  std::int64_t heads = 1;
  std::optional<double> scale{};  ///< 1 / sqrt(inner / heads) if not given
};
/// Those of an nn::MultiHeadAttention (of any QkvWeights). Error(names) if `attention` has not such
/// parameters.
AttentionProjections attention_projections(const nn::Module& attention, std::int64_t heads);

/// Softmax self-attention on sequences of n tokens of norms up to r:
///   sum over heads of |O_h| |V_h| sqrt(3 n + (12 n + 3) r^4 |A_h|^2),  A_h = scale W_Q' W_K,
/// with spectral norms (Castin, Ablin and Peyre, "How smooth is attention?", 2024,
/// arXiv:2312.14820, theorem 3.3, for each head). A bias of queries makes a token one feature
/// longer: (x, 1). Legacy: heads are cut out of the columns of W_Q, W_K and W_V instead of their
/// rows, and there is no bias. Error(shape, value) if sizes do not fit.
double attention_bound(const AttentionProjections& p, std::int64_t tokens, double radius,
                       BoundForm form = BoundForm::corrected);

}  // namespace sonde
