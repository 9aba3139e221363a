/// @file
/// Kernel slots of operations that work element by element.
#pragma once

#include <span>

#include "tensor/kernel.hpp"
#include "tensor/tensor.hpp"

namespace sonde::kernels {

/// `in` broadcast to `out`'s shape; `out` is allocated, of any strides. `params` are the op's scalar attributes.
/// Looked up by the dtype of in[0] (for `where`: of in[1]).
using Elementwise = void(std::span<const Tensor> in, Tensor& out, const double* params);

/// out = in[0], converted to out's dtype; looked up by the dtype of `in`.
inline Kernel<Elementwise> copy{"copy"};

inline Kernel<Elementwise> neg{"neg"};
inline Kernel<Elementwise> add{"add"};
inline Kernel<Elementwise> sub{"sub"};
inline Kernel<Elementwise> mul{"mul"};
inline Kernel<Elementwise> div{"div"};

}  // namespace sonde::kernels
