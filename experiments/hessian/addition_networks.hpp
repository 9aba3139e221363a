/// @file
/// Networks for the task of addition.hpp that are no transformers, of about the size of the one
/// that hessian_heterogeneity measures (3836 parameters). Tokens i64 [n, T] to logits [n, T,
/// vocabulary], f64; no output sees a later token. Embeddings are N(0, embedding_std^2), by default
/// as the transformer's, all else begins as its layer does.
#pragma once

#include "experiments/hessian/addition.hpp"
#include "nn/conv.hpp"
#include "nn/linear.hpp"
#include "nn/module.hpp"
#include "nn/recurrent.hpp"

namespace sonde::experiments {

/// "W_E" 16 wide, an LSTM of 21 units "lstm", "unembed": 3732 parameters.
class AdditionLstm final : public nn::Module {
 public:
  explicit AdditionLstm(philox::Key key, double embedding_std = 0.2);
  Var forward(nn::Context& ctx, Var tokens) const override;

 private:
  nn::Handle embed_;
  nn::Lstm lstm_;
  nn::Linear unembed_;
};

/// "W_E" 16 wide, two convolutions over 7 tokens with ReLUs, "conv1" and "conv2", "unembed": 4012
/// parameters. An output sees 13 tokens: both digits whose sum comes next.
class AdditionCnn final : public nn::Module {
 public:
  explicit AdditionCnn(philox::Key key, double embedding_std = 0.2);
  Var forward(nn::Context& ctx, Var tokens) const override;

 private:
  nn::Handle embed_;
  nn::Conv1d conv1_, conv2_;
  nn::Linear unembed_;
};

}  // namespace sonde::experiments
