#include "analysis/leave_one_out.hpp"

#include <algorithm>

#include "autograd/ops.hpp"

namespace sonde {

LeaveOneOut leave_one_out(const LinearMap& map, std::int64_t k, Probe probe, const Sampling& o) {
  LeaveOneOut out;
  out.tests = random_rows(philox::child(o.key, 0), 0, k, map.domain(), probe);
  const Tensor products = products_with(map, out.tests, o.batch);
  out.rounding = rounding_of(out.tests, products);
  out.negligible = 10 * epsilon_of(products.dtype()) * std::ranges::max(row_norms(products));
  const Orthonormalised q = orthonormalised(products, k, out.negligible, philox::child(o.key, 1));
  out.basis = q.rows;
  out.whole_range = q.random > 0;
  if (out.whole_range) return out;
  // A w_i is row i of the factor in terms of Q. Column i of the inverse is orthogonal to every
  // other row, and has the product 1 with row i.
  const Var inverse = triangular_solve(q.factor, Tensor::eye(k, DType::f64)),
            lengths = norm(inverse, 2, {0}, true);
  out.directions = (inverse / lengths).tensor();
  out.along = (1.0 / lengths).tensor();
  return out;
}

}  // namespace sonde
