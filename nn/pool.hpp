/// @file
/// Pooling layers: the functions of autograd/ops/pool.hpp as modules, with their sizes, options and
/// errors, which appear at the first call.
#pragma once

#include <type_traits>

#include "autograd/ops/pool.hpp"
#include "nn/module.hpp"
#include "nn/text.hpp"

namespace sonde::nn {

/// Pooling by windows of one size.
template <detail::StaticText name, class Size, class PoolOptions,
          Var (*pool)(Operand, Size, const PoolOptions&)>
class Pool final : public Module {
 public:
  using Options = PoolOptions;

  /// Without a stride in the options, windows lie side by side.
  explicit Pool(Size kernel_size, Options options = {}) : kernel_(kernel_size), options_(options) {}
  /// Square windows.
  explicit Pool(std::int64_t kernel_size,
                Options options = {}) requires(std::is_same_v<Size, Size2>)
      : Pool(Size2{kernel_size, kernel_size}, options) {}
  Var forward(Context&, Var x) const override { return pool(std::move(x), kernel_, options_); }
  std::string description() const override {
    return fmt::format(
        "{}(kernel_size={}, stride={}, padding={})", name.view(), detail::size_text(kernel_),
        detail::size_text(options_.stride.value_or(kernel_)), detail::size_text(options_.padding));
  }

 private:
  Size kernel_;
  Options options_;
};

using MaxPool1d = Pool<"MaxPool1d", std::int64_t, MaxPool1dOptions, max_pool1d>;
using MaxPool2d = Pool<"MaxPool2d", Size2, MaxPool2dOptions, max_pool2d>;
using AvgPool1d = Pool<"AvgPool1d", std::int64_t, AvgPool1dOptions, avg_pool1d>;
using AvgPool2d = Pool<"AvgPool2d", Size2, AvgPool2dOptions, avg_pool2d>;

/// Pooling to an output of one size.
template <detail::StaticText name, class Size, Var (*pool)(Operand, Size)>
class AdaptivePool final : public Module {
 public:
  explicit AdaptivePool(Size output_size) : output_(output_size) {}
  /// A square output.
  explicit AdaptivePool(std::int64_t output_size) requires(std::is_same_v<Size, Size2>)
      : AdaptivePool(Size2{output_size, output_size}) {}
  Var forward(Context&, Var x) const override { return pool(std::move(x), output_); }
  std::string description() const override {
    return fmt::format("{}(output_size={})", name.view(), detail::size_text(output_));
  }

 private:
  Size output_;
};

using AdaptiveAvgPool1d = AdaptivePool<"AdaptiveAvgPool1d", std::int64_t, adaptive_avg_pool1d>;
using AdaptiveAvgPool2d = AdaptivePool<"AdaptiveAvgPool2d", Size2, adaptive_avg_pool2d>;
using AdaptiveMaxPool1d = AdaptivePool<"AdaptiveMaxPool1d", std::int64_t, adaptive_max_pool1d>;
using AdaptiveMaxPool2d = AdaptivePool<"AdaptiveMaxPool2d", Size2, adaptive_max_pool2d>;

}  // namespace sonde::nn
