/// @file
/// A table of vectors, one for each token.
#pragma once

#include <optional>

#include "nn/module.hpp"

namespace sonde::nn {

struct EmbeddingOptions {
  /// A row that begins as 0 and gets no gradient; negative ones count from the end.
  std::optional<std::int64_t> padding_idx{};
};

/// Rows of the weight [num_embeddings, embedding_dim] by an integer index of any shape:
/// [*index.shape, embedding_dim]. Initial values are PyTorch's: normal with variance 1.
class Embedding final : public Module {
 public:
  using Options = EmbeddingOptions;

  /// Error(value) on sizes that are not positive or a padding_idx outside the rows.
  Embedding(std::int64_t num_embeddings, std::int64_t embedding_dim, philox::Key key,
            Options options = {});
  /// Error(axis) for an index outside the rows, Error(dtype) for one that is not of integers.
  Var forward(Context& ctx, Var index) const override;
  std::string description() const override;
  /// The table, to tie other layers to.
  const Handle& weight() const { return weight_; }

 private:
  std::int64_t rows_, width_;
  Options options_;
  Handle weight_;
};

}  // namespace sonde::nn
