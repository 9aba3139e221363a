// boolean_dynamics: what happens to sharpness, blow-up and norm when a transformer learns PARITY.
#include <fmt/format.h>

#include "experiments/boolean/dynamics.hpp"
#include "experiments/common/program.hpp"

namespace sonde::experiments {
namespace {

const About about{
    .name = "boolean_dynamics",
    .measures =
        "Loss, sharpness, blow-up of the norms and norm of the parameters of transformers while "
        "they learn PARITY, aligned at the step at which they have, by weight decay.",
    .paper =
        "Hahn, Rofin: Why are Sensitive Functions Hard for Transformers? (ACL 2024, arXiv "
        "2402.09963), section 5.2, figures 3 and 12 to 14",
    .cost =
        "two cores: --quick below 1 minute, standard below 20, --full years; memory below 1 GiB"};

struct Options {
  std::vector<double> weight_decays;
  BitCase base{};
  BitCourseOptions how{};
};

void declare(Cli& cli, Options& o) {
  cli.default_seeds({1, 5, 101});
  cli.integer("length", o.base.length, {5, 9, 25}, {1, 4096}, "bits of the strings");
  cli.reals("weight-decay", o.weight_decays, {{0, 0.3}, {0, 0.1, 0.3}, {0, 0.1, 0.2, 0.3}}, {0, 10},
            "AdamW's: every seed is trained with each");
  cli.integer("width", o.base.width, {32, 32, 128}, {2, 4096}, "of the networks, even");
  cli.integer("batch", o.base.batch, {64, 64, 1024}, {1, 65536}, "fresh strings in a step");
  cli.integer("steps", o.base.steps, {2000, 5000, 20000}, {1, 10'000'000}, "of each training");
  cli.real("lr", o.base.lr, {1e-3, 1e-3, 3e-4}, {0, 10}, "learning rate of AdamW");
  cli.integer("every", o.how.every, {50, 50, 100}, {1, 10'000'000}, "steps between two moments");
  cli.integer("strings", o.how.how.measurement.strings, {256, 512, 1024}, {1, 1'000'000},
              "random ones, on which a network is measured, the same at all moments");
  cli.integer("draws", o.how.how.measurement.draws, {10, 50, 500}, {1, 1'000'000},
              "of the noise on the parameters, fresh ones for each moment");
  cli.real("radius", o.how.how.radius, {2.28, 2.28, 8.93}, {0, 1000},
           "of that noise: its standard deviation is radius / sqrt(parameters), the authors' 0.02");
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
  Json criteria;
  for (const Claim& c : dynamics_claims({})) criteria[c.id] = c.criterion;
  run.describe("criteria", criteria);
  Jobs jobs(run);
  const std::vector<BitCase> cases = cases_of(o, s);
  BitCourses courses;
  for (const Json& course :
       jobs.run("trainings", static_cast<std::int64_t>(cases.size()), course_jobs(cases, o.how)))
    courses.push_back(course_from_json(course));
  r.table = table_of(courses);
  r.claims = dynamics_claims(courses);
  if (s.size == SizeClass::quick)
    for (Claim& c : r.claims)
      c = left_open(std::move(c), "a quick run has short strings and one seed");
  r.metrics = dynamics_metrics(courses);
  r.figures = dynamics_figures(courses);
  r.notes = {"Left out: " + left_out_text(courses) + "."};
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  namespace program = sonde::experiments;
  return program::run_program(program::about, program::declare, program::measure, argc, argv);
}
