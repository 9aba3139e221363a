/// @file
/// What a positive semi-definite kernel over data says: alignment with labels, regression, and how
/// a network with this (constant) tangent kernel is trained by gradient flow.
#pragma once

#include "tensor/tensor.hpp"

namespace sonde {

/// Features' inner products: [n, m] of features [n, ...] and [m, ...]. The conjugate kernel of a
/// network is that of its last hidden layer (Cho and Saul 2009; Daniely, Frostig, Singer 2016).
Tensor gram(const Tensor& features1, const Tensor& features2);

/// A kernel of several outputs, [n, m, a, b] as ntk() gives it, as the matrix [n a, m b] that is an
/// ordinary kernel of n a items; one that is [n, m] as it is. Error(shape) for another rank.
Tensor kernel_matrix(const Tensor& kernel);

/// |K - K0| / |K0| in Frobenius' norm, for kernels [n, n]: how far training moved the tangent
/// kernel. Error(value) if K0 is zero.
double kernel_drift(const Tensor& k0, const Tensor& k);

/// <K1, K2> / (|K1| |K2|) in Frobenius' inner product, for kernels [n, n] (Cristianini et al.
/// 2001). Along training, of a kernel with itself at the start: how far the tangent kernel moved.
/// Error(value) if one of them is zero.
double kernel_alignment(const Tensor& k1, const Tensor& k2);
/// Alignment of K [n, n] with Y Y' for targets Y [n] or [n, outputs].
double label_alignment(const Tensor& kernel, const Tensor& targets);

/// Eigenpairs of a kernel [n, n], greatest first.
struct KernelSpectrum {
  Tensor values;   ///< [n], descending
  Tensor vectors;  ///< [n, n], one per column
};
/// Error(shape) unless the kernel is square, Error(value) unless it is symmetric up to rounding.
KernelSpectrum kernel_spectrum(const Tensor& kernel);
/// The share of the targets' squared norm in the span of the first 1, 2, ... n eigenvectors: how
/// fast it rises is how easy the targets are for the kernel. targets [n] or [n, outputs]; [n].
Tensor cumulative_power(const KernelSpectrum& spectrum, const Tensor& targets);

/// Kernel ridge regression: f(x) = K(x, X) (K + ridge I)^-1 Y.
class KernelRegression {
 public:
  /// kernel [n, n] of the training inputs, targets [n] or [n, outputs], ridge >= 0. Error(numeric)
  /// if the kernel with its ridge is singular: give a ridge.
  KernelRegression(const Tensor& kernel, const Tensor& targets, double ridge = 0);
  /// At inputs whose kernel with the training inputs is [m, n]: [m] or [m, outputs].
  Tensor predict(const Tensor& kernel_with_train) const;

 private:
  Tensor coefficients_;
};

/// Training by gradient flow on the squared error 1/2 sum (f - y)^2 with a constant tangent kernel
/// (Jacot et al. 2018, section 5; Lee et al. 2019): f_t(X) = Y + exp(-K t) (f_0(X) - Y), and
/// elsewhere f_t(x) = f_0(x) + K(x, X) K^-1 (1 - exp(-K t)) (Y - f_0(X)). For the mean over n in
/// the place of the sum, and a learning rate, t is learning rate times time over n. Directions
/// without an eigenvalue do not move, and need no inverse.
class GradientFlow {
 public:
  /// kernel [n, n], targets and the network's outputs before training [n] or [n, outputs].
  GradientFlow(const Tensor& kernel, const Tensor& targets, const Tensor& initial);
  /// Outputs on the training inputs at time t >= 0; infinity is the end.
  Tensor train(double t) const;
  /// Outputs at inputs with these kernel values [m, n] and outputs before training [m] or
  /// [m, outputs].
  Tensor predict(const Tensor& kernel_with_train, const Tensor& initial, double t) const;

 private:
  KernelSpectrum spectrum_;
  Tensor initial_, residual_;  // residual_: what is to learn, in the eigenbasis
};

}  // namespace sonde
