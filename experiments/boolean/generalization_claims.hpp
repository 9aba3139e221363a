/// @file
/// What boolean_generalization judges, and the numbers of its report.
#pragma once

#include <functional>

#include "experiments/boolean/generalization.hpp"
#include "experiments/common/results.hpp"

namespace sonde::experiments {

/// The bounds of the criteria.
struct GeneralizationCriterion {
  double share = 0.95;       ///< of pairs in which the function learnt is less sensitive
  double chance = 0.5;       ///< the share of pairs that are alike
  double gap = 0.4;          ///< by how much, in the mean
  double correlation = 0.3;  ///< of sensitivity and sharpness, by ranks
};

/// Claims on parts of `sizes`, and on fits. Units are functions (seeds): values are averaged over
/// the subsets of a function before Student's t.
std::vector<Claim> generalization_claims(const Generalization& g,
                                         const std::vector<std::int64_t>& sizes,
                                         const GeneralizationCriterion& criterion = {});

/// One number of a fit.
using FitNumber = std::function<double(const Fit& f)>;
/// Spearman's correlation of a function's sensitivity with the mean over its kept fits, over the
/// functions of one kind, or of all kinds if `kind` is empty. The interval is a jackknife's over
/// seeds, as the functions of a seed share values, of Fisher's z = artanh(rho). Nothing where the
/// functions are fewer than three in all or at all seeds but one.
std::optional<Estimate> rank_association(const Generalization& g, const FitNumber& number,
                                         const std::string& kind = "");
/// Over seeds, the mean over parts of what a number of the completion's fits exceeds that of the
/// fits to the function learnt by; parts of which both have kept fits.
std::optional<Estimate> excess(const Generalization& g, const FitNumber& number);

/// A network a row, those that were shown a part first.
Table table_of(const Generalization& g);
/// Means that have no criterion, among them everything with the other kind of sharpness.
std::vector<Metric> generalization_metrics(const Generalization& g,
                                           const std::vector<std::int64_t>& sizes);
std::vector<CaptionedFigure> generalization_figures(const Generalization& g,
                                                    const std::vector<std::int64_t>& sizes);
/// "64 shown: none of 10; 128 shown: 1 of 10" of networks that do not fit the part they were shown.
std::string unfitted_text(const Generalization& g, const std::vector<std::int64_t>& sizes);
/// The same of fits above the authors' loss, by kind and size.
std::string discarded_text(const Generalization& g, const std::vector<std::int64_t>& sizes);

}  // namespace sonde::experiments
