/// @file
/// A recurrent classifier of images.
#pragma once

#include "nn/linear.hpp"
#include "nn/models/image.hpp"
#include "nn/recurrent.hpp"

namespace sonde::nn {

struct LstmClassifierOptions {
  Size2 patch{1, 28};  ///< what the LSTM sees at a step: a row, or a patch
  std::int64_t hidden = 128, layers = 1;
  bool bidirectional = false;
  double dropout = 0;  ///< between layers
};

/// Reads the patches of an image row by row ("lstm"); a linear layer ("fc") classifies the last
/// layer's final state, of both directions side by side.
class LstmClassifier final : public Module {
 public:
  using Options = LstmClassifierOptions;

  /// Errors of Lstm.
  LstmClassifier(const ImageSpec& spec, philox::Key key, Options options = {});
  /// Error(shape) unless the patches fit.
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override { return "LstmClassifier"; }

 private:
  Options options_;
  Lstm lstm_;
  Linear fc_;
};

}  // namespace sonde::nn
