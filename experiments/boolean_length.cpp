// boolean_length: functions of bit strings learnt on short strings and asked of longer ones.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/statistics.hpp"
#include "experiments/boolean/length.hpp"
#include "experiments/boolean/study.hpp"
#include "experiments/common/criteria.hpp"
#include "experiments/common/jobs.hpp"
#include "experiments/common/program.hpp"

namespace sonde::experiments {
namespace {

const About about{
    .name = "boolean_length",
    .measures =
        "Accuracy on strings longer than those trained on, for PARITY, MAJORITY and FIRST: by "
        "an encoder with positions that begin anywhere, and by a causal language model. Steps "
        "and lengths were fixed with the pilot seeds 101 to 105.",
    .paper =
        "Hahn, Rofin: Why are Sensitive Functions Hard for Transformers? (ACL 2024, arXiv "
        "2402.09963), section 6; Huang, Yang, Bhattamishra, Sarrof, Krebs, Zhou, Nakkiran, "
        "Hahn: A Formal Framework for Understanding Length Generalization in Transformers "
        "(ICLR 2025, arXiv 2410.02140)",
    .cost =
        "two cores: --quick below a minute, standard below 12 minutes, --full days; memory "
        "below 1 GiB"};

// The targets that the papers speak of.
const std::vector<std::string> judged_targets{"parity", "majority", "first"};

struct Options {
  std::vector<std::string> setups{"encoder", "language-model", "scratchpad"};
  std::vector<std::string> targets = judged_targets;
  LengthRecipe encoder{.setup = LengthSetup::encoder}, model{.setup = LengthSetup::language_model},
      scratchpad{.setup = LengthSetup::scratchpad};
  std::int64_t times = 2, tested = 0;
};

void settle(Options& o, const Settings&) {
  even_width("--width", o.encoder.width);
  even_width("--model-width", o.model.width);
  o.scratchpad.longest = o.encoder.longest;
  for (LengthRecipe* r : {&o.encoder, &o.model, &o.scratchpad}) {
    r->farthest = o.times * r->longest;
    r->tested = o.tested;
  }
}

void declare(Cli& cli, Options& o) {
  cli.default_seeds({1, 5, 5});
  cli.choices("setups", o.setups, {"encoder", "language-model", "scratchpad"},
              "how strings are learnt; scratchpads are a control and not judged");
  cli.choices("targets", o.targets, judged_targets, "functions that are learnt");
  cli.integer("longest", o.encoder.longest, {4, 7, 10}, {2, 1024},
              "bits in training, from 2 on: encoder and scratchpad");
  cli.integer("model-longest", o.model.longest, {4, 7, 50}, {2, 1024},
              "the same of the language model");
  cli.integer("times", o.times, {2, 2, 3}, {2, 10},
              "so much longer are the longest strings tested");
  cli.integer("width", o.encoder.width, {32, 32, 128}, {2, 4096}, "of the encoder, even");
  cli.integer("batch", o.encoder.batch, {64, 64, 1024}, {1, 65536}, "strings in a step, encoder");
  cli.integer("steps", o.encoder.steps, {300, 10000, 100000}, {1, 10'000'000}, "of the encoder");
  cli.real("lr", o.encoder.lr, {1e-3, 1e-3, 3e-4}, {0, 10}, "of AdamW, encoder");
  cli.real("weight-decay", o.encoder.weight_decay, {0.1, 0.1, 0.1}, {0, 10}, "AdamW's, encoder");
  cli.integer("model-width", o.model.width, {32, 64, 64}, {2, 4096}, "of the language model");
  cli.integer("model-batch", o.model.batch, {64, 64, 64}, {1, 65536}, "sentences in a step");
  cli.integer("model-steps", o.model.steps, {200, 8000, 30000}, {1, 10'000'000},
              "of the language model");
  cli.real("model-lr", o.model.lr, {1e-3, 1e-3, 1e-3}, {0, 10},
           "of AdamW, language model; falls to 0 along a line");
  cli.real("model-weight-decay", o.model.weight_decay, {0.01, 0.01, 0.01}, {0, 10},
           "AdamW's, language model");
  cli.integer("scratchpad-steps", o.scratchpad.steps, {300, 3000, 10000}, {1, 10'000'000},
              "of the scratchpad");
  cli.integer("tested", o.tested, {200, 1000, 2000}, {1, 1'000'000}, "strings of each length");
  cli.settle([&o](const Settings& s) { settle(o, s); });
}

bool chosen(const Options& o, const LengthRecipe& r) {
  return std::ranges::find(o.setups, name_of(r.setup)) != o.setups.end();
}

std::vector<LengthCase> cases_of(const LengthRecipe& r, const std::vector<std::string>& targets,
                                 const Settings& s) {
  std::vector<LengthCase> out;
  for (int i = 0; i < s.seeds; ++i)
    for (const std::string& target : targets)
      out.push_back({r, target, s.seed + static_cast<std::uint64_t>(i)});
  return out;
}

void add_figures(Results& r, const std::vector<LengthRecipe>& recipes,
                 const std::vector<LengthRun>& runs) {
  for (const LengthRecipe& one : recipes)
    r.figures.push_back(
        {accuracy_figure(one, runs),
         fmt::format("Means over the seeds that have learnt it, with 95 % intervals. Not learnt: "
                     "{}.",
                     unfitted_text(runs))});
}

// The lengths trained on, and the bins above them: up to twice, three times, ... the longest.
std::vector<Interval> bins_of(const LengthRecipe& r) {
  const auto longest = static_cast<double>(r.longest);
  std::vector<Interval> out{{static_cast<double>(r.shortest), longest}};
  for (std::int64_t high = 2 * r.longest; high <= r.farthest; high += r.longest)
    out.push_back({out.back().high + 1, static_cast<double>(high)});
  return out;
}

void add_metrics(Results& r, const std::vector<LengthRecipe>& recipes,
                 const std::vector<LengthRun>& runs, const std::vector<std::string>& targets) {
  for (const LengthRecipe& one : recipes)
    for (const std::string& target : targets) {
      const std::vector<LengthRun> learnt = fitted(runs, one.setup, target);
      if (learnt.empty()) continue;
      for (const Interval& bin : bins_of(one)) {
        Sample shares;
        for (const LengthRun& run : learnt)
          shares.push_back(
              run.over(static_cast<std::int64_t>(bin.low), static_cast<std::int64_t>(bin.high)));
        r.metrics.push_back({fmt::format("{}_{}_to_{:g}", name_of(one.setup), target, bin.high),
                             fmt::format("{}, {}: {:g} to {:g} bits", name_of(one.setup), target,
                                         bin.low, bin.high),
                             mean_over_units(shares)});
      }
    }
}

void add_notes(Results& r, const std::vector<LengthRun>& runs) {
  r.notes = {
      "Accuracy is the share of random strings of one length that are answered right. What "
      "becomes of longer strings is judged by the runs that have learnt the short ones, with a "
      "mean accuracy of 0.95 or more: one that has learnt nothing shows nothing. Not learnt: " +
          unfitted_text(runs) + ".",
      "The encoder is that of boolean_scaling, without a mask, read at the last bit. Every "
      "string stands at a random place among as many positions as the longest test needs, so "
      "that all positions are trained; a batch has strings of one length, drawn anew. The "
      "authors train networks at one length each and explain length generalisation by their "
      "theory: this set-up is not theirs.",
      "The language model is causal, with norms first and GELU, as GPT-2: a start token, the "
      "bits, a separator, the answer, an end token; the loss is on answer and end. Strings of "
      "a batch have lengths of their own and begin at random positions; PARITY's number of "
      "ones is uniform in training and in tests (long uniformly random strings would all be "
      "half ones), the others' strings are uniform. An answer is right if both tokens are the "
      "likeliest. Where the paper of Huang et al. has means over bins of lengths, the "
      "criterion is about one length, twice the longest; the metrics have the mean over all "
      "longer ones.",
      "MAJORITY is 0 on a tie, which only even lengths have: a network that goes by the share "
      "of ones learns a boundary between one half and the least greater share that it has seen.",
      "Strings of 2 to 10 bits were the plan. Of PARITY at these lengths one of two pilot "
      "encoders had learnt 0.95 after 20000 steps, and two of three language models after 6000 "
      "or 8000; so the lengths shrank to 2 to 7, as was laid down for that case, and not the "
      "criterion.",
      "The scratchpad is a control and not judged: networks of boolean_scratchpad, at random "
      "places as the encoder's, decoded step by step."};
}

void measure(Run& run, Options& o) {
  const Settings& s = run.settings();
  Results& r = run.results;
  std::vector<LengthRecipe> recipes;
  for (const LengthRecipe& one : {o.encoder, o.model, o.scratchpad})
    if (chosen(o, one)) recipes.push_back(one);
  describe_criteria(run, length_claims(recipes, o.targets, {}));
  Jobs jobs(run);
  std::vector<LengthRun> runs;
  for (const LengthRecipe& one : recipes) {
    const bool control = one.setup == LengthSetup::scratchpad;
    const std::vector<std::string> targets =
        control ? std::vector<std::string>{"parity"} : o.targets;
    for (LengthRun& found : train_lengths(jobs, name_of(one.setup), cases_of(one, targets, s)))
      runs.push_back(std::move(found));
  }
  r.table = table_of(runs);
  r.claims = length_claims(recipes, o.targets, runs);
  leave_open_if_quick(run, "a quick run has one seed");
  add_metrics(r, recipes, runs, o.targets);
  add_figures(r, recipes, runs);
  add_notes(r, runs);
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  namespace program = sonde::experiments;
  return program::run_program(program::about, program::declare, program::measure, argc, argv);
}
