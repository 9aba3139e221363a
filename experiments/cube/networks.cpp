#include "experiments/cube/networks.hpp"

#include <algorithm>

#include "autograd/ops.hpp"
#include "nn/init.hpp"
#include "nn/mlp.hpp"
#include "nn/recurrent.hpp"
#include "nn/transformer.hpp"

namespace sonde::experiments {
namespace {

Var rectified(const Var& x) {
  return relu(x);
}

// A body [n, T, width] to [n, width] between tokens and one number.
class TokenNetwork : public nn::Module {
 public:
  Var forward(nn::Context& ctx, Var x) const override {
    const Var tokens = reshape(x, {x.size(0), options_.bits / options_.group, options_.group});
    return head_(ctx, pooled(ctx, embed_(ctx, tokens) + ctx[positions_]));
  }

 protected:
  TokenNetwork(const CubeNetworkOptions& o, philox::Key key)
      : options_(o),
        embed_(o.group, o.width, philox::child(key, 0), {.bias = false}),
        positions_(parameter("positions", nn::normal_init({o.bits / o.group, o.width}, 0, 1,
                                                          philox::child(key, 1), DType::f32))),
        head_(o.width, 1, philox::child(key, 2)) {
    child("embed", embed_);
    child("head", head_);
  }
  virtual Var pooled(nn::Context& ctx, const Var& tokens) const = 0;

 private:
  CubeNetworkOptions options_;
  nn::Linear embed_;
  nn::Handle positions_;
  nn::Linear head_;
};

class AttentionNetwork final : public TokenNetwork {
 public:
  AttentionNetwork(const CubeNetworkOptions& o, nn::AttentionScore score, philox::Key key)
      : TokenNetwork(o, key),
        layer_(o.width, 1, philox::child(key, 3),
               {.dim_feedforward = 2 * o.width,
                .dropout = 0,
                .batch_first = true,
                .norm_first = true,
                .attention = {.score = score}}) {
    child("layer", layer_);
  }

 private:
  Var pooled(nn::Context& ctx, const Var& tokens) const override {
    return mean(layer_(ctx, tokens), {1});
  }
  nn::TransformerEncoderLayer layer_;
};

class LstmNetwork final : public TokenNetwork {
 public:
  LstmNetwork(const CubeNetworkOptions& o, philox::Key key)
      : TokenNetwork(o, key),
        lstm_(o.width, o.width, philox::child(key, 3), {.batch_first = true}) {
    child("lstm", lstm_);
  }

 private:
  Var pooled(nn::Context& ctx, const Var& tokens) const override {
    return select(lstm_.run(ctx, {.x = tokens}).state.h, 0, 0);
  }
  nn::Lstm lstm_;
};

}  // namespace

const std::vector<std::string>& cube_network_names() {
  static const std::vector<std::string> names{"linear-attention", "softmax", "lstm", "mlp"};
  return names;
}

std::unique_ptr<nn::Module> cube_network(const std::string& name, const CubeNetworkOptions& o,
                                         philox::Key key) {
  if (o.group < 1 || o.bits < 1 || o.bits % o.group != 0)
    fail(ErrorCode::value, "cube_network", "tokens of {} bits do not make up {} bits", o.group,
         o.bits);
  if (name == "linear-attention")
    return std::make_unique<AttentionNetwork>(o, nn::AttentionScore::linear, key);
  if (name == "softmax")
    return std::make_unique<AttentionNetwork>(o, nn::AttentionScore::softmax, key);
  if (name == "lstm") return std::make_unique<LstmNetwork>(o, key);
  if (name == "mlp")
    return std::make_unique<nn::Mlp>(std::vector<std::int64_t>{o.bits, o.width, o.width, 1}, key,
                                     nn::MlpOptions{.activation = rectified});
  fail(ErrorCode::names, "cube_network", "there is no network '{}'", name);
}

}  // namespace sonde::experiments
