/// @file
/// Kernel slots of fused attention.
#pragma once

#include <array>

#include "tensor/kernel.hpp"
#include "tensor/tensor.hpp"

namespace sonde::kernels {

struct Attention {
  double scale = 1;
  bool causal = false;  ///< query i sees the keys 0 .. i
};

/// o = softmax(scale q k' + mask) v for q [..., T, d], k [..., S, d], v [..., S, e] with equal
/// leading axes. `mask` is empty or broadcasts to [..., T, S]: bool (true: the query sees the key)
/// or of q's dtype (added to the scores). A query that sees no key gets zeros. Memory: O(S) per
/// task; no matrix [T, S] is kept.
using AttentionForward = Tensor(const Tensor& q, const Tensor& k, const Tensor& v,
                                const Tensor& mask, const Attention& attributes);
inline Kernel<AttentionForward> attention{"attention"};

/// What the backward kernel works from: the inputs and the output. The scores are computed once
/// more.
struct AttentionSaved {
  Tensor q, k, v, mask, o;
};
/// {dq, dk, dv} from the cotangent of o; and that of the mask as [..., T, S], empty unless
/// `mask_wanted`.
using AttentionBackward = std::array<Tensor, 4>(const AttentionSaved& saved, const Tensor& ct,
                                                const Attention& attributes, bool mask_wanted);
inline Kernel<AttentionBackward> attention_grad{"attention_grad"};

}  // namespace sonde::kernels
