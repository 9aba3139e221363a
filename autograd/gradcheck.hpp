/// @file
/// gradcheck: are the derivatives of a function right? For tests of one's own operations and
/// models.
#pragma once

#include "autograd/transforms.hpp"

namespace sonde {

struct GradcheckOptions {
  int order = 2;            ///< 1: jvp and vjp; 2: also the Hessian in its three mode pairs
  double tolerance = 1e-6;  ///< relative, against finite differences; identities are held to 1e-10
  double step = 1e-4;       ///< of the central difference (Richardson-extrapolated)
  std::uint64_t seed = 0;   ///< of the random directions
};

struct GradcheckResult {
  bool ok = true;
  std::string report;  ///< one line per check: name, error, bound
  explicit operator bool() const { return ok; }
};

/// Compares, along random directions: jvp with central differences, <u, Jv> with <J'u, v>, and at
/// order 2 the products of the Hessian of <u, f> by forward over reverse, reverse over reverse,
/// reverse over forward, and differences of the gradient. Inputs must be f64 (Error(dtype)
/// otherwise: f32 differences mislead) or integers, which are held fixed.
GradcheckResult gradcheck(const Function& f, const Vars& x, const GradcheckOptions& options = {});

}  // namespace sonde
