/// @file
/// The trace of a square LinearMap by products with random vectors.
///
/// The three estimators are unbiased and differ in what they do with a map whose spectrum decays:
/// the error of Hutchinson's is |A|_F sqrt(2 / products), that of Hutch++ and XTrace the same of
/// what is left of A when the range of its largest singular values is taken out. Where the spectrum
/// is flat the three are alike.
#pragma once

#include "analysis/rows.hpp"
#include "analysis/sampling.hpp"

namespace sonde {

/// sum_i <e_i, A e_i>, by as many products as the domain has dimensions, `batch` at a time.
double exact_trace(const LinearMap& map, std::int64_t batch = 32);

/// Mean of <z, A z>. Girard 1989; Hutchinson 1990, "A stochastic estimator of the trace of the
/// influence matrix". The variance of a sample is 2 (|S|_F^2 - sum_i S_ii^2) for Rademacher and 2
/// |S|_F^2 for Gaussian vectors, S = (A + A') / 2. Errors: value, shape.
Estimate hutchinson_trace(const LinearMap& map, const Sampling& options = {},
                          Probe probe = Probe::rademacher);

/// tr(Q'AQ) + mean of <g, A g> for g orthogonal to Q, an orthonormal basis of A times a third of
/// the vectors. Meyer, Musco, Musco and Woodruff 2021, "Hutch++: optimal stochastic trace
/// estimation". The error is that of the second part, which is unbiased for any Q. 6 products or
/// more. Errors: value, shape.
Estimate hutch_pp_trace(const LinearMap& map, const Sampling& options = {});

/// Hutch++ in which every random vector plays both parts: it is tested against the basis that the
/// others span. Epperly, Tropp and Webber 2024, "XTrace: making the most of every sample in
/// stochastic trace estimation". 4 products or more. Errors: value, shape.
Estimate xtrace(const LinearMap& map, const Sampling& options = {});

}  // namespace sonde
