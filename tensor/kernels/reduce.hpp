/// @file
/// Kernel slots of reductions and running sums. Results do not depend on the number of threads.
#pragma once

#include "tensor/kernel.hpp"
#include "tensor/tensor.hpp"

namespace sonde::kernels {

/// `out` (allocated, row-major, with or without the reduced axes as size 1) from `in` over `axes`
/// (normalised). Looked up by the dtype of `in`, which may have any strides. Reducing no element
/// gives the identity.
using Reduce = void(const Tensor& in, const Dims& axes, Tensor& out);

/// Floats in their own type with blocked or pairwise sums; integers and bool into i64.
inline Kernel<Reduce> sum{"sum"};
/// As `sum`; no matter in which order, products of integers are equal modulo 2^64.
inline Kernel<Reduce> prod{"prod"};
/// Sum of squared deviations from the mean; f32 and f64. Added up in f64.
inline Kernel<Reduce> deviance{"deviance"};
/// Largest and smallest element, in the type of `in`; a NaN is the result. At least one element.
inline Kernel<Reduce> amax{"amax"};
inline Kernel<Reduce> amin{"amin"};
/// Into bool: is any (are all) of the elements not zero?
inline Kernel<Reduce> any{"any"};
inline Kernel<Reduce> all{"all"};

/// i64 positions along `axis` of the first largest (smallest) element, or of the first NaN; `out`
/// without the axis.
using ArgReduce = void(const Tensor& in, int axis, Tensor& out);
inline Kernel<ArgReduce> argmax{"argmax"};
inline Kernel<ArgReduce> argmin{"argmin"};

/// Running sums along `axis`, from the end if `reverse`; `out` row-major. Floats add up in f64,
/// integers into i64.
using Scan = void(const Tensor& in, int axis, bool reverse, Tensor& out);
inline Kernel<Scan> cumsum{"cumsum"};

}  // namespace sonde::kernels
