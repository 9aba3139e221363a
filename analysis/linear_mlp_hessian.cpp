#include "analysis/linear_mlp_hessian.hpp"

#include "autograd/ops.hpp"

namespace sonde {

Tensor dense(const KroneckerProduct& p) {
  const std::int64_t rows = p.left.size(0) * p.right.size(0),
                     columns = p.left.size(1) * p.right.size(1);
  return reshape(einsum("ab,cd->acbd", {p.left, p.right}), {rows, columns}).tensor();
}

double frobenius_norm(const KroneckerProduct& p) {
  return norm(p.left).item() * norm(p.right).item();
}

KroneckerProduct linear_mlp_hessian_block(const Tensor& inputs, const Tensors& weights,
                                          std::size_t layer) {
  if (layer >= weights.size())
    fail(ErrorCode::value, "linear mlp", "no layer {} of {}", layer, weights.size());
  Var h = inputs;
  for (std::size_t l = 0; l < layer; ++l) h = matmul(h, weights[l], {.b = true});
  Var u = Tensor::eye(weights[layer].size(0), inputs.dtype(), inputs.device());
  for (std::size_t l = layer + 1; l < weights.size(); ++l) u = matmul(weights[l], u);
  return {(matmul(u, u, {.a = true}) * 2.0).tensor(), matmul(h, h, {.a = true}).tensor()};
}

}  // namespace sonde
