/// @file
/// Building a tensor from others by copies into its slices; works on every device that can copy.
#pragma once

#include "tensor/tensor.hpp"

namespace sonde {

/// The tensors one behind the other along `axis`; they must agree in dtype, device and all other sizes.
Tensor concat(std::span<const Tensor> parts, std::int64_t axis);
/// `x` with before[i] and after[i] elements of `value` added around axis i.
Tensor pad(const Tensor& x, const Dims& before, const Dims& after, double value);
/// Zeros of `shape` whose slice start, start + step, ... (as many as `x` has) along `axis` is `x`.
Tensor place(const Tensor& x, std::int64_t axis, std::int64_t start, std::int64_t step, const Dims& shape);

/// The spec of `concat`; Error(shape), Error(dtype), Error(device) or Error(axis) if the parts do not fit.
Spec concat_spec(std::span<const Spec> parts, std::int64_t axis);
/// The shape of `pad`; Error(shape) on lists of another length than the rank, Error(value) on a negative width.
Dims pad_shape(const Dims& shape, const Dims& before, const Dims& after);

}  // namespace sonde
