#include "experiments/tokens/rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sonde::experiments {

const TokenRule& sparse_rule() {
  static const TokenRule rule{"sparse", 0, 1};
  return rule;
}
const TokenRule& frequent_rule() {
  static const TokenRule rule{"frequent", 2, 3};
  return rule;
}

double rule_sensitivity(const TokenRule& rule, const TokenWorld& world, const TokenCounts& counts) {
  const TokenCounts kinds = world.kinds();
  const double pairs = static_cast<double>(world.length * world.vocabulary());
  double flips = 0;
  for (std::size_t gone = 0; gone < token_kinds; ++gone)
    for (std::size_t come = 0; come < token_kinds; ++come) {
      TokenCounts now = counts;
      --now[gone];
      ++now[come];
      if (rule(now) != rule(counts)) flips += static_cast<double>(counts[gone] * kinds[come]);
    }
  return flips / pairs;
}

double rule_sensitivity(const TokenRule& rule, const TokenWorld& world) {
  double mean = 0;
  for_compositions(world, [&](const TokenCounts& counts, bool, double p) {
    mean += p * rule_sensitivity(rule, world, counts);
  });
  return mean;
}

double rule_accuracy(const TokenRule& rule, const TokenWorld& world) {
  double mean = 0;
  for_compositions(world, [&](const TokenCounts& counts, bool label, double p) {
    mean += rule(counts) == label ? p : 0;
  });
  return mean;
}

Classifier classifier_of(const TokenRule& rule, const TokenWorld& world) {
  return [rule, world](const Tensor& tokens) {
    std::vector<double> logits;
    for (const TokenCounts& counts : counts_of(world, tokens)) {
      logits.push_back(0);
      logits.push_back(rule(counts) ? 1 : -1);
    }
    return Tensor::from<double>(logits, {tokens.size(0), 2});
  };
}

Claim sampled_claim(const TokenRule& rule, const TokenWorld& world, const std::string& id,
                    std::int64_t strings, std::int64_t draws, philox::Key key) {
  constexpr double errors = 5;
  const Tensor tokens = draw_tokens(world, strings, philox::child(key, 0)).tokens;
  const Sensitivity sampled = sensitivity(classifier_of(rule, world), tokens,
                                          *token_replacement(world.length, 0, world.vocabulary()),
                                          {.draws = draws, .key = philox::child(key, 1)});
  const double exact = rule_sensitivity(rule, world);
  const Estimate found = mean_over_units(sampled.by_input, world.length * draws);
  return check(
      id,
      fmt::format("Sensitivity of the {} rule{} is {:.6g} by enumeration", rule.name,
                  world.cue == SparseCue::random ? " where sparse tokens tell nothing" : "", exact),
      fmt::format("the mean over {} strings, {} draws at each position, differs from it by "
                  "at most {:g} of its standard errors (by chance one seed in a million "
                  "fails); where it is 0 not at all",
                  strings, draws, errors),
      found, std::abs(found.value - exact) <= errors * found.std_error.value_or(0));
}

Claim replaced_claim(const TokenWorld& world, std::int64_t strings, philox::Key key) {
  constexpr double rounding = 1e-12;
  const std::int64_t length = world.length, vocabulary = world.vocabulary();
  const Tensor tokens = draw_tokens(world, strings, key).tokens;
  const std::vector<TokenCounts> counts = counts_of(world, tokens);
  double greatest = 0;
  for (std::int64_t i = 0; i < strings; ++i) {
    const std::vector<std::int64_t> own =
        tokens.slice(0, i, i + 1).contiguous().to_vector<std::int64_t>();
    std::vector<std::int64_t> all;
    for (std::size_t at = 0; at < own.size(); ++at)
      for (std::int64_t token = 0; token < vocabulary; ++token) {
        all.insert(all.end(), own.begin(), own.end());
        all[all.size() - own.size() + at] = token;
      }
    const Tensor replaced = Tensor::from<std::int64_t>(all, {length * vocabulary, length});
    for (const TokenRule& rule : {sparse_rule(), frequent_rule()}) {
      const TokenCounts& of = counts[static_cast<std::size_t>(i)];
      double flips = 0;
      for (const std::int64_t label : predictions(classifier_of(rule, world)(replaced)))
        flips += label != (rule(of) ? 1 : 0);
      greatest = std::max(greatest, std::abs(flips / static_cast<double>(replaced.size(0)) -
                                             rule_sensitivity(rule, world, of)));
    }
  }
  return check(
      "every-replacement",
      "Of single strings too, with every token of the vocabulary in every place",
      fmt::format("greatest difference between the share of flips and the closed form, over "
                  "{} strings and both rules, <= 1e-12",
                  strings),
      Estimate::exact(greatest, 1, strings), greatest <= rounding);
}

}  // namespace sonde::experiments
