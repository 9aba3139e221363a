#include "experiments/hessian/small_transformer.hpp"

#include <fmt/format.h>

#include <cmath>

#include "analysis/attention_layer.hpp"
#include "autograd/ops.hpp"
#include "nn/init.hpp"
#include "nn/norm.hpp"

namespace sonde::experiments {
namespace {

constexpr double norm_eps = 1e-5;

// Weights in the order in which a layer asks for them, each of a key of its own.
class Weights {
 public:
  Weights(std::int64_t width, philox::Key key)
      : std_(0.8 / std::sqrt(static_cast<double>(width))), key_(key) {}
  Tensor operator()(const Dims& shape) { return normal(shape, std_); }
  Tensor normal(const Dims& shape, double std) {
    return nn::normal_init(shape, 0, std, philox::child(key_, next_++), DType::f64);
  }

 private:
  double std_;
  philox::Key key_;
  std::uint64_t next_ = 0;
};

Tensor zeros(std::int64_t n) {
  return Tensor::zeros({n}, DType::f64);
}

}  // namespace

class SmallTransformer::Norm final : public nn::Module {
 public:
  explicit Norm(std::int64_t width)
      : width_(width),
        w_(parameter("w", Tensor::ones({width}, DType::f64))),
        b_(parameter("b", zeros(width))) {}
  Var forward(nn::Context& ctx, Var x) const override {
    return layer_norm(x, {width_}, ctx[w_], ctx[b_], norm_eps);
  }

 private:
  std::int64_t width_;
  nn::Handle w_, b_;
};

class SmallTransformer::Attention final : public nn::Module {
 public:
  Attention(const SmallTransformerOptions& o, Weights& weights)
      : score_(o.score),
        heads_(o.heads),
        scale_(1 / o.temperature),
        q_(parameter(o.single_matrix ? "W_QK" : "W_Q", weights({o.width, o.width}))),
        k_(o.single_matrix ? nn::Handle() : parameter("W_K", weights({o.width, o.width}))),
        v_(parameter("W_V", weights({o.width, o.width}))),
        o_(parameter("W_O", weights({o.width, o.width}))) {
    if (k_) scale_ /= std::sqrt(static_cast<double>(o.width / o.heads));
  }
  Var forward(nn::Context& ctx, Var x) const override {
    const Var q = split(matmul(x, ctx[q_])), k = k_ ? split(matmul(x, ctx[k_])) : x,
              v = split(matmul(x, ctx[v_]));
    const Var a =
        nn::attention_weights(matmul(q, k, {.b = true}) * scale_,
                              {.seen = causal_mask(x.size(-2), x.device()), .bias = {}}, score_);
    return matmul(joined(matmul(a, v)), ctx[o_]);
  }

 private:
  // [n, T, width] to [n, heads, T, width / heads], and back. One head has no axis.
  Var split(const Var& x) const {
    if (heads_ == 1) return x;
    return transpose(reshape(x, {x.size(0), x.size(1), heads_, x.size(2) / heads_}), 1, 2);
  }
  Var joined(const Var& x) const {
    if (heads_ == 1) return x;
    return reshape(transpose(x, 1, 2), {x.size(0), x.size(2), heads_ * x.size(3)});
  }

  nn::AttentionScore score_;
  std::int64_t heads_;
  double scale_;
  nn::Handle q_, k_, v_, o_;  // without k_, q_ is the single matrix
};

class SmallTransformer::Mlp final : public nn::Module {
 public:
  Mlp(std::int64_t width, Weights& weights)
      : in_(parameter("W_in", weights({width, 4 * width}))),
        b_in_(parameter("b_in", zeros(4 * width))),
        out_(parameter("W_out", weights({4 * width, width}))),
        b_out_(parameter("b_out", zeros(width))) {}
  Var forward(nn::Context& ctx, Var x) const override {
    return matmul(relu(matmul(x, ctx[in_]) + ctx[b_in_]), ctx[out_]) + ctx[b_out_];
  }

