#include <algorithm>

#include "experiments/common/program.hpp"
#include "experiments/network/noise.hpp"
#include "experiments/network/programs.hpp"

namespace sonde::experiments {
namespace {

const About about{
    .name = "sensitivity_of",
    .measures =
        "How sensitive your network is: the share of its predictions that flip when a patch, "
        "scattered pixels, a token or all of the input is disturbed, by position and size.",
    .paper =
        "Vasudeva, Fu, Zhou, Kau, Huang, Sharan: Transformers Learn Low Sensitivity Functions "
        "(ICLR 2025, arXiv 2403.06925), for the definition",
    .cost =
        "two cores, the default network and data: --quick seconds, standard below a minute, --full "
        "ten minutes; --dry-run tells it for others"};

void settle(NoiseOptions& o, const Settings& settings) {
  require_one_network(settings);
  if (o.sigmas.empty()) fail(ErrorCode::usage, "--sigma", "give a size of the noise");
  std::ranges::sort(o.sigmas);
}

Network loaded(const NoiseOptions& o, const Settings& settings) {
  const bool test = o.split == "test";
  return load_network(o.network, settings, test ? 1 : o.network.samples,
                      test ? o.network.samples : 1);
}

std::optional<std::string> dry_run(const NoiseOptions& o, const Settings& settings) {
  if (!o.dry_run) return {};
  const Network network = loaded(o, settings);
  return noise_budget(network, settled(o, network)).text();
}

void declare(Cli& cli, NoiseOptions& o) {
  cli.default_seeds({1, 1, 1});
  declare_network(cli, o.network, {100, 500, 2000}, "samples to disturb, chosen by the seed");
  cli.choices(
      "noise", o.noise, noise_names(),
      "what is disturbed; unless given patch and scattered, of a transformer token too, in "
      "a table patch (every column) and whole, and bits if it holds two whole numbers only");
  cli.reals("sigma", o.sigmas, {{1, 3}, {0.5, 1, 3}, {0.25, 0.5, 1, 2, 3}}, {0, 1e6},
            "standard deviations of the noise; of tokens in units of their root mean square");
  cli.choice("split", o.split, {"test", "train"}, "whose samples");
  cli.text("tap", o.tap,
           "where tokens are disturbed: a value [n, tokens, features] in the network");
  cli.integer("patch", o.patch, {0, 0, 0}, {0, 10'000},
              "side of a patch in pixels; 0: 4, in a table 1");
  cli.integer("scattered", o.scattered, {10, 10, 20}, {1, 1'000'000},
              "noises for each sample of scattered pixels, each of as many pixels as a patch has");
  cli.integer("draws", o.draws, {1, 1, 5}, {1, 1'000'000}, "noises for each sample and position");
  cli.integer("batch", o.batch, {256, 256, 256}, {1, 1'000'000},
              "disturbed samples computed at a time; changes no result");
  declare_limits(cli, o.max_memory, o.dry_run);
  cli.settle([&o](const Settings& settings) { settle(o, settings); });
  cli.instead([&o](const Settings& settings) { return dry_run(o, settings); });
}

void measure(Run& run, NoiseOptions& options) {
  const Network network = loaded(options, run.settings());
  run.describe("data", network.data);
  run.describe("network", network.network);
  const NoiseOptions o = settled(options, network);
  noise_budget(network, o).require("allow more, or take a smaller --batch");
  Stages stages(run);
  with_checkpoint([&] { report_noise(run, measure_noise(run, stages, network, o), network, o); });
}

}  // namespace

int sensitivity_of(int argc, const char* const* argv) {
  return run_program(about, declare, measure, argc, argv);
}

}  // namespace sonde::experiments
