#include "analysis/kernel.hpp"

#include <cmath>

#include "autograd/ops.hpp"

namespace sonde {
namespace {

// Eigenvalues below this share of the greatest are rounding.
double negligible(DType dtype) {
  return dtype == DType::f64 ? 1e-13 : 1e-6;
}

double inner(const Tensor& a, const Tensor& b) {
  return sum(Var(a) * Var(b)).tensor().to(DType::f64).item();
}

void check_square(const Tensor& kernel, std::string_view op) {
  if (kernel.rank() != 2 || kernel.size(0) != kernel.size(1) || kernel.size(0) < 1)
    fail_hint(ErrorCode::shape, op, "a kernel of several outputs becomes [n outputs, n outputs]",
              "a kernel is [n, n], this is {}", kernel.spec());
}

// [n] as [n, 1].
Tensor columns(const Tensor& t, std::int64_t n, std::string_view op) {
  if (t.rank() < 1 || t.rank() > 2 || t.size(0) != n)
    fail(ErrorCode::shape, op, "values for {} inputs are [{}] or [{}, outputs], these are {}", n, n,
         n, t.spec());
  return t.rank() == 1 ? t.unsqueeze(1) : t;
}

Tensor like(const Tensor& result, const Tensor& given) {
  return given.rank() == 1 ? result.squeeze(1) : result;
}

// f of each eigenvalue, which is no less than 0.
template <class F>
Tensor mapped(const Tensor& values, F f) {
  std::vector<double> v = values.to_vector<double>();
  const double least = v.front() * negligible(values.dtype());
  for (double& x : v) x = f(x > least ? x : 0.0);
  return Tensor::from<double>(v, values.shape()).to(values.dtype()).to(values.device());
}

Tensor product(const Tensor& a, const Tensor& b, Transposed stored = {}) {
  return matmul(Var(a), Var(b), stored).tensor();
}

}  // namespace

Tensor gram(const Tensor& f1, const Tensor& f2) {
  if (f1.rank() < 2 || f2.rank() != f1.rank() || f1.size(0) < 1 || f2.size(0) < 1 ||
      f1.numel() / f1.size(0) != f2.numel() / f2.size(0))
    fail(ErrorCode::shape, "gram", "features are [n, ...] and [m, ...], these are {} and {}",
         f1.spec(), f2.spec());
  const std::int64_t size = f1.numel() / f1.size(0);
  return product(f1.reshape({f1.size(0), size}), f2.reshape({f2.size(0), size}), {.b = true});
}

Tensor kernel_matrix(const Tensor& kernel) {
  if (kernel.rank() == 2) return kernel;
  if (kernel.rank() != 4)
    fail(ErrorCode::shape, "kernel_matrix", "a kernel is [n, m] or [n, m, a, b], this is {}",
         kernel.spec());
  return kernel.permute({0, 2, 1, 3})
      .reshape({kernel.size(0) * kernel.size(2), kernel.size(1) * kernel.size(3)});
}

double kernel_drift(const Tensor& k0, const Tensor& k) {
  check_square(k0, "kernel_drift");
  if (k0.shape() != k.shape())
    fail(ErrorCode::shape, "kernel_drift", "kernels {} and {}", k0.shape(), k.shape());
  const double size = inner(k0, k0);
  if (!(size > 0)) fail(ErrorCode::value, "kernel_drift", "the kernel at the start is zero");
  const Tensor moved = (Var(k) - Var(k0)).tensor();
  return std::sqrt(inner(moved, moved) / size);
}

double kernel_alignment(const Tensor& k1, const Tensor& k2) {
  check_square(k1, "kernel_alignment");
  if (k1.shape() != k2.shape())
    fail(ErrorCode::shape, "kernel_alignment", "kernels {} and {}", k1.shape(), k2.shape());
  const double norms = inner(k1, k1) * inner(k2, k2);
  if (!(norms > 0)) fail(ErrorCode::value, "kernel_alignment", "a kernel is zero");
  return inner(k1, k2) / std::sqrt(norms);
}

double label_alignment(const Tensor& kernel, const Tensor& targets) {
  check_square(kernel, "label_alignment");
  const Tensor y = columns(targets, kernel.size(0), "label_alignment").to(kernel.dtype());
  return kernel_alignment(kernel, product(y, y, {.b = true}));
}

KernelSpectrum kernel_spectrum(const Tensor& kernel) {
  check_square(kernel, "kernel_spectrum");
  const Var asymmetry = amax(abs(Var(kernel) - transpose(kernel))), size = amax(abs(Var(kernel)));
  if (!(asymmetry.tensor().item() <= 1e3 * negligible(kernel.dtype()) * size.tensor().item()))
    fail(ErrorCode::value, "kernel_spectrum",
         "the kernel is not symmetric: K - K' has an element {}", asymmetry.tensor().item());
  const Eigh e = eigh(kernel);
  return {flip(e.values, {0}).tensor().contiguous(), flip(e.vectors, {1}).tensor().contiguous()};
}

Tensor cumulative_power(const KernelSpectrum& s, const Tensor& targets) {
  const Tensor y = columns(targets, s.values.numel(), "cumulative_power").to(s.values.dtype());
  const Var in_basis = product(s.vectors, y, {.a = true});
  const Tensor power = sum(in_basis * in_basis, {1}).tensor();
  const double total = inner(y, y);
  if (!(total > 0)) fail(ErrorCode::value, "cumulative_power", "the targets are zero");
  return (cumsum(power, 0) / total).tensor();
}

KernelRegression::KernelRegression(const Tensor& kernel, const Tensor& targets, double ridge) {
  check_square(kernel, "kernel regression");
  if (!(ridge >= 0)) fail(ErrorCode::value, "kernel regression", "a ridge of {}", ridge);
  const Tensor y = columns(targets, kernel.size(0), "kernel regression").to(kernel.dtype());
  try {
    const Var unit = Tensor::eye(kernel.size(0), kernel.dtype(), kernel.device());
    const Var l = cholesky(Var(kernel) + ridge * unit);
    const Var half = triangular_solve(l, y);
    coefficients_ = like(triangular_solve(l, half, {.transposed = true}).tensor(), targets);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::numeric) throw;
    fail_hint(ErrorCode::numeric, "kernel regression", "give a (greater) ridge",
              "the kernel with a ridge of {} is not positive definite", ridge);
  }
}

