// boolean_checks: what the studies of bit strings rest on, held to closed forms.
#include <algorithm>

#include "analysis/statistics.hpp"
#include "experiments/boolean/checks.hpp"
#include "experiments/common/program.hpp"

namespace sonde::experiments {
namespace {

const About about{
    .name = "boolean_checks",
    .measures =
        "Exact checks: average sensitivity of PARITY, MAJORITY, FIRST, MEAN and random functions "
        "in closed form, by flips and by the Walsh-Hadamard transform; sharpness of a quadratic "
        "loss; blow-up of known inputs; the network's numbers of parameters.",
    .paper =
        "Hahn, Rofin: Why are Sensitive Functions Hard for Transformers? (ACL 2024, arXiv "
        "2402.09963), sections 2 and 4",
    .cost = "two cores: seconds; memory below 300 MiB"};

struct Options {
  std::vector<std::int64_t> lengths{4, 7, 10, 20};
  std::int64_t tables = 0, draws = 0;
  double radius = 0;
};

void declare(Cli& cli, Options& o) {
  cli.default_seeds({1, 1, 1});
  cli.integers("lengths", o.lengths, {1, 20}, "bits of the strings, all of which are visited");
  cli.integer("tables", o.tables, {100, 100, 1000}, {30, 100'000}, "random functions of 10 bits");
  cli.integer("draws", o.draws, {500, 2000, 20'000}, {2, 10'000'000},
              "of the noise on the quadratic loss");
  cli.real("radius", o.radius, {2.28, 2.28, 2.28}, {1e-3, 1000}, "of that noise");
}

std::vector<FunctionFound> functions(Run& run, const std::vector<std::int64_t>& lengths) {
  std::vector<FunctionFound> out;
  for (const std::int64_t n : lengths) {
    std::vector<Target> all{random_target(n, {run.settings().seed, 0x72})};
    for (const std::string& name : target_names()) all.push_back(target(name));
    for (const Target& t : all) {
      out.push_back(function_found(t, n));
      run.stop_if_interrupted();
    }
  }
  return out;
}

void measure(Run& run, Options& o) {
  Results& r = run.results;
  const std::uint64_t seed = run.settings().seed;
  const std::vector<FunctionFound> found = functions(run, o.lengths);
  const std::vector<double> random = random_sensitivities(o.tables, seed);
  const SharpnessFound sharpness = sharpness_found(o.radius, o.draws, seed);
  r.claims = function_claims(found);
  for (std::vector<Claim> more : {{random_claim(random), every_function_claim(), size_claim()},
                                  sharpness_claims(sharpness),
                                  blowup_claims()})
    std::ranges::move(more, std::back_inserter(r.claims));
  r.table = table_of(found);
  r.metrics = {
      {"random", "average sensitivity of random functions of 10 bits", mean_over_units(random)},
      {"expected", "rho^2 tr(H) / (2 p) of the quadratic loss",
       Estimate::exact(sharpness.expected)},
      {"sphere", "its sharpness by random directions", sharpness.sphere},
      {"gaussian", "its sharpness by Gaussian noise", sharpness.gaussian}};
  r.figures = {sensitivity_figure(found, 20)};
  r.notes = {
      "Sensitivities are those of functions with values -1 and 1, the mean's a quarter of the "
      "squared changes. For Boolean functions flips and transform agree to the last bit, since all "
      "sums are whole numbers.",
      "In the authors' code blow-up is the product over norms of the greatest 1 / std over tokens, "
      "with the unbiased deviation, no eps and no 1, in their theory that of 1 + 1 / sqrt(var + "
      "eps). Their sharpness is the rise of the loss under Gaussian noise, their theory's the "
      "squared change of outputs on a sphere: at equal radius rho = eps sqrt(p) they agree where "
      "the loss is 0 and quadratic. All of it is measured in either form."};
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  namespace program = sonde::experiments;
  return program::run_program(program::about, program::declare, program::measure, argc, argv);
}
