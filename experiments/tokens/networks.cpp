#include "experiments/tokens/networks.hpp"

#include <cmath>

#include "autograd/ops.hpp"
#include "nn/conv.hpp"
#include "nn/embedding.hpp"
#include "nn/init.hpp"
#include "nn/linear.hpp"
#include "nn/recurrent.hpp"

namespace sonde::experiments {
namespace {

// A body to [n, width], and a linear map.
class TokenNetwork : public nn::Module {
 public:
  Var forward(nn::Context& ctx, Var tokens) const final {
    return select(head_(ctx, body(ctx, tokens)), 1, 0);
  }

 protected:
  TokenNetwork(const TokenNetworkOptions& o, philox::Key key)
      : options_(o), head_(o.width, 1, philox::child(key, 0)) {
    child("head", head_);
  }
  virtual Var body(nn::Context& ctx, const Var& tokens) const = 0;
  /// A product with one-hot rows is a choice of rows: initial values as a Linear's of that size.
  nn::Handle rows_of_product(const char* name, std::int64_t rows, std::int64_t columns,
                             philox::Key key) {
    return parameter(
        name, nn::uniform_init({rows, columns}, 1 / std::sqrt(static_cast<double>(rows)), key));
  }
  const TokenNetworkOptions options_;

 private:
  nn::Linear head_;
};

class TokenAttention final : public TokenNetwork {
 public:
  TokenAttention(const TokenNetworkOptions& o, philox::Key key)
      : TokenNetwork(o, key),
        w_qk_(rows_of_product("W_QK", o.vocabulary, o.vocabulary, philox::child(key, 1))),
        w_v_(rows_of_product("W_v", o.vocabulary, o.width, philox::child(key, 2))) {}

 private:
  Var body(nn::Context& ctx, const Var& tokens) const override {
    const Var x = one_hot(tokens, options_.vocabulary, DType::f32),
              queries = embedding(tokens, ctx[w_qk_]), values = embedding(tokens, ctx[w_v_]);
    return mean(scaled_dot_product_attention(queries, x, values, {}, false, 1.0), {1});
  }
  nn::Handle w_qk_, w_v_;
};

class TokenMlp final : public TokenNetwork {
 public:
  TokenMlp(const TokenNetworkOptions& o, philox::Key key)
      : TokenNetwork(o, key),
        hidden_(rows_of_product("hidden.weight", o.length * o.vocabulary, o.width,
                                philox::child(key, 1))),
        bias_(parameter("hidden.bias", Tensor::zeros({o.width}))) {}

 private:
  Var body(nn::Context& ctx, const Var& tokens) const override {
    const Var at = Var(Tensor::arange(options_.length)) * options_.vocabulary;
    return relu(sum(embedding(tokens + at, ctx[hidden_]), {1}) + ctx[bias_]);
  }
  nn::Handle hidden_, bias_;
};

class TokenCnn final : public TokenNetwork {
 public:
  TokenCnn(const TokenNetworkOptions& o, philox::Key key)
      : TokenNetwork(o, key),
        embed_(o.vocabulary, o.width, philox::child(key, 1)),
        conv_(o.width, o.width, 3, philox::child(key, 2)) {
    child("embed", embed_);
    child("conv", conv_);
  }

 private:
  Var body(nn::Context& ctx, const Var& tokens) const override {
    return mean(relu(conv_(ctx, transpose(embed_(ctx, tokens), 1, 2))), {2});
  }
  nn::Embedding embed_;
  nn::Conv1d conv_;
};

class TokenLstm final : public TokenNetwork {
 public:
  TokenLstm(const TokenNetworkOptions& o, philox::Key key)
      : TokenNetwork(o, key),
        embed_(o.vocabulary, o.width, philox::child(key, 1)),
        lstm_(o.width, o.width, philox::child(key, 2), {.batch_first = true}) {
    child("embed", embed_);
    child("lstm", lstm_);
  }

 private:
  Var body(nn::Context& ctx, const Var& tokens) const override {
    return select(lstm_.run(ctx, {.x = embed_(ctx, tokens)}).state.h, 0, 0);
  }
  nn::Embedding embed_;
  nn::Lstm lstm_;
};

}  // namespace

const std::vector<std::string>& token_network_names() {
  static const std::vector<std::string> names{"attention", "mlp", "cnn", "lstm"};
  return names;
}

std::unique_ptr<nn::Module> token_network(const std::string& name, const TokenNetworkOptions& o,
                                          philox::Key key) {
  if (name == "attention") return std::make_unique<TokenAttention>(o, key);
  if (name == "mlp") return std::make_unique<TokenMlp>(o, key);
  if (name == "cnn") return std::make_unique<TokenCnn>(o, key);
  if (name == "lstm") return std::make_unique<TokenLstm>(o, key);
  fail(ErrorCode::names, "token_network", "there is no network '{}'", name);
}

}  // namespace sonde::experiments
