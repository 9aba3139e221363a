#include "experiments/common/folder.hpp"
#include "experiments/common/program.hpp"
#include "experiments/network/kernel.hpp"
#include "experiments/network/programs.hpp"

namespace sonde::experiments {
namespace {

const About about{
    .name = "ntk_spectrum",
    .measures =
        "The tangent kernel of your network over samples of data: its eigenvalues, how well it is "
        "aligned with the labels, its effective rank, and how well regression with it predicts.",
    .paper =
        "Jacot, Gabriel, Hongler: Neural Tangent Kernel (NeurIPS 2018, arXiv 1806.07572); methods "
        "after Novak, Sohl-Dickstein, Schoenholz: Fast Finite Width Neural Tangent Kernel (ICML "
        "2022, arXiv 2206.08720)",
    .cost =
        "two cores, the default network and data: --quick seconds, standard below a minute, --full "
        "some minutes; --dry-run tells it for others"};

void settle(const KernelOptions& o, const Settings& settings) {
  require_one_network(settings);
  std::vector<std::int64_t> outputs = o.outputs;
  std::ranges::sort(outputs);
  if (std::ranges::adjacent_find(outputs) != outputs.end())
    fail(ErrorCode::usage, "--outputs", "an output appears twice");
}

Network loaded(const KernelOptions& o, const Settings& settings) {
  Network n =
      load_network(o.network, settings, o.network.samples, std::max<std::int64_t>(o.test, 1));
  for (const std::int64_t chosen : o.outputs)
    if (chosen >= n.outputs)
      fail_hint(ErrorCode::usage, "--outputs", "they count from 0",
                "the network has {} outputs, number {} is not there", n.outputs, chosen);
  return n;
}

std::optional<std::string> dry_run(const KernelOptions& o, const Settings& settings) {
  if (!o.dry_run) return {};
  return kernel_budget(loaded(o, settings), o).text();
}

void declare(Cli& cli, KernelOptions& o) {
  cli.default_seeds({1, 1, 1});
  o.network.precision = "f64";  // of sums over all parameters f32 leaves five digits
  declare_network(cli, o.network, {64, 256, 1000}, "training samples, chosen by the seed");
  cli.text("params", o.params,
           "which parameters: paths with * for any characters, such as 'encoder.*.self_attn.*'");
  cli.choice("method", o.method, ntk_method_names(),
             "contract the Jacobians, products of one Jacobian with the other, or structured by "
             "layers; auto takes the cheapest");
  cli.choice("kernel", o.blocks, {"traced", "full"},
             "traced: the sum over outputs; full: every output with every other");
  cli.integers("outputs", o.outputs, {0, 1'000'000},
               "only these of the network's outputs; all if "
               "not given");
  cli.integer("test", o.test, {100, 500, 2000}, {0, 1'000'000},
              "test samples that kernel regression predicts; 0: no regression");
  cli.real("ridge", o.ridge, {1e-3, 1e-3, 1e-3}, {1e-12, 1e6},
           "of the regression, in units of the kernel's mean eigenvalue");
  cli.integer("tile", o.tile, {0, 0, 0}, {0, 10'000},
              "samples in a tile of the kernel; 0: as many as fit, at most 128");
  cli.integer("dense", o.dense, {4000, 4000, 4000}, {0, 100'000},
              "kernels of up to so many rows are decomposed whole; larger ones stay on disk");
  cli.integer("largest", o.largest, {20, 50, 100}, {1, 10'000}, "eigenvalues of a larger one");
  declare_limits(cli, o.max_memory, o.dry_run);
  cli.settle([&o](const Settings& settings) { settle(o, settings); });
  cli.instead([&o](const Settings& settings) { return dry_run(o, settings); });
}

void measure(Run& run, KernelOptions& o) {
  const Network network = loaded(o, run.settings());
  run.describe("data", network.data);
  run.describe("network", network.network);
  kernel_budget(network, o)
      .require(
          "allow more, or take fewer --samples, the traced --kernel, or a part of the --params");
  Stages stages(run);
  const auto tiles = run.settings().out / "tiles";
  if (!stages.resumed() && is_folder(tiles))
    remove_files(tiles, [](const std::string& name) {
      return name == "kernel.txt" || (name.starts_with("tile_") && name.ends_with(".npy"));
    });
  make_folder(run.settings().out / "export");
  if (!stages.resumed()) remove_file(run.settings().out / "export" / "kernel.npz");
  with_checkpoint([&] { report_kernel(run, measure_kernel(run, stages, network, o), network, o); });
}

}  // namespace

int ntk_spectrum(int argc, const char* const* argv) {
  return run_program(about, declare, measure, argc, argv);
}

}  // namespace sonde::experiments
