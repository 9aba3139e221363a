/// @file
/// Kernel slots of operations that work element by element.
#pragma once

#include <span>

#include "tensor/kernel.hpp"
#include "tensor/tensor.hpp"

namespace sonde::kernels {

/// `in` broadcast to `out`'s shape; `out` is allocated, of any strides, and may be one of `in`. All
/// of any strides. `params` are the op's scalar attributes, in the order given beside the slot;
/// null if it has none. Looked up by the dtype of in[0] (for `where`: of in[1]); the other inputs
/// have the same dtype.
using Elementwise = void(std::span<const Tensor> in, Tensor& out, const double* params);

/// out = in[0], converted to out's dtype; looked up by the dtype of `in`.
inline Kernel<Elementwise> copy{"copy"};

// One input. f32, f64, and where marked also integers.
inline Kernel<Elementwise> neg{"neg"};        // and integers
inline Kernel<Elementwise> abs{"abs"};        // and integers
inline Kernel<Elementwise> sign{"sign"};      // and integers; NaN gives 0
inline Kernel<Elementwise> square{"square"};  // and integers
inline Kernel<Elementwise> sqrt{"sqrt"};
inline Kernel<Elementwise> rsqrt{"rsqrt"};
inline Kernel<Elementwise> reciprocal{"reciprocal"};
inline Kernel<Elementwise> floor{"floor"};
inline Kernel<Elementwise> ceil{"ceil"};
inline Kernel<Elementwise> round{"round"};  // ties to even
inline Kernel<Elementwise> trunc{"trunc"};
inline Kernel<Elementwise> exp{"exp"};
inline Kernel<Elementwise> expm1{"expm1"};
inline Kernel<Elementwise> log{"log"};
inline Kernel<Elementwise> log1p{"log1p"};
inline Kernel<Elementwise> sin{"sin"};
inline Kernel<Elementwise> cos{"cos"};
inline Kernel<Elementwise> tan{"tan"};
inline Kernel<Elementwise> tanh{"tanh"};
inline Kernel<Elementwise> sinh{"sinh"};
inline Kernel<Elementwise> cosh{"cosh"};
inline Kernel<Elementwise> asin{"asin"};
inline Kernel<Elementwise> acos{"acos"};
inline Kernel<Elementwise> atan{"atan"};
inline Kernel<Elementwise> erf{"erf"};
inline Kernel<Elementwise> erfc{"erfc"};

// Activations; the scalar attributes in brackets.
inline Kernel<Elementwise> sigmoid{"sigmoid"};
inline Kernel<Elementwise> relu{"relu"};
inline Kernel<Elementwise> leaky_relu{"leaky_relu"};  // {negative_slope}
inline Kernel<Elementwise> elu{"elu"};                // {alpha}
inline Kernel<Elementwise> gelu{"gelu"};              // x Phi(x)
inline Kernel<Elementwise> gelu_tanh{"gelu_tanh"};
inline Kernel<Elementwise> silu{"silu"};
inline Kernel<Elementwise> softplus{"softplus"};  // {beta, threshold}
inline Kernel<Elementwise> clamp{"clamp"};        // {min, max}; NaN stays

// c f'(x), with inputs (c, x); for tanh and sigmoid (c, y) with y the output. A backward pass in
// one pass.
inline Kernel<Elementwise> tanh_backward{"tanh_backward"};
inline Kernel<Elementwise> sigmoid_backward{"sigmoid_backward"};
inline Kernel<Elementwise> relu_backward{"relu_backward"};
inline Kernel<Elementwise> leaky_relu_backward{"leaky_relu_backward"};
inline Kernel<Elementwise> elu_backward{"elu_backward"};
inline Kernel<Elementwise> gelu_backward{"gelu_backward"};
inline Kernel<Elementwise> gelu_tanh_backward{"gelu_tanh_backward"};
inline Kernel<Elementwise> silu_backward{"silu_backward"};
inline Kernel<Elementwise> softplus_backward{"softplus_backward"};
inline Kernel<Elementwise> clamp_backward{"clamp_backward"};

// Two inputs of one dtype: f32, f64, integers (div and atan2: floats only). Integers wrap around.
inline Kernel<Elementwise> add{"add"};
inline Kernel<Elementwise> sub{"sub"};
inline Kernel<Elementwise> mul{"mul"};
inline Kernel<Elementwise> div{"div"};
inline Kernel<Elementwise> maximum{"maximum"};  // NaN wins
inline Kernel<Elementwise> minimum{"minimum"};
inline Kernel<Elementwise> pow{"pow"};    // a negative power of an integer truncates towards 0
inline Kernel<Elementwise> fmod{"fmod"};  // sign of the first input; integers modulo 0 give 0
inline Kernel<Elementwise> remainder{"remainder"};  // sign of the second
inline Kernel<Elementwise> atan2{"atan2"};

// Any dtype (f16 and bf16 excepted) to bool.
inline Kernel<Elementwise> eq{"eq"};
inline Kernel<Elementwise> ne{"ne"};
inline Kernel<Elementwise> lt{"lt"};
inline Kernel<Elementwise> le{"le"};
inline Kernel<Elementwise> gt{"gt"};
inline Kernel<Elementwise> ge{"ge"};
inline Kernel<Elementwise> logical_not{"logical_not"};
inline Kernel<Elementwise> logical_and{"logical_and"};
inline Kernel<Elementwise> logical_or{"logical_or"};
inline Kernel<Elementwise> logical_xor{"logical_xor"};
inline Kernel<Elementwise> isnan{"isnan"};
inline Kernel<Elementwise> isinf{"isinf"};
inline Kernel<Elementwise> isfinite{"isfinite"};

/// out = in[0] ? in[1] : in[2], with in[0] bool.
inline Kernel<Elementwise> where{"where"};

}  // namespace sonde::kernels
