/// @file
/// Kernel slots of convolution and pooling.
///
/// Images are logically [N,C,H,W] and lie in memory channels last; kernels return them so and
/// convert inputs that lie otherwise. Every slot also takes a leading axis of lanes on all its
/// tensors: lane i of the result uses lane i of each input, so per-sample weights and per-sample
/// weight gradients need no loop.
#pragma once

#include <array>

#include "tensor/kernel.hpp"
#include "tensor/tensor.hpp"

namespace sonde {

/// (height, width)
using Size2 = std::array<std::int64_t, 2>;

struct ConvAttrs {
  Size2 stride{1, 1}, padding{0, 0}, dilation{1, 1};
  std::int64_t groups = 1;
  friend bool operator==(const ConvAttrs&, const ConvAttrs&) = default;
};

/// Windows of a pooling: either kernel, stride, padding and dilation, or, if `adaptive`, as even a
/// division of the input as `output` windows allow (window i covers [floor(i*in/out),
/// ceil((i+1)*in/out))).
struct PoolAttrs {
  Size2 kernel{1, 1}, stride{1, 1}, padding{0, 0}, dilation{1, 1};
  bool count_include_pad = true;  ///< average only: padding counts in the divisor
  bool adaptive = false;
  Size2 output{1, 1};  ///< adaptive only
  friend bool operator==(const PoolAttrs&, const PoolAttrs&) = default;
};

/// Whether 3x3 convolutions of stride 1 in f32 may use Winograd's algorithm F(4x4, 3x3): up to
/// three times as fast, with errors near 1e-5 of the largest result instead of 3e-7. On by default.
/// Safe to call from any thread.
bool conv_winograd();
void set_conv_winograd(bool on);

/// Whether convolutions of f32 on a CUDA device may round their factors to TF32 (10 bits of
/// mantissa) for its tensor cores, which are several times as fast; sums stay in f32. Errors near
/// 1e-3 of the largest result. Off by default. Safe to call from any thread.
bool conv_tf32();
void set_conv_tf32(bool on);

}  // namespace sonde

namespace sonde::kernels {

/// x [N,C,H,W] with w [K,C/groups,R,S] to [N,K,P,Q].
inline Kernel<Tensor(const Tensor& x, const Tensor& w, const ConvAttrs&)> conv2d{"conv2d"};
/// dy [N,K,P,Q] with w [K,C/groups,R,S] to [N,C,H,W], the transpose of conv2d in x; `input` is
/// (H,W).
inline Kernel<Tensor(const Tensor& dy, const Tensor& w, Size2 input, const ConvAttrs&)>
    conv2d_input_grad{"conv2d_input_grad"};
/// x [N,C,H,W] with dy [N,K,P,Q] to [K,C/groups,R,S], the transpose of conv2d in w; `kernel` is
/// (R,S).
inline Kernel<Tensor(const Tensor& x, const Tensor& dy, Size2 kernel, const ConvAttrs&)>
    conv2d_weight_grad{"conv2d_weight_grad"};

struct MaxPooled {
  Tensor values;   ///< [N,C,P,Q]
  Tensor indices;  ///< i64 [N,C,P,Q]: h*W + w of the first maximum in each window (of the last NaN
                   ///< if there is one)
};
/// x [N,C,H,W] to its windows' maxima.
inline Kernel<MaxPooled(const Tensor& x, const PoolAttrs&)> max_pool2d{"max_pool2d"};
/// x [N,C,H,W] to its windows' means [N,C,P,Q].
inline Kernel<Tensor(const Tensor& x, const PoolAttrs&)> avg_pool2d{"avg_pool2d"};
/// dy [N,C,P,Q] to [N,C,H,W], the transpose of avg_pool2d; `input` is (H,W).
inline Kernel<Tensor(const Tensor& dy, Size2 input, const PoolAttrs&)> avg_pool2d_grad{
    "avg_pool2d_grad"};

}  // namespace sonde::kernels
