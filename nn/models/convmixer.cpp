#include "nn/models/convmixer.hpp"

#include "autograd/ops.hpp"

namespace sonde::nn {

ConvMixerBlock::ConvMixerBlock(std::int64_t dim, std::int64_t kernel_size, philox::Key key)
    : depthwise_(dim, dim, {kernel_size, kernel_size}, philox::child(key, 0),
                 {.groups = dim, .same_padding = true}),
      pointwise_(dim, dim, {1, 1}, philox::child(key, 1)),
      norm1_(dim),
      norm2_(dim) {
  child("0.fn.0", depthwise_);
  child("0.fn.2", norm1_);
  child("1", pointwise_);
  child("3", norm2_);
}

Var ConvMixerBlock::forward(Context& ctx, Var x) const {
  x = add(norm1_(ctx, gelu(depthwise_(ctx, x))), x);
  return norm2_(ctx, gelu(pointwise_(ctx, std::move(x))));
}

ConvMixer::ConvMixer(const ImageSpec& spec, philox::Key key, Options options)
    : options_(options),
      embed_(spec.channels, options.dim, {options.patch_size, options.patch_size},
             philox::child(key, 0), {.stride = {options.patch_size, options.patch_size}}),
      norm_(options.dim),
      head_(options.dim, spec.classes, philox::child(key, 1)) {
  child("0", embed_);
  child("2", norm_);
  for (std::int64_t i = 0; i < options.depth; ++i) {
    blocks_.push_back(std::make_unique<ConvMixerBlock>(
        options.dim, options.kernel_size, philox::child(key, static_cast<std::uint64_t>(2 + i))));
    child(fmt::format("{}", 3 + i), *blocks_.back());
  }
  // Two modules without parameters, the mean and the flattening, are counted in the name.
  child(fmt::format("{}", 5 + options.depth), head_);
}

// The first block's depthwise convolution sees kernel_size cells, with an odd one on the right.
Reach ConvMixer::reach() const {
  const auto& [dim, depth, kernel, patch] = options_;
  if (depth == 0) return {.stride = patch, .before = 0, .after = patch - 1};
  return {
      .stride = patch, .before = (kernel - 1) / 2 * patch, .after = kernel / 2 * patch + patch - 1};
}

Var ConvMixer::local(Context& ctx, Var x) const {
  x = norm_(ctx, gelu(embed_(ctx, std::move(x))));
  return blocks_.empty() ? x : (*blocks_[0])(ctx, std::move(x));
}

Var ConvMixer::rest(Context& ctx, Var maps) const {
  for (std::size_t i = 1; i < blocks_.size(); ++i) maps = (*blocks_[i])(ctx, std::move(maps));
  return head_(ctx, mean(maps, {2, 3}));
}

}  // namespace sonde::nn
