#include "experiments/common/folder.hpp"
#include "experiments/common/program.hpp"
#include "experiments/network/programs.hpp"
#include "experiments/network/spectrum.hpp"

namespace sonde::experiments {
namespace {

const About about{
    .name = "hessian_spectrum",
    .measures =
        "The spectrum of the curvature of your network's loss: its outermost eigenvalues with "
        "residuals, the density of all of them with a band, trace and Frobenius norm with errors.",
    .paper =
        "Ghorbani, Krishnan, Xiao: An Investigation into Neural Net Optimization via Hessian "
        "Eigenvalue Density (ICML 2019, arXiv 1901.10159), for the method",
    .cost =
        "two cores, the default network and data: --quick seconds, standard a minute, --full a "
        "quarter of an hour; --dry-run tells it for others"};

void declare_matrix(Cli& cli, SpectrumOptions& o) {
  CurvatureOptions& c = o.curvature;
  cli.text("params", c.params,
           "which parameters: paths with * for any characters, such as 'encoder.*.self_attn.*'");
  cli.choice("matrix", c.matrix, curvature_names(),
             "ggn is Gauss-Newton's, fisher the same by another path, functional hessian - ggn");
  cli.choice("loss", c.loss, loss_names(), "its mean over the samples; mse has targets 0 and 1");
  cli.choice(
      "mode", c.mode, {"eval", "train"},
      "how the network is called; train is refused where dropout or batch norm then make the "
      "loss depend on more than parameters and samples");
  cli.integer("batch", c.batch, {64, 64, 64}, {1, 1'000'000},
              "samples computed at a time; changes rounding only");
}

void declare_numbers(Cli& cli, SpectrumOptions& o) {
  constexpr Limits<std::int64_t> some{0, 10'000};
  cli.integer("largest", o.largest, {5, 10, 20}, some, "largest eigenvalues");
  cli.integer("smallest", o.smallest, {-1, -1, -1}, {-1, 10'000},
              "smallest (most negative) eigenvalues; -1: half as many as --largest of hessian and "
              "functional, none of the others, whose least are 0");
  cli.real("tolerance", o.tolerance, {1e-3, 1e-4, 1e-5}, {1e-14, 0.1},
           "greatest residual |A v - theta v| / |A| of an eigenvalue");
  cli.integer("probes", o.probes, {3, 6, 10}, some, "random vectors of the density; 0: no density");
  cli.integer("steps", o.steps, {20, 30, 80}, {1, 10'000}, "products with each of them");
  cli.integer("products", o.products, {10, 40, 200}, some,
              "random vectors for the trace, and as many for the norm; 0: neither");
  cli.integer("dense", o.dense, {200, 500, 2000}, {0, 100'000},
              "matrices of up to so many parameters are also computed and decomposed whole");
  cli.choice("by", o.by, {"none", "block"},
             "block: also the outermost eigenvalues and the trace of each module's part alone");
  cli.integer("block-products", o.block_products, {4, 10, 40}, {2, 10'000},
              "random vectors for the trace of a block");
  cli.flag("vectors", o.vectors, "export the eigenvectors too, block by block");
}

// The network without its data counts as well; loading is no measuring.
Network loaded(const SpectrumOptions& o, const Settings& settings) {
  return load_network(o.network, settings, o.network.samples, 1);
}

std::optional<std::string> dry_run(const SpectrumOptions& o, const Settings& settings) {
  if (!o.dry_run) return {};
  return spectrum_budget(loaded(o, settings), o).text();
}

void settle(SpectrumOptions& o, const Settings& settings) {
  const bool indefinite = o.curvature.matrix == "hessian" || o.curvature.matrix == "functional";
  if (o.smallest < 0) o.smallest = indefinite ? o.largest / 2 : 0;
  o.curvature.memory = gib(o.max_memory) / 2;
  require_one_network(settings);
  if (o.by == "block" && o.curvature.params != "*")
    fail_hint(ErrorCode::usage, "--by", "leave --params out, or choose the block with it alone",
              "blocks are those of the whole network, '{}' is a part", o.curvature.params);
}

void declare(Cli& cli, SpectrumOptions& o) {
  cli.default_seeds({1, 1, 1});
  declare_network(cli, o.network, {128, 256, 1000}, "training samples, chosen by the seed");
  declare_matrix(cli, o);
  declare_numbers(cli, o);
  declare_limits(cli, o.max_memory, o.dry_run);
  cli.settle([&o](const Settings& settings) { settle(o, settings); });
  cli.instead([&o](const Settings& settings) { return dry_run(o, settings); });
}

void measure(Run& run, SpectrumOptions& o) {
  const Network network = loaded(o, run.settings());
  run.describe("data", network.data);
  run.describe("network", network.network);
  spectrum_budget(network, o)
      .require("allow more, or take fewer --probes, --steps, --largest, or a part of the --params");
  Stages stages(run);
  if (!stages.resumed())
    for (const char* name : {"eigenvalues.npz", "density.npz"})
      remove_file(run.settings().out / "export" / name);
  make_folder(run.settings().out / "export");
  with_checkpoint(
      [&] { report_spectrum(run, measure_spectrum(run, stages, network, o), network, o); });
}

}  // namespace

int hessian_spectrum(int argc, const char* const* argv) {
  return run_program(about, declare, measure, argc, argv);
}

}  // namespace sonde::experiments
