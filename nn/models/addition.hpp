/// @file
/// The transformer that learns modular addition.
#pragma once

#include "nn/attention.hpp"
#include "nn/embedding.hpp"

namespace sonde::nn {

struct AdditionOptions {
  std::int64_t modulus = 113;
  std::int64_t dim = 128, heads = 4, mlp_dim = 512;
};

/// (a + b) mod p from the tokens [a, b, p] ("=" is p): one layer of attention and one MLP with
/// ReLU, without residuals and norms; the last position gives the logits of the p + 1 tokens. The
/// model of the grokking runs of Vasudeva et al. (arXiv:2403.06925), 227 442 parameters:
/// "embedding", "pos_embed" [3, dim] (0 at first), "attn" as torch.nn.MultiheadAttention, "fc1",
/// "fc2", "head".
class AdditionTransformer final : public Module {
 public:
  using Options = AdditionOptions;

  explicit AdditionTransformer(philox::Key key, Options options = {});
  /// [B, 3] to [B, p + 1]. Error(shape, axis, dtype) for other tokens.
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override { return "AdditionTransformer"; }

 private:
  Handle positions_;
  Embedding embedding_;
  MultiHeadAttention attn_;
  Linear fc1_, fc2_, head_;
};

}  // namespace sonde::nn
