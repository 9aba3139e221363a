// boolean_generalization: how sensitive the functions are that networks make of a part of one, and
// how sharp the minima of networks that learn them.
#include <fmt/format.h>

#include "experiments/boolean/generalization_claims.hpp"
#include "experiments/boolean/study.hpp"
#include "experiments/common/criteria.hpp"
#include "experiments/common/program.hpp"

namespace sonde::experiments {
namespace {

const About about{
    .name = "boolean_generalization",
    .measures =
        "Transformers are shown a part of a random function of bit strings. The average "
        "sensitivity of the functions they make of it, exactly, against that of random "
        "completions; then the sharpness of transformers that are fitted to both. Steps and "
        "batches were fixed with the pilot seeds 101 to 105.",
    .paper =
        "Hahn, Rofin: Why are Sensitive Functions Hard for Transformers? (ACL 2024, arXiv "
        "2402.09963), section 5, figures 4 and 15",
    .cost =
        "two cores: --quick below a minute, standard below 15, --full months; memory below 1 GiB"};

std::string how_it_was_done(const Generalization& found, const GeneralizationOptions& o) {
  const std::string end =
      o.loss_below > 0
          ? fmt::format(
                "at the first step whose strings have a mean squared error below {:g}, "
                "after {} steps at the latest",
                o.loss_below, o.steps)
          : fmt::format("after {} steps", o.steps);
  return fmt::format(
      "A function learnt is 1 where the network's output exceeds one half, on all strings. It "
      "counts if it has all values that were shown; training ends {}. Networks that do not fit "
      "their part: {}. Every function and every completion is fitted by {} fresh networks on all "
      "strings, for {} steps each, as sharpness falls on after a function is learnt. They count if "
      "their mean squared error is below {:g} for labels 0 and 1; above it: {}.",
      end, unfitted_text(found, o.sizes), o.fits, o.fit_steps, greatest_loss,
      discarded_text(found, o.sizes));
}

const char* const how_to_read =
    "Sharpness is that of labels -1 and 1, four times that of 0 and 1, wherever it is measured: "
    "the authors' script of figure 15 multiplies that on all strings but not that on the part. The "
    "criteria speak of the authors' code, the rise of the loss under Gaussian noise; the theory's, "
    "the change of the outputs on a sphere, is beside it. Means over inputs are exact, over all "
    "strings or all of the part. Noise that destroys a function leaves a sharpness of about one: "
    "near that, ranks among completions tell little.";
const char* const what_differs =
    "Decided otherwise than in the authors' code, whose published sweeps end with an error (a "
    "missing argument of the random function, an undefined name in the script that saves what is "
    "learnt): function, part, completion, initial values, strings and noise have streams of their "
    "own, where there the seed of the part is that of the initial values; every size has random "
    "completions, not 256 alone; a network is found by its function, not by the order of files in "
    "a folder; what does not fit is counted above, not dropped without a word; fresh directions of "
    "the noise for every network; layers begin with values of their own.";
const char* const how_sure =
    "Pairs of one function share its values: intervals are Student's t over functions (the seeds), "
    "that of the rank correlation a jackknife over them, and that of a share Wilson's over pairs. "
    "The correlation over all functions compares completions with what is learnt as well; the "
    "metrics have it within each kind.";
const char* const what_is_smaller =
    "Shorter strings, narrower networks (32, not 128) and a smaller study stand for the authors' "
    "unless --full is given, and each step has all strings there are where theirs draws 1024 with "
    "replacement. There are no published numbers.";

void measure(Run& run, GeneralizationOptions& o) {
  const Settings& s = run.settings();
  Results& r = run.results;
  describe_criteria(run, generalization_claims({}, o.sizes));
  Jobs jobs(run);
  const Generalization found = generalize(jobs, s.seed, s.seeds, o);
  r.table = table_of(found);
  r.claims = generalization_claims(found, o.sizes);
  leave_open_if_quick(run, "a quick run has short strings and one seed");
  r.metrics = generalization_metrics(found, o.sizes);
  r.figures = generalization_figures(found, o.sizes);
  r.notes = {how_it_was_done(found, o), how_to_read, what_differs, how_sure, what_is_smaller};
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  namespace program = sonde::experiments;
  return program::run_program(program::about, program::declare, program::measure, argc, argv);
}
