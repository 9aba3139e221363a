/// @file
/// Blow-up of layer norms: by how much they stretch what enters them. Hahn and Rofin, "Why are
/// sensitive functions hard for transformers?", 2024, arXiv:2402.09963.
#pragma once

#include "analysis/statistics.hpp"
#include "analysis/taps.hpp"

namespace sonde {

enum class BlowupForm {
  /// The paper's: 1 + 1 / sqrt(Var + eps) of a token, with the variance a layer norm takes.
  theory,
  /// Its code's: 1 / std, with the unbiased standard deviation, no eps and no 1.
  measured,
};
enum class OverTokens { max, mean };
enum class OverNorms { product, sum };

struct BlowupOptions {
  BlowupForm form = BlowupForm::theory;
  double eps = 1e-5;  ///< of the norms; for `theory`
  OverTokens tokens = OverTokens::max;
  OverNorms norms = OverNorms::product;
  /// Of so many of the last norms only the last token counts: the code's way with the last layer of
  /// a network that is read there.
  std::int64_t read_at_last_token = 0;
};

/// For each input, over all norms, over its tokens: the stretch of a token. `entering` is what goes
/// into each norm, [n, tokens, features], first to last: values_at(f, inputs, "*.norm?.in").
/// Infinite where a token without eps is constant. The distribution over inputs has a heavy tail:
/// report its median and its logarithm's mean beside the mean. Error(shape) unless all are of one
/// [n, tokens]; Error(value) on no norm or options out of range.
Sample layer_norm_blowup(const TappedValues& entering, const BlowupOptions& options = {});

}  // namespace sonde
