#include "analysis/similarity.hpp"

#include <cmath>

#include "autograd/ops.hpp"

namespace sonde {
namespace {

Var centred(const Tensor& x) {
  const Var v = to(x, DType::f64);
  return v - mean(v, {0}, true);
}

// tr(K L) for K = X X' and L = Y Y'.
double gram_product(const Var& x, const Var& y) {
  if (x.size(0) * x.size(0) <= x.size(1) * y.size(1))
    return sum(mul(matmul(x, x, {.b = true}), matmul(y, y, {.b = true}))).item();
  return sum(square(matmul(x, y, {.a = true}))).item();
}

// n (n - 3) HSIC_1 of centred x and y: with K and L without their diagonals k and l,
//   tr(K L) + 1'K1 1'L1 / ((n - 1)(n - 2)) - 2 1'K L1 / (n - 2).
// The rows of K with its diagonal sum to zero, so that K1 = -k.
double unbiased(const Var& x, const Var& y) {
  const auto n = static_cast<double>(x.size(0));
  const Var k = sum(square(x), {1}), l = sum(square(y), {1});
  const double diagonals = sum(mul(k, l)).item();
  return gram_product(x, y) - diagonals + sum(k).item() * sum(l).item() / ((n - 1) * (n - 2)) -
         2 * diagonals / (n - 2);
}

}  // namespace

double linear_cka(const Tensor& x, const Tensor& y, CkaForm form) {
  const std::int64_t least = form == CkaForm::debiased ? 4 : 2;
  if (x.rank() != 2 || y.rank() != 2 || x.size(0) != y.size(0) || x.size(0) < least)
    fail_hint(ErrorCode::shape, "linear_cka", "reshape({n, -1})",
              "{} and {} are no features of the same {} inputs or more", x.spec(), y.spec(), least);
  const Var a = centred(x), b = centred(y);
  auto hsic = form == CkaForm::debiased ? unbiased : gram_product;
  const double aa = hsic(a, a), bb = hsic(b, b);
  if (!(aa > 0 && bb > 0))
    fail(ErrorCode::numeric, "linear_cka", "HSIC of one with itself is {} and {}: no variation", aa,
         bb);
  return hsic(a, b) / std::sqrt(aa) / std::sqrt(bb);
}

}  // namespace sonde
