#include "analysis/attention_layer.hpp"

#include <cmath>

#include "autograd/ops.hpp"

namespace sonde {
namespace {

constexpr const char* who = "attention layer";

// Three weights are W_Q, W_K, W_V; two are W_QK, W_V.
double scale_of(const Vars& weights, const AttentionOptions& options) {
  const double keys = weights.size() == 3 ? std::sqrt(static_cast<double>(weights[0].size(1))) : 1;
  return 1 / (options.temperature * keys);
}

void check_matrix(const Tensor& t, const char* name, const Dims& shape) {
  if (t.dtype() != DType::f64) fail(ErrorCode::dtype, who, "{} is {}, not f64", name, t.spec());
  if (t.shape() != shape) fail(ErrorCode::shape, who, "{} is {}, not {}", name, t.shape(), shape);
}

}  // namespace

void check(const AttentionLayer& layer) {
  const AttentionOptions& o = layer.options;
  for (const Tensor* t : {&layer.x, &layer.w_q, &layer.w_v})
    if (!*t || t->rank() != 2) fail(ErrorCode::shape, who, "x, w_q and w_v are matrices");
  const std::int64_t d = layer.x.size(1), k = layer.w_k ? layer.w_q.size(1) : d;
  check_matrix(layer.x, "x", {layer.x.size(0), d});
  check_matrix(layer.w_q, layer.w_k ? "w_q" : "w_q without w_k", {d, k});
  if (layer.w_k) check_matrix(layer.w_k, "w_k", {d, k});
  check_matrix(layer.w_v, "w_v", {d, layer.w_v.size(1)});
  if (!(o.temperature > 0)) fail(ErrorCode::value, who, "temperature {} <= 0", o.temperature);
  if (o.score != nn::AttentionScore::softmax && o.score != nn::AttentionScore::linear)
    fail(ErrorCode::value, who, "closed forms are of softmax and linear attention, not of {}",
         nn::to_string(o.score));
}

Space attention_space(const AttentionLayer& layer) {
  if (!layer.w_k) return {{"W_QK", "W_V"}, {layer.w_q.shape(), layer.w_v.shape()}};
  return {{"W_Q", "W_K", "W_V"}, {layer.w_q.shape(), layer.w_k.shape(), layer.w_v.shape()}};
}

Vars attention_weights_of(const AttentionLayer& layer) {
  if (!layer.w_k) return {layer.w_q, layer.w_v};
  return {layer.w_q, layer.w_k, layer.w_v};
}

double score_scale(const AttentionLayer& layer) {
  return scale_of(attention_weights_of(layer), layer.options);
}

Var causal_mask(std::int64_t length) {
  const Var position = Tensor::arange(length);
  return unsqueeze(position, 0) <= unsqueeze(position, 1);
}

Var attention_matrix(const Var& x, const Vars& weights, const AttentionOptions& options) {
  const Var queries = matmul(x, weights[0]);
  const Var keys = weights.size() == 3 ? matmul(x, weights[1]) : x;
  const Var scores = matmul(queries, keys, {.b = true}) * scale_of(weights, options);
  nn::AttentionMask mask;
  if (options.causal) mask.seen = causal_mask(x.size(0));
  return nn::attention_weights(scores, mask, options.score);
}

Var attention_output(const Var& x, const Vars& weights, const AttentionOptions& options) {
  return matmul(attention_matrix(x, weights, options), matmul(x, weights.back()));
}

Tensor attention_output(const AttentionLayer& layer) {
  check(layer);
  return attention_output(layer.x, attention_weights_of(layer), layer.options).tensor();
}

RowLoss squared_error(const Tensor& output, const Tensor& target) {
  const std::int64_t rows = output.size(0), width = output.size(1);
  const double c = 2 / static_cast<double>(output.numel());
  const Var lambda = Var(Tensor::eye(width, DType::f64)) * c;
  return {((Var(output) - target) * c).tensor(),
          broadcast_to(lambda, {rows, width, width}).tensor()};
}

RowLoss row_cross_entropy(const Tensor& output, const Tensor& classes) {
  const auto rows = static_cast<double>(output.size(0));
  const Var p = softmax(output, -1);
  const Var wanted = one_hot(classes, output.size(1), DType::f64);
  const Var lambda = diag_embed(p) - einsum("ib,ic->ibc", {p, p});
  return {((p - wanted) / rows).tensor(), (lambda / rows).tensor()};
}

}  // namespace sonde
