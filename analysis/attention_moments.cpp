#include "analysis/attention_moments.hpp"

#include "autograd/ops.hpp"

namespace sonde {
namespace {

bool is_linear(const AttentionLayer& layer) {
  return layer.options.score == nn::AttentionScore::linear;
}

// [L, L, d]: x_j - m_i at [i, j].
Var deviations(const Tensor& x, const Tensor& mean) {
  return unsqueeze(x, 0) - unsqueeze(mean, 1);
}

// [L, d, d]: sum over j of weights[i, j] D[i, j] D[i, j]'.
Tensor weighted_squares(const Var& weights, const Var& d) {
  return einsum("ij,ijp,ijq->ipq", {weights, d, d}).tensor();
}

// What row i of linear attention weighs x_j x_j' with: 1 where it sees j.
Var seen(const Tensor& x, bool causal) {
  const std::int64_t length = x.size(0);
  const Tensor all = Tensor::ones({length, length}, DType::f64, x.device());
  return causal ? where(causal_mask(length, x.device()), all, 0.0) : Var(all);
}

}  // namespace

AttentionMoments attention_moments(const AttentionLayer& layer) {
  check(layer);
  const Tensor &x = layer.x, zero = Tensor::zeros(x.shape(), DType::f64, x.device());
  AttentionMoments m;
  m.weights = attention_matrix(x, attention_point(layer).values, layer.options).tensor();
  m.mean = matmul(m.weights, x).tensor();
  m.covariance = is_linear(layer)
                     ? weighted_squares(seen(x, layer.options.causal), deviations(x, zero))
                     : weighted_squares(m.weights, deviations(x, m.mean));
  return m;
}

Tensor contracted_third_moments(const AttentionLayer& layer, const AttentionMoments& moments,
                                const Tensor& s) {
  if (is_linear(layer))
    return Tensor::zeros(moments.covariance.shape(), DType::f64, layer.x.device());
  const Var d = deviations(layer.x, moments.mean);
  return weighted_squares(moments.weights * einsum("ijp,ip->ij", {d, s}), d);
}

}  // namespace sonde
