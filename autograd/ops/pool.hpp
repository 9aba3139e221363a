/// @file
/// Pooling. Images are [N,C,H,W] or [C,H,W] (1d: [N,C,L] or [C,L]); names and meaning of the
/// arguments are PyTorch's. Without a stride, windows lie side by side. Padding is at most half the
/// window. Output sizes are rounded down: P = floor((H + 2 padding - dilation (kernel_size - 1) -
/// 1) / stride) + 1. Error(shape) on sizes that do not fit, Error(value) on attributes out of
/// range, Error(dtype) unless f32 or f64.
#pragma once

#include "autograd/primitive.hpp"
#include "tensor/kernels/conv.hpp"

namespace sonde {

struct MaxPool2dOptions {
  std::optional<Size2> stride{};
  Size2 padding{0, 0}, dilation{1, 1};
};
struct MaxPool1dOptions {
  std::optional<std::int64_t> stride{};
  std::int64_t padding = 0, dilation = 1;
};
struct AvgPool2dOptions {
  std::optional<Size2> stride{};
  Size2 padding{0, 0};
  bool count_include_pad = true;  ///< zeros of the padding count as elements
};
struct AvgPool1dOptions {
  std::optional<std::int64_t> stride{};
  std::int64_t padding = 0;
  bool count_include_pad = true;
};

/// Largest element of each window; the first one's position takes the derivative. NaN is larger
/// than all.
Var max_pool2d(Operand x, Size2 kernel_size, const MaxPool2dOptions& options = {});
Var max_pool1d(Operand x, std::int64_t kernel_size, const MaxPool1dOptions& options = {});
/// Also the positions h*W + w of the maxima, i64, shaped as the values.
std::pair<Var, Var> max_pool2d_with_indices(Operand x, Size2 kernel_size,
                                            const MaxPool2dOptions& options = {});

/// Mean of each window.
Var avg_pool2d(Operand x, Size2 kernel_size, const AvgPool2dOptions& options = {});
Var avg_pool1d(Operand x, std::int64_t kernel_size, const AvgPool1dOptions& options = {});

/// Pools to a given size, with windows [floor(i*H/P), ceil((i+1)*H/P)).
Var adaptive_avg_pool2d(Operand x, Size2 output_size);
Var adaptive_avg_pool1d(Operand x, std::int64_t output_size);
Var adaptive_max_pool2d(Operand x, Size2 output_size);
Var adaptive_max_pool1d(Operand x, std::int64_t output_size);

}  // namespace sonde
