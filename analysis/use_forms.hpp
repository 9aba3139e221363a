/// @file
/// Inner products of derivatives that are known by their two factors (parameter_uses.hpp): from
/// Gram matrices of the factors, or from the derivatives, whichever is less work. After Novak,
/// Sohl-Dickstein, Schoenholz, "Fast finite width neural tangent kernel", 2022, and, for one sample
/// with itself, Goodfellow, "Efficient per-example gradient computations", 2015.
#pragma once

#include "analysis/parameter_uses.hpp"

namespace sonde {

/// What passing once over an element of memory costs, in operations of a product of matrices: what
/// two cores do while memory gives them 8 bytes.
inline constexpr double memory_pass = 40;

/// A kernel between n and m items with `outputs` outputs. `trace`: only the sum over equal outputs.
struct KernelSize {
  double n = 0, m = 0, outputs = 1;
  bool trace = false;
};
/// Operations (a multiplication and an addition are two) and passes over memory as operations.
double gram_flops(const Use& use, const KernelSize& size);
double gradient_flops(const Use& use, const KernelSize& size);

/// The derivatives themselves, [n, outputs, elements], in an order of the elements that depends on
/// the use alone.
Tensor gradients(const Use& use, const Factors& f);

/// Sum over the weight's elements of d output a of item n times d output b of item m, from Gram
/// matrices: [n outputs, m outputs], or [n, m] with `trace`.
Tensor gram_kernel(const Use& use, const Factors& f1, const Factors& f2, bool trace);

/// [n], the squared norm of each item's derivative; one output.
Tensor squared_norms(const Use& use, const Factors& f);

}  // namespace sonde
