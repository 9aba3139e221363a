/// @file
/// ConvMixer.
#pragma once

#include <memory>
#include <vector>

#include "nn/batch_norm.hpp"
#include "nn/conv.hpp"
#include "nn/linear.hpp"
#include "nn/models/image.hpp"
#include "nn/models/local.hpp"

namespace sonde::nn {

struct ConvMixerOptions {
  std::int64_t dim = 64, depth = 8;
  std::int64_t kernel_size = 3, patch_size = 4;
};

/// One layer of ConvMixer: with f = batch norm of GELU, x + f(depthwise convolution of x), then
/// f(1x1 convolution).
class ConvMixerBlock final : public Module {
 public:
  ConvMixerBlock(std::int64_t dim, std::int64_t kernel_size, philox::Key key);
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override { return "ConvMixerBlock"; }

 private:
  Conv2d depthwise_, pointwise_;
  BatchNorm2d norm1_, norm2_;
};

/// Patches embedded by a convolution, GELU and batch norm, `depth` blocks, the mean over positions,
/// a linear layer (Trockman and Kolter 2022, arXiv:2201.09792). Names are those of the nested
/// Sequentials in the paper's appendix: "0", "2", "3.0.fn.0", ... 44 362 parameters by default.
class ConvMixer final : public Module, public LocalFirst {
 public:
  using Options = ConvMixerOptions;

  ConvMixer(const ImageSpec& spec, philox::Key key, Options options = {});
  Var forward(Context& ctx, Var x) const override { return rest(ctx, local(ctx, std::move(x))); }
  Reach reach() const override;
  /// The embedding and the first block.
  Var local(Context& ctx, Var x) const override;
  Var rest(Context& ctx, Var maps) const override;
  std::string description() const override { return "ConvMixer"; }

 private:
  Options options_;
  Conv2d embed_;
  BatchNorm2d norm_;
  std::vector<std::unique_ptr<ConvMixerBlock>> blocks_;
  Linear head_;
};

}  // namespace sonde::nn
