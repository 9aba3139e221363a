#include "experiments/hessian/addition_networks.hpp"

#include "autograd/ops.hpp"
#include "nn/init.hpp"

namespace sonde::experiments {
namespace {

constexpr std::int64_t width = 16, hidden = 21, kernel = 7;

Tensor embeddings(philox::Key key, double std) {
  return nn::normal_init({addition::vocabulary, width}, 0, std, philox::child(key, 0), DType::f64);
}

// As many zeros in front as keep the length, so that an output sees what came before it.
Var causal(nn::Context& ctx, const nn::Conv1d& conv, const Var& x) {
  return slice(conv(ctx, x), 2, 0, x.size(2));
}

}  // namespace

AdditionLstm::AdditionLstm(philox::Key key, double embedding_std)
    : embed_(parameter("W_E", embeddings(key, embedding_std))),
      lstm_(width, hidden, philox::child(key, 1), {.batch_first = true}),
      unembed_(hidden, addition::vocabulary, philox::child(key, 2)) {
  child("lstm", lstm_);
  child("unembed", unembed_);
  convert(DType::f64);
}

Var AdditionLstm::forward(nn::Context& ctx, Var tokens) const {
  return unembed_(ctx, lstm_(ctx, embedding(tokens, ctx[embed_])));
}

AdditionCnn::AdditionCnn(philox::Key key, double embedding_std)
    : embed_(parameter("W_E", embeddings(key, embedding_std))),
      conv1_(width, width, kernel, philox::child(key, 1), {.padding = kernel - 1}),
      conv2_(width, width, kernel, philox::child(key, 2), {.padding = kernel - 1}),
      unembed_(width, addition::vocabulary, philox::child(key, 3)) {
  child("conv1", conv1_);
  child("conv2", conv2_);
  child("unembed", unembed_);
  convert(DType::f64);
}

Var AdditionCnn::forward(nn::Context& ctx, Var tokens) const {
  const Var x = transpose(embedding(tokens, ctx[embed_]), 1, 2);
  const Var h = relu(causal(ctx, conv2_, relu(causal(ctx, conv1_, x))));
  return unembed_(ctx, transpose(h, 1, 2));
}

}  // namespace sonde::experiments
