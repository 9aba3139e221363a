// The blocks of the Hessian of self-attention, one einsum each: i is the row of the sequence, p and
// r run over d of W_V or W_K, s and r over d of W_Q, a and b over k, b and c over v.
#include "analysis/attention_hessian.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

// [m, n, p, q] as the matrix [m n, p q].
Tensor as_matrix(const Var& block) {
  const Dims& s = block.shape();
  return reshape(block, {s[0] * s[1], s[2] * s[3]}).tensor();
}

// Second derivatives by W_Q and W_K of a function of the w_i = tau W_K W_Q' x_i with the second
// derivatives P_i by w_i: B_i for H_o, G_i for H_f.
Tensor score_qq(const AttentionTerms& t, const Tensor& p) {
  const Var keyed = matmul(transpose(t.key), matmul(p, t.key));
  return as_matrix(einsum("is,ir,iab->sarb", {t.x, t.x, keyed}) * (t.scale * t.scale));
}
Tensor score_kk(const AttentionTerms& t, const Tensor& p) {
  return as_matrix(einsum("ipr,ia,ib->parb", {p, t.queries, t.queries}) * (t.scale * t.scale));
}
Tensor score_qk(const AttentionTerms& t, const Tensor& p) {
  const Var keyed = matmul(transpose(t.key), p);
  return as_matrix(einsum("is,iar,ib->sarb", {t.x, keyed, t.queries}) * (t.scale * t.scale));
}

Tensor identity(std::int64_t n, Device device) {
  return Tensor::eye(n, DType::f64, device);
}

}  // namespace

Tensor jacobian_v(const AttentionTerms& t) {
  return as_matrix(
      einsum("ip,bc->ibpc", {t.moments.mean, identity(t.value.size(1), t.x.device())}));
}
Tensor jacobian_q(const AttentionTerms& t) {
  const Var keyed = matmul(t.value_covariance, t.key);
  return as_matrix(einsum("is,iba->ibsa", {t.x, keyed}) * t.scale);
}
Tensor jacobian_k(const AttentionTerms& t) {
  return as_matrix(einsum("ibp,ia->ibpa", {t.value_covariance, t.queries}) * t.scale);
}

Tensor outer_product_vv(const AttentionHessianTerms& t) {
  const Tensor& m = t.moments.mean;
  return as_matrix(einsum("ip,ir,ibc->pbrc", {m, m, t.loss.hessian}));
}
Tensor outer_product_qq(const AttentionHessianTerms& t) {
  return score_qq(t, t.outer);
}
Tensor outer_product_kk(const AttentionHessianTerms& t) {
  return score_kk(t, t.outer);
}
Tensor outer_product_qk(const AttentionHessianTerms& t) {
  return score_qk(t, t.outer);
}
Tensor outer_product_vq(const AttentionHessianTerms& t) {
  const Var keyed = matmul(t.loss_covariance, t.key);
  return as_matrix(einsum("ip,is,iba->pbsa", {t.moments.mean, t.x, keyed}) * t.scale);
}
Tensor outer_product_vk(const AttentionHessianTerms& t) {
  return as_matrix(einsum("ip,ibr,ia->pbra", {t.moments.mean, t.loss_covariance, t.queries}) *
                   t.scale);
}

Tensor functional_vv(const AttentionHessianTerms& t) {
  return Tensor::zeros({t.value.numel(), t.value.numel()}, DType::f64, t.x.device());
}
Tensor functional_qq(const AttentionHessianTerms& t) {
  return score_qq(t, t.third);
}
Tensor functional_kk(const AttentionHessianTerms& t) {
  return score_kk(t, t.third);
}
Tensor functional_qk(const AttentionHessianTerms& t) {
  const Var product = einsum("is,ir->sr", {t.x, t.covariance_pull});
  const Var of_product = einsum("sr,ab->sarb", {product, identity(t.key.size(1), t.x.device())});
  return (Var(score_qk(t, t.third)) + as_matrix(of_product * t.scale)).tensor();
}
Tensor functional_vq(const AttentionHessianTerms& t) {
  const Var keyed = matmul(t.moments.covariance, t.key);
  return as_matrix(einsum("ib,ipa,is->pbsa", {t.loss.gradient, keyed, t.x}) * t.scale);
}
Tensor functional_vk(const AttentionHessianTerms& t) {
  return as_matrix(einsum("ipr,ib,ia->pbra", {t.moments.covariance, t.loss.gradient, t.queries}) *
                   t.scale);
}

}  // namespace sonde
