#include "nn/embedding.hpp"

#include "autograd/ops.hpp"
#include "nn/init.hpp"

namespace sonde::nn {

Embedding::Embedding(std::int64_t num_embeddings, std::int64_t embedding_dim, philox::Key key,
                     Options options)
    : rows_(num_embeddings), width_(embedding_dim), options_(options) {
  if (rows_ < 1 || width_ < 1)
    fail(ErrorCode::value, "embedding", "{} rows of width {}", rows_, width_);
  Tensor table = normal_init({rows_, width_}, 0, 1, philox::child(key, 0));
  if (auto& padding = options_.padding_idx) {
    if (*padding < -rows_ || *padding >= rows_)
      fail(ErrorCode::value, "embedding", "padding_idx {} of {} rows", *padding, rows_);
    if (*padding < 0) *padding += rows_;
    table.select(0, *padding).copy_from(Tensor::zeros({width_}));
  }
  weight_ = parameter("weight", std::move(table));
}

Var Embedding::forward(Context& ctx, Var index) const {
  const Var y = embedding(index, ctx[weight_]);
  if (!options_.padding_idx) return y;
  const Var padded = eq(unsqueeze(index, index.rank()), static_cast<double>(*options_.padding_idx));
  return where(padded, stop_gradient(y), y);
}

std::string Embedding::description() const {
  return fmt::format(
      "Embedding({}, {}{})", rows_, width_,
      options_.padding_idx ? fmt::format(", padding_idx={}", *options_.padding_idx) : "");
}

}  // namespace sonde::nn