 private:
  nn::Handle in_, b_in_, out_, b_out_;
};

class SmallTransformer::Layer final : public nn::Module {
 public:
  Layer(const SmallTransformerOptions& o, Weights& weights)
      : residual_(o.residual), place_(o.norm), attention_(o, weights) {
    child("attn", attention_);
    if (o.mlp) {
      mlp_ = std::make_unique<Mlp>(o.width, weights);
      child("mlp", *mlp_);
    }
    if (o.norm == NormPlace::none) return;
    ln1_ = std::make_unique<Norm>(o.width);
    child("ln1", *ln1_);
    if (!o.mlp) return;
    ln2_ = std::make_unique<Norm>(o.width);
    child("ln2", *ln2_);
  }
  Var forward(nn::Context& ctx, Var x) const override {
    x = joined(ctx, x, residual_, attention_, ln1_);
    return mlp_ ? joined(ctx, x, 1, *mlp_, ln2_) : x;
  }

 private:
  // A branch and what passes it by, with the norm in front of the branch or behind the sum.
  Var joined(nn::Context& ctx, const Var& x, double factor, const nn::Module& branch,
             const std::unique_ptr<Norm>& norm) const {
    const Var inside = branch(ctx, place_ == NormPlace::pre ? (*norm)(ctx, x) : x);
    const Var sum = factor == 1 ? x + inside : x * factor + inside;
    return place_ == NormPlace::post ? (*norm)(ctx, sum) : sum;
  }

  double residual_;
  NormPlace place_;
  Attention attention_;
  std::unique_ptr<Mlp> mlp_;
  std::unique_ptr<Norm> ln1_, ln2_;
};

class SmallTransformer::Embed final : public nn::Module {
 public:
  explicit Embed(Tensor table) : w_(parameter("W_E", std::move(table))) {}
  Var forward(nn::Context& ctx, Var tokens) const override { return embedding(tokens, ctx[w_]); }

 private:
  nn::Handle w_;
};

class SmallTransformer::PosEmbed final : public nn::Module {
 public:
  explicit PosEmbed(Tensor table) : w_(parameter("W_pos", std::move(table))) {}
  Var forward(nn::Context& ctx, Var x) const override {
    return x + slice(ctx[w_], 0, 0, x.size(1));
  }

 private:
  nn::Handle w_;
};

class SmallTransformer::Unembed final : public nn::Module {
 public:
  Unembed(std::int64_t width, Weights& weights)
      : w_(parameter("W_U", weights({width, addition::vocabulary}))),
        b_(parameter("b_U", zeros(addition::vocabulary))) {}
  Var forward(nn::Context& ctx, Var x) const override { return matmul(x, ctx[w_]) + ctx[b_]; }

 private:
  nn::Handle w_, b_;
};

SmallTransformer::SmallTransformer(const SmallTransformerOptions& o, philox::Key key) {
  if (o.heads < 1 || o.width % o.heads != 0 || (o.single_matrix && o.heads != 1))
    fail(ErrorCode::value, "small transformer", "{} heads of a width of {}{}", o.heads, o.width,
         o.single_matrix ? " with a single matrix" : "");
  Weights weights(o.width, key);
  const auto add = [&](std::string name, std::unique_ptr<nn::Module> part) {
    child(std::move(name), *parts_.emplace_back(std::move(part)));
  };
  add("embed",
      std::make_unique<Embed>(weights.normal({addition::vocabulary, o.width}, o.embedding_std)));
  add("pos_embed",
      std::make_unique<PosEmbed>(weights.normal({addition::length, o.width}, o.embedding_std)));
  for (std::int64_t i = 0; i < o.layers; ++i)
    add(fmt::format("blocks.{}", i), std::make_unique<Layer>(o, weights));
  if (o.norm == NormPlace::pre) add("ln_final", std::make_unique<Norm>(o.width));
  add("unembed", std::make_unique<Unembed>(o.width, weights));
}

Var SmallTransformer::forward(nn::Context& ctx, Var tokens) const {
  if (tokens.rank() != 2 || tokens.size(1) > addition::length)
    fail(ErrorCode::shape, "small transformer", "tokens are [n, T] with T <= {}, these are {}",
         addition::length, tokens.spec());
  Var x = std::move(tokens);
  for (const auto& part : parts_) x = (*part)(ctx, x);
  return x;
}

Var SmallTransformer::answer_logits(nn::Context& ctx, const Var& tokens) const {
  return addition::answer_rows((*this)(ctx, tokens));
}

}  // namespace sonde::experiments
