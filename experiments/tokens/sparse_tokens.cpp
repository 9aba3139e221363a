#include <fmt/format.h>

#include "experiments/common/criteria.hpp"
#include "experiments/common/program.hpp"
#include "experiments/tokens/findings.hpp"
#include "experiments/tokens/networks.hpp"
#include "experiments/tokens/programs.hpp"
#include "experiments/tokens/rules.hpp"

namespace sonde::experiments {
namespace {

const About about{
    .name = "sparse_tokens",
    .measures =
        "Sensitivity to single tokens of networks that learn strings with two cues, a few sparse "
        "tokens and a majority of frequent ones, where both tell the label and where the frequent "
        "ones alone do; and which cue they follow. Sizes were fixed with the pilot seeds 101 to "
        "103.",
    .paper =
        "Vasudeva, Fu, Zhou, Kau, Huang, Sharan: Transformers Learn Low Sensitivity Functions "
        "(ICLR 2025, arXiv 2403.06925), section 4",
    .cost =
        "two cores: --quick below half a minute, standard below 5 minutes, --full below two hours; "
        "memory below 300 MiB"};

struct Options {
  std::vector<std::string> networks = token_network_names();
  TokenCase base{};
  TokenMeasurement how{};
};

void declare(Cli& cli, Options& o) {
  cli.default_seeds({1, 8, 20});
  cli.choices("networks", o.networks, token_network_names(),
              "the criteria speak of attention and mlp");
  cli.integer("width", o.base.width, {16, 32, 64}, {1, 4096}, "of the networks");
  cli.integer("strings", o.base.strings, {500, 2000, 2000}, {2, 1'000'000},
              "of the train set, and of the test set");
  cli.integer("batch", o.base.batch, {50, 50, 50}, {1, 65536}, "strings in a step");
  cli.integer("steps", o.base.steps, {2000, 4000, 20'000}, {1, 10'000'000}, "of training at most");
  cli.integer("look-every", o.base.look_every, {10, 10, 10}, {1, 1'000'000},
              "steps between looks at the train accuracy: training ends at the first that finds 1");
  cli.real("lr", o.base.lr, {1e-3, 1e-3, 1e-3}, {0, 10}, "learning rate of Adam");
  cli.integer("measured", o.how.strings, {50, 300, 2000}, {2, 1'000'000},
              "strings that sensitivity is measured on");
  cli.integer("draws", o.how.draws, {2, 10, 10}, {1, 100'000}, "tokens drawn for each position");
  cli.settle([&o](const Settings&) {
    if (o.base.batch > o.base.strings)
      fail(ErrorCode::usage, "--batch", "{} is more than the {} strings", o.base.batch,
           o.base.strings);
  });
}

// Of each seed the slowest network first.
std::vector<TokenCase> cases_of(const Options& o, const Settings& s) {
  std::vector<TokenCase> out;
  for (int i = 0; i < s.seeds; ++i)
    for (const std::string& network : o.networks)
      for (const SparseCue cue : {SparseCue::label, SparseCue::random}) {
        TokenCase c = o.base;
        c.network = network;
        c.cue = cue;
        c.seed = s.seed + static_cast<std::uint64_t>(i);
        out.push_back(std::move(c));
      }
  return out;
}

std::vector<Claim> closed_form_claims(const TokenMeasurement& how, std::uint64_t seed) {
  constexpr std::int64_t replaced = 5;
  const TokenWorld both = world_of(SparseCue::label), frequent = world_of(SparseCue::random);
  const auto sampled = [&](const char* id, const TokenRule& rule, const TokenWorld& world) {
    return sampled_claim(rule, world, id, how.strings, how.draws, {seed, 0x72756c65});
  };
  return {sampled("sparse-rule", sparse_rule(), both),
          sampled("sparse-rule-alone", sparse_rule(), frequent),
          sampled("frequent-rule", frequent_rule(), both),
          replaced_claim(both, replaced, {seed, 0x72756c65})};
}

std::vector<std::string> notes(const Options& o, const TokenRuns& runs) {
  const TokenWorld w = world_of(SparseCue::label);
  return {
      fmt::format(
          "A string has {} tokens of a vocabulary of {}: 1 to {} sparse tokens of its "
          "label's {}, {} frequent ones, {} to {} of them of its label's {}, and irrelevant "
          "ones, all shuffled. In the second arm each sparse token is drawn from both "
          "labels'; the strings of a seed are otherwise the same.",
          w.length, w.vocabulary(), w.most_sparse, w.sparse, w.frequent_count, w.least_majority,
          w.greatest_majority, w.frequent),
      "The paper describes such data and their metric, its authors' code has neither: sizes, "
      "networks and the criteria's numbers are this study's own. S is the share of positions and "
      "draws at which a token drawn from the whole vocabulary, which may be the one it was, "
      "changes "
      "the prediction. Its strings are train strings, as in the authors' code; unseen ones stand "
      "beside them.",
      fmt::format(
          "Networks are compared at train accuracy 1, at the first look, every {} steps, at "
          "which every train label is told. Runs that never do, which count in no mean: {}.",
          o.base.look_every, unfit_text(runs)),
      fmt::format(
          "By enumeration over what a string can have, one token changes the sparse tokens' "
          "majority with probability {:.6g} ({:.6g} where they tell nothing; a tie counts as "
          "label 0), and the frequent tokens' never: they differ by {} at least, one token "
          "changes that by 2. With these sizes the frequent cue is the less sensitive rule.",
          rule_sensitivity(sparse_rule(), w),
          rule_sensitivity(sparse_rule(), world_of(SparseCue::random)),
          2 * w.least_majority - w.frequent_count),
      fmt::format("A network that always says the same has S = 0, and so have networks before "
                  "training that do: {} in the table.",
                  "sensitivity_at_start")};
}

void measure(Run& run, Options& o) {
  const Settings& s = run.settings();
  Results& r = run.results;
  describe_criteria(run, token_claims({}));
  const std::vector<TokenCase> cases = cases_of(o, s);
  Jobs jobs(run);
  TokenRuns runs;
  for (const Json& found : jobs.run("trainings", std::ssize(cases), token_jobs(cases, o.how)))
    runs.push_back(trained_tokens_from_json(found));
  r.table = table_of(runs);
  r.claims = token_claims(runs);
  leave_open_if_quick(run, "a quick run has one seed, few strings");
  for (Claim& c : closed_form_claims(o.how, s.seed)) r.claims.push_back(std::move(c));
  r.metrics = token_metrics(runs);
  r.figures = token_figures(runs);
  r.notes = notes(o, runs);
}

}  // namespace

int sparse_tokens(int argc, const char* const* argv) {
  return run_program(about, declare, measure, argc, argv);
}

}  // namespace sonde::experiments
