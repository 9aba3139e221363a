#include "analysis/krylov_basis.hpp"

#include <algorithm>

#include "autograd/ops.hpp"

namespace sonde {
namespace {

// The columns of a matrix at these positions.
Tensor columns(const Tensor& matrix, const std::vector<std::int64_t>& at) {
  Tensor out = Tensor::empty({matrix.size(0), static_cast<std::int64_t>(at.size())}, DType::f64);
  for (std::size_t i = 0; i < at.size(); ++i)
    out.select(1, static_cast<std::int64_t>(i)).copy_from(matrix.select(1, at[i]));
  return out;
}

}  // namespace

KrylovBasis::KrylovBasis(const LinearMap& map, std::int64_t capacity, std::int64_t block,
                         double negligible, philox::Key key)
    : map_(map),
      negligible_(negligible),
      key_(key),
      q_(Tensor::empty({capacity, map.domain().size()}, map.domain().dtype(),
                       map.domain().device())),
      h_(Tensor::zeros({capacity, capacity}, DType::f64)) {
  const Tensor start = random_rows(philox::child(key, 0), 0, block, map.domain());
  next_ = orthonormalised(start, block, 0, key).rows;
}

void KrylovBasis::expand() {
  const std::int64_t begin = rows_, size = map_.domain().size();
  rows_ += next_.size(0);
  products_ += next_.size(0);
  q_.slice(0, begin, rows_).copy_from(next_);
  const Tensor product = map_.apply_batch(next_);
  for (const double norm : row_norms(product)) scale_ = std::max(scale_, norm);

  // When Q nears the whole space there is no room for as many directions as before.
  const std::int64_t room = std::min(next_.size(0), size - rows_);
  const philox::Key fresh = philox::child(key_, static_cast<std::uint64_t>(products_));
  const Orthonormalised next = orthonormalised(product, basis(), room, negligible_ * scale_, fresh);
  h_.slice(0, begin, rows_).slice(1, 0, rows_).copy_from(next.components);
  h_.slice(1, begin, rows_).slice(0, 0, rows_).copy_from(next.components.transpose(0, 1));
  next_ = next.rows;
  invariant_ = next.random == room;
  coupling_ = Tensor::zeros({next_.size(0), rows_}, DType::f64);
  coupling_.slice(1, begin, rows_).copy_from(next.factor.transpose(0, 1));
}

RitzPairs KrylovBasis::ritz() const {
  const Eigh e = eigh(h_.slice(0, 0, rows_).slice(1, 0, rows_));
  const Tensor s = e.vectors.tensor();
  const Tensor leaving = matmul(coupling_, s).tensor();  // C s, one per column
  return {e.values.tensor().to_vector<double>(), row_norms(leaving.transpose(0, 1)), s};
}

void KrylovBasis::restart(const RitzPairs& ritz, const std::vector<std::int64_t>& kept) {
  const Tensor kept_vectors = vectors(ritz, kept);
  rows_ = static_cast<std::int64_t>(kept.size());
  q_.slice(0, 0, rows_).copy_from(kept_vectors);
  h_ = Tensor::zeros(h_.shape(), DType::f64);
  for (std::int64_t i = 0; i < rows_; ++i)
    h_.mutable_data<double>()[i * (h_.size(1) + 1)] =
        ritz.values[static_cast<std::size_t>(kept[static_cast<std::size_t>(i)])];
  coupling_ = matmul(coupling_, columns(ritz.coefficients, kept)).tensor();
}

void KrylovBasis::redirect() {
  const philox::Key key = philox::fold_in(key_, static_cast<std::uint64_t>(products_));
  const std::int64_t count = next_.size(0);
  next_ = orthonormalised(random_rows(key, 0, count, map_.domain()), basis(), count, 0, key).rows;
  coupling_ = Tensor::zeros(coupling_.shape(), DType::f64);
  invariant_ = true;
}

Tensor KrylovBasis::vectors(const RitzPairs& ritz, const std::vector<std::int64_t>& at) const {
  const Tensor s = columns(ritz.coefficients, at).to(q_.dtype()).to(q_.device());
  return matmul(s, basis(), {.a = true}).tensor();
}

}  // namespace sonde
