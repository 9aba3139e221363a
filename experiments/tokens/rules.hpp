/// @file
/// The rules that strings of two cues can be labelled by, and their sensitivity in closed form.
#pragma once

#include <string>
#include <vector>

#include "analysis/sensitivity.hpp"
#include "experiments/common/claim.hpp"
#include "experiments/tokens/data.hpp"

namespace sonde::experiments {

/// Labels a string 1 where it has more tokens of one kind than of another.
struct TokenRule {
  std::string name;
  std::size_t more, than;
  bool operator()(const TokenCounts& counts) const { return counts[more] > counts[than]; }
};
/// The majority of the sparse tokens, of the frequent ones. A tie is 0.
const TokenRule& sparse_rule();
const TokenRule& frequent_rule();

/// The probability that the rule's label of a string with these tokens changes when a position,
/// each equally likely, gets a token drawn from the whole vocabulary.
double rule_sensitivity(const TokenRule& rule, const TokenWorld& world, const TokenCounts& counts);
/// Its mean over the world's strings, exactly.
double rule_sensitivity(const TokenRule& rule, const TokenWorld& world);
/// How often the rule tells the label, exactly.
double rule_accuracy(const TokenRule& rule, const TokenWorld& world);

/// The rule as a classifier of tokens i64 [n, length].
Classifier classifier_of(const TokenRule& rule, const TokenWorld& world);

/// That the closed form is what the sampled metric converges to: on `strings` strings of a key with
/// `draws` draws at each position.
Claim sampled_claim(const TokenRule& rule, const TokenWorld& world, const std::string& id,
                    std::int64_t strings, std::int64_t draws, philox::Key key);
/// That it is exact: each of `strings` strings with every token in every place.
Claim replaced_claim(const TokenWorld& world, std::int64_t strings, philox::Key key);

}  // namespace sonde::experiments
