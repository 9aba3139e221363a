// The terms, and the matrices put together from the blocks.
#include "analysis/attention_hessian.hpp"

#include "autograd/ops.hpp"

namespace sonde {
namespace {

constexpr const char* who = "attention hessian";

void check_loss(const AttentionLayer& layer, const RowLoss& loss) {
  const std::int64_t length = layer.x.size(0), v = layer.w_v.size(1);
  if (loss.gradient.shape() != Dims{length, v} || loss.hessian.shape() != Dims{length, v, v})
    fail(ErrorCode::shape, who,
         "the loss has derivatives {} and {}; an output [{},{}] has {} and {}",
         loss.gradient.shape(), loss.hessian.shape(), length, v, Dims{length, v},
         Dims{length, v, v});
}

using BlockFunction = Tensor (*)(const AttentionHessianTerms&);
struct BlockFunctions {
  BlockFunction qq, qk, kk, vq, vk, vv;
};

// `block` at rows and columns of two different blocks, and its transpose across the diagonal.
void put(Tensor& matrix, const Block& rows, const Block& columns, const Tensor& block) {
  const auto at = [&](const Block& r, const Block& c) {
    return matrix.slice(0, r.begin, r.begin + r.size).slice(1, c.begin, c.begin + c.size);
  };
  at(rows, columns).copy_from(block);
  at(columns, rows).copy_from(block.transpose(0, 1));
}

// A block on the diagonal: its symmetric part, so that rounding leaves the matrix symmetric.
void put(Tensor& matrix, const Block& b, const Tensor& block) {
  put(matrix, b, b, ((Var(block) + transpose(block)) * 0.5).tensor());
}

Tensor assembled(const AttentionHessianTerms& t, const BlockFunctions& f) {
  Tensor h = Tensor::empty({t.space.size(), t.space.size()}, DType::f64, t.space.device());
  const auto& blocks = t.space.blocks();
  const Block &q = blocks.front(), &v = blocks.back();
  put(h, q, f.qq(t));
  put(h, v, f.vv(t));
  put(h, v, q, f.vq(t));
  if (blocks.size() == 2) return h;
  const Block& k = blocks[1];
  put(h, k, f.kk(t));
  put(h, q, k, f.qk(t));
  put(h, v, k, f.vk(t));
  return h;
}

}  // namespace

AttentionTerms attention_terms(const AttentionLayer& layer) {
  AttentionMoments moments = attention_moments(layer);
  const Tensor key =
      layer.w_k ? layer.w_k : Tensor::eye(layer.x.size(1), DType::f64, layer.x.device());
  const Var value_covariance = matmul(transpose(layer.w_v), moments.covariance);
  return {attention_point(layer).space,
          score_scale(layer),
          layer.x,
          matmul(layer.x, layer.w_q).tensor(),
          key,
          layer.w_v,
          std::move(moments),
          value_covariance.tensor()};
}

AttentionHessianTerms attention_hessian_terms(const AttentionLayer& layer, const RowLoss& loss) {
  check(layer);
  check_loss(layer, loss);
  const AttentionTerms t = attention_terms(layer);
  const Var loss_covariance = matmul(loss.hessian, t.value_covariance);
  const Var outer = matmul(t.value_covariance, loss_covariance, {.a = true});
  const Tensor s = matmul(loss.gradient, t.value, {.b = true}).tensor();
  return {t,
          loss,
          loss_covariance.tensor(),
          outer.tensor(),
          einsum("ipq,iq->ip", {t.moments.covariance, s}).tensor(),
          contracted_third_moments(layer, t.moments, s)};
}

Tensor attention_jacobian(const AttentionTerms& t) {
  const bool two = t.space.blocks().size() == 3;
  Vars blocks{jacobian_q(t)};
  if (two) blocks.push_back(jacobian_k(t));
  blocks.push_back(jacobian_v(t));
  return concat(blocks, 1).tensor();
}

Tensor outer_product_hessian(const AttentionHessianTerms& t) {
  return assembled(t, {outer_product_qq, outer_product_qk, outer_product_kk, outer_product_vq,
                       outer_product_vk, outer_product_vv});
}

Tensor functional_hessian(const AttentionHessianTerms& t) {
  return assembled(t, {functional_qq, functional_qk, functional_kk, functional_vq, functional_vk,
                       functional_vv});
}

HessianParts attention_hessian(const AttentionLayer& layer, const Likelihood& loss) {
  const AttentionHessianTerms t =
      attention_hessian_terms(layer, row_loss(loss, attention_output(layer)));
  const Tensor outer = outer_product_hessian(t), functional = functional_hessian(t);
  const auto map = [&](const Var& matrix) { return matrix_map(matrix.tensor(), t.space, t.space); };
  return {map(outer + Var(functional)), map(outer), map(functional)};
}

}  // namespace sonde
