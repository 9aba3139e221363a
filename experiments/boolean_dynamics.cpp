// boolean_dynamics: what happens to sharpness, blow-up and norm when a transformer learns PARITY.
#include <fmt/format.h>

#include "experiments/boolean/dynamics.hpp"
#include "experiments/boolean/study.hpp"
#include "experiments/common/criteria.hpp"
#include "experiments/common/program.hpp"

namespace sonde::experiments {
namespace {

const About about{
    .name = "boolean_dynamics",
    .measures =
        "Loss, sharpness, blow-up of the norms and norm of the parameters of transformers while "
        "they learn PARITY, aligned at the step at which they have, by weight decay. Learning "
        "rate and steps were fixed with the pilot seeds 101 to 105, which enter no verdict.",
    .paper =
        "Hahn, Rofin: Why are Sensitive Functions Hard for Transformers? (ACL 2024, arXiv "
        "2402.09963), section 5.2, figures 3 and 12 to 14",
    .cost =
        "two cores: --quick below 1 minute, standard 7 to 15 minutes, --full years; memory below 1 "
        "GiB"};

struct Options {
  std::vector<double> weight_decays;
  BitCase base{};
  BitCourseOptions how{};
};

void declare(Cli& cli, Options& o) {
  cli.default_seeds({1, 5, 101});
  cli.integer("length", o.base.length, {6, 9, 25}, {1, 4096}, "bits of the strings");
  cli.reals("weight-decay", o.weight_decays, {{0, 0.3}, {0, 0.1, 0.3}, {0, 0.1, 0.2, 0.3}}, {0, 10},
            "AdamW's: every seed is trained with each");
  cli.integer("width", o.base.width, {32, 32, 128}, {2, 4096}, "of the networks, even");
  cli.integer("batch", o.base.batch, {64, 64, 1024}, {1, 65536}, "fresh strings in a step");
  cli.integer("steps", o.base.steps, {3000, 8000, 20000}, {1, 10'000'000}, "of each training");
  cli.real("lr", o.base.lr, {3e-4, 3e-4, 3e-4}, {0, 10}, "learning rate of AdamW");
  cli.integer("every", o.how.every, {100, 100, 100}, {1, 10'000'000}, "steps between two moments");
  cli.integer("strings", o.how.how.measurement.strings, {256, 512, 1024}, {1, 1'000'000},
              "random ones, on which a network is measured, the same at all moments");
  cli.integer("draws", o.how.how.measurement.draws, {10, 50, 500}, {1, 1'000'000},
              "of the noise on the parameters, fresh ones for each moment");
  cli.real("radius", o.how.how.radius, {2.28, 2.28, 8.93}, {0, 1000},
           "of that noise: its standard deviation is radius / sqrt(parameters), the authors' 0.02");
  cli.settle([&o](const Settings&) {
    even_width("--width", o.base.width);
    only_once(o.weight_decays);
  });
}

std::vector<BitCase> cases_of(const Options& o, const Settings& s) {
  std::vector<BitCase> out;
  for (int i = 0; i < s.seeds; ++i)
    for (const double weight_decay : o.weight_decays) {
      BitCase c = o.base;
      c.weight_decay = weight_decay;
      c.seed = s.seed + static_cast<std::uint64_t>(i);
      out.push_back(std::move(c));
    }
  return out;
}

void measure(Run& run, Options& o) {
  const Settings& s = run.settings();
  Results& r = run.results;
  describe_criteria(run, dynamics_claims({}));
  Jobs jobs(run);
  const std::vector<BitCase> cases = cases_of(o, s);
  BitCourses courses;
  for (const Json& course :
       jobs.run("trainings", static_cast<std::int64_t>(cases.size()), course_jobs(cases, o.how)))
    courses.push_back(course_from_json(course));
  r.table = table_of(courses);
  r.claims = dynamics_claims(courses);
  leave_open_if_quick(run, "a quick run has short strings and one seed");
  r.metrics = dynamics_metrics(courses);
  r.figures = dynamics_figures(courses);
  r.notes = {
      "A run has converged at the first moment with a mean squared error below 0.01 for labels 0 "
      "and 1, the authors' rule; all is measured on the same strings, with fresh directions at "
      "each moment. A difference counts where the run has both its sides: 500 steps before "
      "convergence, 500 steps from it on that end before the last fifth of the training. Left out "
      "somewhere: " +
          left_out_text(courses) + ".",
      "That sharpness at the end is below its peak holds for any course, as a mean is below a "
      "greatest value; so the end is compared with the 500 steps from convergence on. The peak of "
      "each run and where it was are in the table. Seeds, not runs, are the units: runs of one "
      "seed begin with the same values and see the same strings.",
      "Sharpness is that of labels -1 and 1, four times that of 0 and 1. The authors' code takes "
      "the rise of the loss under Gaussian noise, their theory the change of the output on a "
      "sphere; both are measured, the criteria speak of the former, and of the code's blow-up. "
      "Before a function is learnt the former tells little, as the loss is that of guessing.",
      decisions_note(),
      "The courses themselves are in log.jsonl, a line a run. Positions are not disturbed and not "
      "in the norm, as in the code, though weight decay acts on them. Shorter strings, smaller "
      "networks and batches, fewer directions and seeds stand for the authors' unless --full is "
      "given."};
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  namespace program = sonde::experiments;
  return program::run_program(program::about, program::declare, program::measure, argc, argv);
}
