/// @file
/// Attention.
#pragma once

#include <optional>

#include "autograd/primitive.hpp"

namespace sonde {

/// softmax(scale q k' + mask) v for q [..., T, d], k [..., S, d], v [..., S, e]; leading axes
/// broadcast. `attn_mask` broadcasts to [..., T, S]: bool (true: the query sees the key) or of q's
/// dtype (added to the scores, -inf hides). is_causal: query i sees the keys 0 .. i, also beside a
/// mask. scale: 1 / sqrt(d) if not given. A query that sees no key gets zeros (PyTorch: NaN). Runs
/// as one kernel whose memory is linear in T and S, forward and backward; the derivative with
/// respect to a mask takes [..., T, S]. Error(shape, dtype, broadcast).
Var scaled_dot_product_attention(Operand q, const Var& k, const Var& v, const Var& attn_mask = {},
                                 bool is_causal = false, std::optional<double> scale = {});

}  // namespace sonde
