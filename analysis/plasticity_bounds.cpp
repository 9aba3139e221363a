#include "analysis/plasticity_bounds.hpp"

#include <cmath>

#include "analysis/rank.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

constexpr const char* op = "attention_bound";

double spectral_norm_of(const Tensor& matrix) {
  return singular_values(matrix).front();
}

void want_sequences(const char* who, const Tensor& x) {
  if (x.rank() != 3 || x.numel() == 0)
    fail(ErrorCode::shape, who, "{} is not [n, tokens, features]", x.spec());
}

double value(const Var& scalar) {
  return scalar.item();
}

// What a head contributes, by its matrices q, k [head_dim, features], v and out.
double head_bound(const Tensor& a, const Tensor& v, const Tensor& out, double tokens,
                  double radius_squared) {
  const double score = radius_squared * spectral_norm_of(a);
  return spectral_norm_of(out) * spectral_norm_of(v) *
         std::sqrt(3 * tokens + (12 * tokens + 3) * score * score);
}

void check(const AttentionProjections& p, std::int64_t tokens, double radius) {
  for (const Tensor* w : {&p.q, &p.k, &p.v, &p.out})
    if (!*w || w->rank() != 2) fail(ErrorCode::shape, op, "a projection is no matrix");
  const Dims in = p.q.shape();
  if (!(p.k.shape() == in) || !(p.v.shape() == in) || p.out.size(1) != in[0] || p.heads < 1 ||
      in[0] % p.heads != 0 || (p.q_bias && !(p.q_bias.shape() == Dims{in[0]})))
    fail(ErrorCode::shape, op, "q {}, k {}, v {}, out {} do not form {} heads", p.q.spec(),
         p.k.spec(), p.v.spec(), p.out.spec(), p.heads);
  if (tokens < 1 || !(radius >= 0 && std::isfinite(radius)))
    fail(ErrorCode::value, op, "{} tokens of radius {}", tokens, radius);
}

// The tensor of the first of these names; empty if there is none.
Tensor named(const nn::Module& module, std::initializer_list<std::string_view> names) {
  for (const nn::NamedEntry& p : module.named_parameters())
    for (std::string_view name : names)
      if (p.path == name) return p.handle->value.to(DType::f64);
  return {};
}

}  // namespace

double token_radius(const Tensor& x, BoundForm form) {
  want_sequences("token_radius", x);
  const Var squares = sum(square(to(x, DType::f64)), {2});
  return value(form == BoundForm::corrected ? sqrt(amax(squares)) : mean(sqrt(mean(squares, {1}))));
}

double least_deviation(const Tensor& x, double eps) {
  want_sequences("least_deviation", x);
  return std::sqrt(value(amin(var(to(x, DType::f64), {2}, 0))) + eps);
}

double layer_norm_bound(const Tensor& gamma, double deviation, BoundForm form) {
  if (gamma.numel() == 0 || !(deviation > 0))
    fail(ErrorCode::value, "layer_norm_bound", "weight {}, least deviation {}", gamma.spec(),
         deviation);
  const Var g = to(gamma, DType::f64);
  return form == BoundForm::corrected ? value(amax(abs(g))) / deviation : value(amax(g));
}

double linear_bound(const Tensor& weight) {
  return spectral_norm_of(weight);
}

AttentionProjections attention_projections(const nn::Module& attention, std::int64_t heads) {
  AttentionProjections p;
  p.heads = heads;
  p.out = named(attention, {"out_proj.weight", "proj.weight"});
  if (const Tensor packed = named(attention, {"in_proj_weight", "qkv.weight"})) {
    const Vars parts = chunk(packed, 3, 0);
    p.q = parts[0].tensor(), p.k = parts[1].tensor(), p.v = parts[2].tensor();
  } else {
    p.q = named(attention, {"q_proj_weight", "q_proj.weight"});
    p.k = named(attention, {"k_proj_weight", "k_proj.weight"});
    p.v = named(attention, {"v_proj_weight", "v_proj.weight"});
  }
  if (!p.q || !p.k || !p.v || !p.out)
    fail_hint(ErrorCode::names, "attention_projections", "give a MultiHeadAttention",
              "{} has no projections of queries, keys, values and outputs",
              attention.description());
  const Tensor packed_bias = named(attention, {"in_proj_bias", "qkv.bias"});
  p.q_bias = packed_bias ? packed_bias.slice(0, 0, p.q.size(0)) : named(attention, {"q_proj.bias"});
  return p;
}

// In the legacy form a head is a block of columns of W_Q, W_K and W_V.
double attention_bound(const AttentionProjections& p, std::int64_t tokens, double radius,
                       BoundForm form) {
  check(p, tokens, radius);
  const bool legacy = form == BoundForm::legacy;
  const std::int64_t inner = p.q.size(0), size = inner / p.heads;
  if (legacy && p.q.size(1) != inner)
    fail(ErrorCode::shape, op, "the legacy form takes square projections, these are {}",
         p.q.spec());
  const bool biased = p.q_bias && !legacy;
  Var q = to(p.q, DType::f64);
  if (biased) q = concat({q, unsqueeze(to(p.q_bias, DType::f64), 1)}, 1);
  const Var k = to(p.k, DType::f64);
  const double scale = p.scale.value_or(1 / std::sqrt(static_cast<double>(size)));
  const double radius_squared = radius * radius + (biased ? 1 : 0);
  double sum = 0;
  for (std::int64_t begin = 0; begin < inner; begin += size) {
    auto head = [&](const Var& w) { return slice(w, legacy ? 1 : 0, begin, begin + size); };
    const Var a = matmul(head(q), head(k), {.a = !legacy, .b = legacy}) * scale;
    sum += head_bound(a.tensor(), head(p.v).tensor(), p.out.slice(1, begin, begin + size),
                      static_cast<double>(tokens), radius_squared);
  }
  return sum;
}

}  // namespace sonde
