// boolean_tradeoff: blow-up of layer norms against the norm of the parameters, over random
// settings.
#include <fmt/format.h>

#include <algorithm>

#include "experiments/boolean/tradeoff.hpp"
#include "experiments/common/program.hpp"

namespace sonde::experiments {
namespace {

const About about{
    .name = "boolean_tradeoff",
    .measures =
        "Blow-up of the norms and norm of the parameters of transformers trained with random "
        "learning rates and weight decays on PARITY, MAJORITY, FIRST and MEAN: what a sensitive "
        "function costs, and how one is traded for the other. --seeds is the number of random "
        "draws for each target and length.",
    .paper =
        "Hahn, Rofin: Why are Sensitive Functions Hard for Transformers? (ACL 2024, arXiv "
        "2402.09963), section 5.1, corollary 5, figures 2, 9 and 10",
    .cost =
        "two cores: --quick below 1 minute, standard below 20, --full years; memory below 1 GiB"};

struct Options {
  std::vector<std::string> targets = target_names();
  std::vector<std::int64_t> lengths;
  std::vector<double> lr, weight_decay;
  BitCase base{};
  TrainedBitsOptions how{};
};

Interval range_of(const char* option, const std::vector<double>& ends) {
  if (ends.size() != 2 || ends[0] > ends[1])
    fail_hint(ErrorCode::usage, option, "give its least and its greatest value", "is no range");
  return {ends[0], ends[1]};
}

void settle(Options& o, const Settings& s) {
  if (o.lengths.empty()) {
    if (s.size == SizeClass::full)
      for (std::int64_t n = 4; n <= 25; ++n) o.lengths.push_back(n);
    else
      o.lengths = s.size == SizeClass::quick ? std::vector<std::int64_t>{4, 5}
                                             : std::vector<std::int64_t>{6, 9};
  }
  range_of("--lr", o.lr);
  range_of("--weight-decay", o.weight_decay);
}

void declare(Cli& cli, Options& o) {
  cli.default_seeds({2, 12, 15});
  cli.choices("targets", o.targets, target_names(), "functions that are learnt");
  cli.integers("lengths", o.lengths, {2, 4096},
               "bits of the strings, compared at the greatest; unless given 6 and 9, with --quick "
               "4 and 5, with --full 4 to 25");
  cli.reals("lr", o.lr, {{3e-4, 2e-3}, {3e-4, 2e-3}, {1e-4, 5e-4}}, {0, 10},
            "least and greatest learning rate of AdamW, uniform between them");
  cli.reals("weight-decay", o.weight_decay, {{0, 0.4}, {0, 0.4}, {0, 0.4}}, {0, 10},
            "least and greatest weight decay, uniform between them");
  cli.integer("width", o.base.width, {32, 32, 128}, {2, 4096}, "of the networks, even");
  cli.integer("batch", o.base.batch, {64, 64, 1024}, {1, 65536}, "fresh strings in a step");
  cli.integer("steps", o.base.steps, {1500, 5000, 10000}, {1, 10'000'000},
              "of each training, the same at every length");
  cli.integer("strings", o.how.measurement.strings, {256, 1024, 1024}, {1, 1'000'000},
              "random ones, on which a network is measured");
  cli.integer("draws", o.how.measurement.draws, {10, 50, 50}, {1, 1'000'000},
              "of the noise on the parameters, fresh ones for each network");
  cli.real("radius", o.how.radius, {2.28, 2.28, 8.93}, {0, 1000},
           "of that noise: its standard deviation is radius / sqrt(parameters), the authors' 0.02");
  cli.settle([&o](const Settings& s) { settle(o, s); });
}

// Of each draw long strings first, which take longest.
std::vector<BitCase> cases_of(const Options& o, const Settings& s) {
  std::vector<std::int64_t> lengths = o.lengths;
  std::ranges::sort(lengths, std::greater{});
  std::vector<BitCase> out;
  for (int i = 0; i < s.seeds; ++i)
    for (const std::int64_t n : lengths)
      for (const std::string& target : o.targets) {
        BitCase c = o.base;
        c.target = target;
        c.length = n;
        c.seed = s.seed + static_cast<std::uint64_t>(i);
        out.push_back(with_random_settings(std::move(c), range_of("--lr", o.lr),
                                           range_of("--weight-decay", o.weight_decay)));
      }
  return out;
}

void measure(Run& run, Options& o) {
  const Settings& s = run.settings();
  Results& r = run.results;
  const TradeoffCriterion criterion{.compared_at = std::ranges::max(o.lengths)};
  Json criteria;
  for (const Claim& c : tradeoff_claims({}, criterion)) criteria[c.id] = c.criterion;
  run.describe("criteria", criteria);
  Jobs jobs(run);
  const TrainedRuns runs = train_bits(jobs, "trainings", cases_of(o, s), o.how);
  r.table = table_of(runs);
  r.claims = tradeoff_claims(runs, criterion);
  if (s.size == SizeClass::quick)
    for (Claim& c : r.claims)
      c = left_open(std::move(c), "a quick run has short strings, two draws");
  r.metrics = tradeoff_metrics(runs, criterion);
  r.figures = tradeoff_figures(runs, criterion);
  r.notes = tradeoff_notes(runs, criterion);
  r.notes.push_back("Discarded runs: " + discarded_text(runs) + ".");
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  namespace program = sonde::experiments;
  return program::run_program(program::about, program::declare, program::measure, argc, argv);
}