Tensor KernelRegression::predict(const Tensor& kernel_with_train) const {
  if (kernel_with_train.rank() != 2 || kernel_with_train.size(1) != coefficients_.size(0))
    fail(ErrorCode::shape, "kernel regression", "kernel values are [m, {}], these are {}",
         coefficients_.size(0), kernel_with_train.spec());
  return product(kernel_with_train, coefficients_);
}

GradientFlow::GradientFlow(const Tensor& kernel, const Tensor& targets, const Tensor& initial)
    : spectrum_(kernel_spectrum(kernel)), initial_(initial) {
  if (initial.shape() != targets.shape())
    fail(ErrorCode::shape, "gradient flow", "targets {} and outputs {}", targets.shape(),
         initial.shape());
  const Tensor y = columns(targets, kernel.size(0), "gradient flow").to(kernel.dtype()),
               f = columns(initial, kernel.size(0), "gradient flow").to(kernel.dtype());
  residual_ = product(spectrum_.vectors, (Var(y) - Var(f)).tensor(), {.a = true});
}

Tensor GradientFlow::train(double t) const {
  if (!(t >= 0)) fail(ErrorCode::value, "gradient flow", "at time {}", t);
  const Tensor learnt =
      mapped(spectrum_.values, [t](double x) { return x > 0 ? -std::expm1(-x * t) : 0.0; });
  const Tensor moved = product(spectrum_.vectors, (Var(learnt.unsqueeze(1)) * residual_).tensor());
  return (Var(initial_) + like(moved, initial_)).tensor();
}

Tensor GradientFlow::predict(const Tensor& kernel_with_train, const Tensor& initial,
                             double t) const {
  if (!(t >= 0)) fail(ErrorCode::value, "gradient flow", "at time {}", t);
  if (kernel_with_train.rank() != 2 || kernel_with_train.size(1) != residual_.size(0))
    fail(ErrorCode::shape, "gradient flow", "kernel values are [m, {}], these are {}",
         residual_.size(0), kernel_with_train.spec());
  // Directions without an eigenvalue count for nothing: K(x, X) has no part in them either.
  const Tensor gain =
      mapped(spectrum_.values, [t](double x) { return x > 0 ? -std::expm1(-x * t) / x : 0.0; });
  const Tensor coefficients =
      product(spectrum_.vectors, (Var(gain.unsqueeze(1)) * residual_).tensor());
  return (Var(initial) + like(product(kernel_with_train, coefficients), initial)).tensor();
}

}  // namespace sonde
