// boolean_scaling: how sharp the minima of functions of bit strings are, by the strings' length.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "experiments/boolean/scaling.hpp"
#include "experiments/common/criteria.hpp"
#include "experiments/common/program.hpp"

namespace sonde::experiments {
namespace {

const About about{
    .name = "boolean_scaling",
    .measures =
        "Sharpness of trained transformers, blow-up of their norms and the norm of their "
        "parameters, by the length of the strings, for PARITY, MAJORITY, FIRST and MEAN. Steps "
        "were fixed with the pilot seeds 101 to 105. The authors' long strings: --targets "
        "majority first mean --width 4 --batch 128 --lengths 4 31 57 ... 512 --radius 0.335 "
        "--lr 3e-4 --steps 10000.",
    .paper =
        "Hahn, Rofin: Why are Sensitive Functions Hard for Transformers? (ACL 2024, arXiv "
        "2402.09963), section 5.1, figures 1 and 5 to 8",
    .cost =
        "two cores: --quick below 2 minutes, standard below 20, --full months; memory below 1 GiB"};

struct Options {
  std::vector<std::string> targets = target_names();
  std::vector<std::int64_t> lengths, exported;
  BitCase base{};
  TrainedBitsOptions how{};
};

void settle(Options& o, const Settings& s) {
  even_width("--width", o.base.width);
  only_once(o.lengths);
  const auto from_four_to = [](std::int64_t last) {
    std::vector<std::int64_t> all;
    for (std::int64_t n = 4; n <= last; ++n) all.push_back(n);
    return all;
  };
  if (o.lengths.empty()) o.lengths = from_four_to(Scaled<std::int64_t>{6, 10, 30}.at(s.size));
  tables_fit(o.targets, o.lengths);
}

void declare(Cli& cli, Options& o) {
  cli.default_seeds({1, 6, 10});
  cli.choices("targets", o.targets, all_target_names(),
              "functions that are learnt; unless given the authors' four, of which the criteria "
              "speak. sparse-k: the parity of the first k bits; random: a table of its own for "
              "each seed and length");
  cli.integers("lengths", o.lengths, {1, 4096},
               "bits of the strings; unless given 4 to 10, with --quick to 6, with --full to 30");
  cli.integer("width", o.base.width, {32, 32, 128}, {2, 4096}, "of the networks, even");
  cli.integer("batch", o.base.batch, {64, 64, 1024}, {1, 65536}, "fresh strings in a step");
  cli.integer("steps", o.base.steps, {1500, 5000, 10000}, {1, 10'000'000},
              "of each training, the same at every length");
  cli.real("lr", o.base.lr, {1e-3, 1e-3, 3e-4}, {0, 10}, "learning rate of AdamW");
  cli.real("weight-decay", o.base.weight_decay, {0.1, 0.1, 0.1}, {0, 10}, "AdamW's");
  cli.integer("strings", o.how.measurement.strings, {256, 1024, 1024}, {1, 1'000'000},
              "random ones, on which a network is measured");
  cli.integer("draws", o.how.measurement.draws, {10, 50, 50}, {1, 1'000'000},
              "of the noise on the parameters, fresh ones for each network");
  cli.real("radius", o.how.radius, {2.28, 2.28, 8.93}, {0, 1000},
           "of that noise: its standard deviation is radius / sqrt(parameters), the authors' 0.02");
  cli.integers("export", o.exported, {1, 4096},
               "lengths whose networks of the first seed are written with all they were measured "
               "with into export/, for tests/recheck");
  cli.settle([&o](const Settings& s) { settle(o, s); });
}

void add_figures(Results& r, const TrainedRuns& runs) {
  const std::string caption = "Means over seeds of the runs that are kept, with 95 % intervals. " +
                              discarded_text(runs) + " discarded.";
  const std::string floors =
      " The floors are the theory's average sensitivity / (2 n), which bounds the sharpness of "
      "long strings.";
  r.figures.push_back(
      {by_length("sharpness", runs, quantities::label_sharpness, true), caption + floors});
  r.figures.push_back(
      {by_length("output_sharpness", runs, quantities::output_sharpness, true), caption + floors});
  for (const BitQuantity& q :
       {quantities::log_blowup, quantities::theory_log_blowup, quantities::norm})
    r.figures.push_back({by_length(q.id, runs, q), caption});
}

void add_metrics(Results& r, const TrainedRuns& runs) {
  for (const auto& [target, line] : sharpness_lines(runs)) {
    r.metrics.push_back({"slope_" + target, "slope of sharpness by length, " + target, line.slope});
    r.notes.push_back(fmt::format("Sharpness of {} by length: slope {:.4g}, r {:.3f}, p {:.2g}.",
                                  target, line.slope.value, line.r, line.p));
  }
  std::ranges::move(metrics_of_piece(runs), std::back_inserter(r.metrics));
  if (const Estimate same = same_order(runs); same.m > 0)
    r.metrics.push_back(
        {"same_order", "lengths at which both kinds of sharpness order targets alike", same});
}

void measure(Run& run, Options& o) {
  const Settings& s = run.settings();
  Results& r = run.results;
  describe_criteria(run, scaling_claims({}));
  Jobs jobs(run);
  TrainedBitsOptions how = o.how;
  how.export_to = s.out / "export";
  how.exported = [&](const BitCase& c) {
    return c.seed == s.seed && std::ranges::find(o.exported, c.length) != o.exported.end();
  };
  const TrainedRuns runs =
      train_bits(jobs, "trainings", cases_of(o.base, o.targets, o.lengths, s), how);
  r.table = table_of(runs);
  r.claims = scaling_claims(runs);
  leave_open_if_quick(run, "a quick run has few lengths and one seed");
  add_metrics(r, runs);
  add_figures(r, runs);
  r.notes.insert(
      r.notes.end(),
      {"A run counts if its mean squared error is below 0.001 for labels 0 and 1, the authors' "
       "rule. Discarded runs (they hide what is hardest): " +
           discarded_text(runs) + ".",
       "Sharpness is that of labels -1 and 1, four times that of 0 and 1. The authors' code takes "
       "the rise of the loss under Gaussian noise, their theory the change of the output on a "
       "sphere; both are measured, the criteria speak of the former. Positions are not disturbed "
       "and not in the norm, as in the code, though weight decay acts on them.",
       decisions_note(),
       "MAJORITY is 0 on a tie, so that even lengths differ from odd ones. Sharpness still falls "
       "after a function is learnt: compare networks of as many steps. Small networks and batches "
       "stand for the authors' unless --full is given."});
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  namespace program = sonde::experiments;
  return program::run_program(program::about, program::declare, program::measure, argc, argv);
}
