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

Point attention_point(const AttentionLayer& layer) {
  if (!layer.w_k) return Point::of({"W_QK", "W_V"}, {layer.w_q, layer.w_v});
  return Point::of({"W_Q", "W_K", "W_V"}, {layer.w_q, layer.w_k, layer.w_v});
}

double score_scale(const AttentionLayer& layer) {
  return scale_of(attention_point(layer).values, layer.options);
}

Var causal_mask(std::int64_t length, Device device) {
  const Var position = arange(length, device);
  return unsqueeze(position, 0) <= unsqueeze(position, 1);
}

Var attention_matrix(const Var& x, const Vars& weights, const AttentionOptions& options) {
  const Var queries = matmul(x, weights[0]);
  const Var keys = weights.size() == 3 ? matmul(x, weights[1]) : x;
  const Var scores = matmul(queries, keys, {.b = true}) * scale_of(weights, options);
  nn::AttentionMask mask;
  if (options.causal) mask.seen = causal_mask(x.size(0), x.device());
  return nn::attention_weights(scores, mask, options.score);
}

Var attention_output(const Var& x, const Vars& weights, const AttentionOptions& options) {
  return matmul(attention_matrix(x, weights, options), matmul(x, weights.back()));
}

Tensor attention_output(const AttentionLayer& layer) {
  check(layer);
  return attention_output(layer.x, attention_point(layer).values, layer.options).tensor();
}

RowLoss row_loss(const Likelihood& loss, const Tensor& output) {
  // Rows have Hessians of their own, so the product with the c-th unit vector in all rows at once
  // gives the c-th column of each.
  const std::int64_t width = output.size(1);
  const Var units = unsqueeze(Tensor::eye(width, DType::f64, output.device()), 1);  // [v, 1, v]
  const Var columns =
      loss.hessian_product(output, broadcast_to(units, {width, output.size(0), width}));
  return {loss.gradient(output).tensor(), permute(columns, {1, 2, 0}).tensor()};
}

}  // namespace sonde
