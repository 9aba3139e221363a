/// @file
/// Norm of the parameters against blow-up of the norms, at random settings of the training: what
/// boolean_tradeoff judges.
#pragma once

#include <map>
#include <optional>

#include "analysis/statistics.hpp"
#include "experiments/boolean/study.hpp"

namespace sonde::experiments {

/// The ends of a range as an option has them; Error(usage) unless they are two, in order.
Interval range_of(const std::string& option, const std::vector<double>& ends);
/// The same case with a learning rate and a weight decay that are uniform in their ranges, from a
/// stream of the case: they follow from target, length and seed.
BitCase with_random_settings(BitCase c, Interval lr, Interval weight_decay);

/// What the criteria compare, and how.
struct TradeoffCriterion {
  std::int64_t compared_at = 9;  ///< bits
  /// Log blow-up and norm are counted in standard deviations of all kept runs of that length, so
  /// that both weigh the same. If false, the former is taken as it is.
  bool blowup_in_deviations = true;
  const BitQuantity* blowup = &quantities::log_blowup;
};

/// The sum of log blow-up and standardised norm of each kept run of that length, by target.
std::map<std::string, Sample> costs(const TrainedRuns& runs, const TradeoffCriterion& c = {});
/// By how much parity's costs lie above another target's; nothing unless both have a kept run.
std::optional<Estimate> cost_shift(const TrainedRuns& runs, const std::string& other,
                                   const TradeoffCriterion& c = {});
/// One claim for each other target, and that all hold.
std::vector<Claim> tradeoff_claims(const TrainedRuns& runs, const TradeoffCriterion& c = {});

/// Spearman's correlation of log blow-up and norm by target and length, and the comparisons of the
/// claims in the other ways to count.
std::vector<Metric> tradeoff_metrics(const TrainedRuns& runs, const TradeoffCriterion& c = {});
/// Medians and p-values, a sentence a target.
std::vector<std::string> tradeoff_notes(const TrainedRuns& runs, const TradeoffCriterion& c = {});
/// Log blow-up by norm: a figure a length with a colour for each target, a figure a target with a
/// tone for each length; and the mean squared blow-up by what bounds it from below.
std::vector<CaptionedFigure> tradeoff_figures(const TrainedRuns& runs,
                                              const TradeoffCriterion& c = {});

}  // namespace sonde::experiments
