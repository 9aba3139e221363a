// boolean_scratchpad: PARITY answered at once and step by step.
#include <fmt/format.h>

#include <algorithm>

#include "experiments/boolean/scaling.hpp"
#include "experiments/boolean/scratchpad.hpp"
#include "experiments/common/criteria.hpp"
#include "experiments/common/program.hpp"

namespace sonde::experiments {
namespace {

const About about{
    .name = "boolean_scratchpad",
    .measures =
        "Whether an encoder-decoder that writes the parity of every beginning of a string "
        "learns PARITY, and what becomes of sharpness, blow-up and norm with the length then. "
        "Beside it encoders that answer at once: at 24 bits, and at 4 to 8 bits for the slope "
        "of their sharpness. Steps were fixed with the pilot seeds 101 to 105.",
    .paper =
        "Hahn, Rofin: Why are Sensitive Functions Hard for Transformers? (ACL 2024, arXiv "
        "2402.09963), section 5.4, figure 11",
    .cost =
        "two cores: --quick below a minute, standard below 12 minutes, --full months; memory "
        "below 1 GiB"};

struct Options {
  std::vector<std::int64_t> lengths, parity_lengths;
  BitCase base{};
  std::int64_t parity_batch = 64, answered = 4096;
  ScratchpadHow how{};
};

void settle(Options& o, const Settings& s) {
  even_width("--width", o.base.width);
  only_once(o.lengths);
  only_once(o.parity_lengths);
  if (o.lengths.empty())
    o.lengths =
        Scaled<std::vector<std::int64_t>>{
            {6, 12}, {8, 16, 24, 32}, {4,   39,  74,  109, 144, 179, 215, 250, 285, 320,
                                       355, 390, 426, 461, 496, 531, 566, 601, 637, 672,
                                       707, 742, 777, 812, 848, 883, 918, 953, 988, 1024}}
            .at(s.size);
  if (o.parity_lengths.empty()) o.parity_lengths = {4, 5, 6, 7, 8};
  if (s.size == SizeClass::quick) o.parity_lengths.resize(2);
  o.how.look_every = look_every(o.how.look_every, o.base.steps);
}

void declare(Cli& cli, Options& o) {
  cli.default_seeds({1, 8, 10});
  cli.integers("lengths", o.lengths, {1, 4096},
               "bits of the strings with a scratchpad; unless given 8, 16, 24, 32, with --full "
               "the authors' 4 to 1024");
  cli.integers("parity-lengths", o.parity_lengths, {1, 4096},
               "bits of those that are answered at once; unless given 4 to 8");
  cli.integer("width", o.base.width, {32, 32, 32}, {2, 4096}, "of the networks, even");
  cli.integer("batch", o.base.batch, {32, 32, 128}, {1, 65536},
              "fresh strings in a step, with a scratchpad and at 24 bits");
  cli.integer("parity-batch", o.parity_batch, {64, 64, 1024}, {1, 65536},
              "at --parity-lengths, as in boolean_scaling");
  cli.integer("steps", o.base.steps, {500, 3000, 10000}, {1, 10'000'000},
              "of the trainings whose sharpness is measured, the same with and without a "
              "scratchpad");
  cli.real("lr", o.base.lr, {1e-3, 1e-3, 3e-4}, {0, 10}, "learning rate of AdamW");
  cli.real("weight-decay", o.base.weight_decay, {0.1, 0.1, 0.1}, {0, 10}, "AdamW's");
  cli.integer("strings", o.how.measured.measurement.strings, {128, 512, 1024}, {1, 1'000'000},
              "random ones, on which a network is measured");
  cli.integer("draws", o.how.measured.measurement.draws, {10, 50, 50}, {1, 1'000'000},
              "of the noise on the parameters, fresh ones for each network");
  cli.real("radius", o.how.measured.radius, {2.28, 2.28, 2.28}, {0, 1000},
           "of that noise, whatever the number of parameters");
  cli.integer("decoded", o.how.decoded, {128, 256, 10240}, {1, 1'000'000},
              "random strings that are decoded");
  cli.integer("answered", o.answered, {256, 4096, 10240}, {1, 1'000'000},
              "random strings that are answered at once");
  cli.integer("look-every", o.how.look_every, {250, 250, 1000}, {1, 10'000'000},
              "steps between decodings; divides --steps");
  cli.settle([&o](const Settings& s) { settle(o, s); });
}

void add_figures(Results& r, const std::vector<ScratchpadRun>& runs, const TrainedRuns& parities) {
  TrainedRuns both = parities;
  for (const TrainedBits& t : solved_runs(runs)) both.push_back(t);
  const TrainedRuns with = solved_runs(runs), decoders = solved_decoders(runs);
  const std::string caption =
      "Means over seeds of the runs that are kept, with 95 % intervals. Without a scratchpad: " +
      discarded_text(parities) + " discarded; with one: " + unsolved_text(runs) + ".";
  const auto add = [&](const std::string& name, const TrainedRuns& of, const BitQuantity& q) {
    r.figures.push_back({by_length(name, of, q), caption});
  };
  add("sharpness", both, quantities::label_sharpness);
  add("output_sharpness", both, quantities::output_sharpness);
  const BitQuantity code = quantities::log_blowup, theory = quantities::theory_log_blowup;
  add("encoder_blowup", with, {"", "log blow-up of the encoder, the code's", code.of});
  add("decoder_blowup", decoders, {"", "log blow-up of the decoder, the code's", code.of});
  add("encoder_theory_blowup", with, {"", "log blow-up of the encoder, the theory's", theory.of});
  add("decoder_theory_blowup", decoders,
      {"", "log blow-up of the decoder, the theory's", theory.of});
  add("norm", with, quantities::norm);
  r.figures.push_back({course_figure(runs),
                       "Means over seeds; strings are decoded without help, each step seeing "
                       "what the network wrote before."});
}

std::int64_t runs_at(const std::vector<ScratchpadRun>& runs) {
  return std::ranges::count_if(runs, [](const ScratchpadRun& r) {
    return r.trained.of.length == ScratchpadCriterion{}.length;
  });
}

void add_metrics(Results& r, const std::vector<ScratchpadRun>& runs, const TrainedRuns& parities) {
  TrainedRuns both = parities;
  for (const TrainedBits& t : solved_runs(runs)) both.push_back(t);
  for (const auto& [name, line] : sharpness_lines(both)) {
    r.metrics.push_back({"slope_" + name, "slope of sharpness by length, " + name, line.slope});
    r.notes.push_back(fmt::format("Sharpness by length, {}: slope {:.4g}, r {:.3f}, p {:.2g}.",
                                  name, line.slope.value, line.r, line.p));
  }
  const Sample steps = steps_to_write(runs);
  if (!steps.empty())
    r.metrics.push_back({"steps_to_write",
                         fmt::format("steps until {} bits are answered, in {} of {} runs",
                                     ScratchpadCriterion{}.length, steps.size(), runs_at(runs)),
                         mean_over_units(steps)});
  Sample tokens, answers;
  for (const ScratchpadRun& run : runs) {
    tokens.push_back(run.course.back().tokens);
    answers.push_back(run.course.back().answer);
  }
  r.metrics.push_back(
      {"tokens", "steps written right at the end of training, over runs", mean_over_units(tokens)});
  r.metrics.push_back({"answers", "answers written right at the end of training, over runs",
                       mean_over_units(answers)});
}

void add_notes(Results& r, const std::vector<ScratchpadRun>& runs, const TrainedRuns& parities) {
  r.notes.emplace_back(
      "With a scratchpad a run counts if more than 0.999 of its answers, decoded step by step, "
      "are right at the end and its mean squared error is below 0.001 for labels 0 and 1; "
      "without one by the latter alone. Discarded: " +
      discarded_text(parities) + "; with a scratchpad, answers: " + unsolved_text(runs) + "; " +
      discarded_text(solved_runs(runs)) + ".");
  r.notes.emplace_back(
      "The authors' accuracy is the share of all steps that are decoded right; the answer is "
      "the last of them, so that is what is judged, and both are in the table. Decoding has no "
      "help: a step sees what the network wrote. A few hundred strings are decoded, not the "
      "authors' million, whose steps cost most at their longest strings.");
  r.notes.emplace_back(
      "Sharpness is that of all steps' mean squared error for labels -1 and 1, each step "
      "seeing the right ones before it, as in the code; beside it the change of the outputs on "
      "the sphere, as in the theory. The noise has one radius, whatever the number of "
      "parameters: the authors' standard deviation of 0.02 would be a larger radius for this "
      "network than for the encoder. Positions are not disturbed and not in the norm.");
  r.notes.emplace_back(
      "Blow-up is that of all norms at all tokens: five of the encoder, seven of the decoder. "
      "The authors' code misses each decoder layer's third norm and the two at the ends, and "
      "in a last layer looks at the last token alone, though every position of this encoder is "
      "attended to and every step of this decoder is read. Products over other numbers of "
      "norms: compare lengths, not encoder with decoder.");
  r.notes.emplace_back(
      "Layers begin with values of their own, as in the authors' scratchpad (their encoders "
      "without one begin with layers alike). All trainings whose sharpness is compared have as "
      "many steps, as sharpness falls on after a function is learnt.");
  r.notes.emplace_back(
      "The quotient of slopes is that of two means over seeds: the magnitude of each seed's "
      "slope with a scratchpad (which noise can only enlarge) and its slope without one. "
      "Fieller's interval holds the quotients that a paired t-test does not refuse. The two "
      "slopes are of different ranges of lengths: what is learnt at once ends at about 8 bits.");
  r.notes.emplace_back(
      "Smaller than in the paper: lengths up to 32, not 1024; batches of 32, not 128; 3000 "
      "steps, not 10000; --full has the authors' sizes.");
}

void measure(Run& run, Options& o) {
  const Settings& s = run.settings();
  Results& r = run.results;
  const ScratchpadCriterion criterion;
  describe_criteria(run, scratchpad_claims({}, {}, {}));
  BitCase plain = o.base, parity = o.base;
  plain.steps = criterion.plain_steps;
  parity.batch = o.parity_batch;
  Jobs jobs(run);
  const auto scratchpads =
      train_scratchpads(jobs, cases_of(o.base, {"scratchpad"}, o.lengths, s), o.how);
  const auto answered =
      train_plain(jobs, cases_of(plain, {"parity"}, {criterion.length}, s), o.answered);
  const TrainedRuns parities = train_bits(
      jobs, "parities", cases_of(parity, {"parity"}, o.parity_lengths, s), o.how.measured);
  r.table = table_of(scratchpads, answered, parities);
  r.claims = scratchpad_claims(scratchpads, answered, parities);
  leave_open_if_quick(run, "a quick run has few lengths and one seed");
  add_metrics(r, scratchpads, parities);
  add_figures(r, scratchpads, parities);
  add_notes(r, scratchpads, parities);
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  namespace program = sonde::experiments;
  return program::run_program(program::about, program::declare, program::measure, argc, argv);
}
