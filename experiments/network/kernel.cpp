#include "experiments/network/kernel.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/kernel.hpp"
#include "analysis/sensitivity.hpp"
#include "autograd/ops.hpp"
#include "experiments/network/tiled_kernel.hpp"
#include "experiments/vision/trainer.hpp"

namespace sonde::experiments {
namespace {

constexpr std::pair<const char*, NtkMethod> methods[] = {
    {"auto", NtkMethod::automatic},
    {"contract", NtkMethod::contract},
    {"products", NtkMethod::vector_products},
    {"structured", NtkMethod::structured},
};

NtkMethod method_of(const std::string& name) {
  return std::ranges::find(methods, name, [](const auto& m) { return std::string(m.first); })
      ->second;
}

NtkOptions ntk_options(const KernelOptions& o) {
  return {.method = method_of(o.method),
          .trace = o.blocks == "traced",
          .outputs = o.outputs,
          .tile = o.tile,
          .max_memory = gib(o.max_memory) / 2};
}

// Of a traced kernel 1, of a full one the outputs.
std::int64_t block_of(const Network& network, const KernelOptions& o) {
  if (o.blocks == "traced") return 1;
  if (!o.outputs.empty()) return static_cast<std::int64_t>(o.outputs.size());
  return network.outputs;
}

// The training inputs, where the network lies.
Tensor inputs_of(const Network& network) {
  return network.train.images.to(network.module->device());
}

// [n, m] or [n, m, b, b] as a matrix f64 [n b, m b], on the host.
Tensor as_matrix(const Tensor& kernel) {
  Tensor k = kernel.to(Device{}).to(DType::f64);
  if (k.rank() == 2) return k;
  return k.permute({0, 2, 1, 3}).reshape({k.size(0) * k.size(2), k.size(1) * k.size(3)});
}

// One row a sample, one column an output: 1 for the sample's class, less the mean over classes.
Tensor targets_of(const ImageSet& set, std::int64_t outputs) {
  const Var hot = one_hot(set.labels, outputs, DType::f64);
  return (hot - 1.0 / static_cast<double>(outputs)).tensor();
}

// Targets for the rows of the kernel: [n, classes] of a traced one, [n outputs] of a full one.
Tensor kernel_targets(const Network& network, const KernelOptions& o) {
  Tensor y = targets_of(network.train, network.outputs);
  if (o.blocks == "traced") return y;
  if (!o.outputs.empty())
    y = index_select(
            y, 1,
            Tensor::from<std::int64_t>(o.outputs, {static_cast<std::int64_t>(o.outputs.size())}))
            .tensor();
  return y.contiguous().reshape({y.numel()});
}

std::int64_t count_right(const Tensor& predicted, const ImageSet& set) {
  const std::vector<std::int64_t> classes = predictions(predicted);
  std::int64_t right = 0;
  for (std::size_t i = 0; i < classes.size(); ++i)
    right += classes[i] == set.labels.data<std::int64_t>()[i];
  return right;
}

// The kernel of test samples with the training samples, some test samples at a time.
Tensor test_kernel(Run& run, Stages& stages, const Network& network, const ParameterPoint& at,
                   const KernelOptions& o) {
  constexpr std::int64_t at_once = 50;
  const Device device = at.space.device();
  const Tensor train = network.train.images.to(device), test = network.test.images.to(device);
  Vars parts;
  const std::int64_t count = network.test.size();
  Watched watched(run, stages, "test kernel", count, "samples");
  for (std::int64_t begin = 0; begin < count; begin += at_once) {
    const std::int64_t end = std::min(begin + at_once, count);
    parts.push_back(stages.tensor_once(fmt::format("test.{}", begin), [&] {
      return ntk(rows_of(at), at, test.slice(0, begin, end), train, ntk_options(o)).to(Device{});
    }));
    watched.reached(end);
  }
  return as_matrix(concat(parts, 0).tensor());
}

// Regression on classes needs all outputs, and someone to predict for.
bool regresses(const KernelOptions& o) {
  return o.test > 0 && (o.blocks == "traced" || o.outputs.empty());
}

// The coefficients of the training samples, of the targets' shape.
Tensor coefficients(Run& run, Stages& stages, const KernelFindings& f, const TileFolder& tiles,
                    const Tensor& y, double ridge) {
  if (!f.kernel) return tiled_regression(run, stages, tiles, y, ridge);
  const double mean = sum(diagonal(Var(f.kernel))).item() / static_cast<double>(f.side);
  // What it predicts for unit rows are its coefficients.
  const KernelRegression fit(f.kernel, y, ridge * mean);
  return fit.predict(Tensor::eye(f.side, DType::f64));
}

double greatest(const Var& a) {
  return amax(abs(a)).item();
}

void decompose_whole(KernelFindings& f, Stages& stages, const TileFolder& tiles, const Tensor& y) {
  const Tensor read = as_matrix(tiles.assembled());
  const Var k = read;
  f.asymmetry = greatest(k - transpose(k)) / greatest(k);
  f.kernel = ((k + transpose(k)) * 0.5).tensor();
  const Json found = stages.once("spectrum", [&] {
    const KernelSpectrum spectrum = kernel_spectrum(f.kernel);
    return Json{{"values", spectrum.values.to_vector<double>()},
                {"power", cumulative_power(spectrum, y).to_vector<double>()},
                {"alignment", label_alignment(f.kernel, y)}};
  });
  f.values = found.at("values").get<std::vector<double>>();
  f.power = found.at("power").get<std::vector<double>>();
  f.alignment = found.at("alignment").get<double>();
}

void decompose_tiled(KernelFindings& f, TiledSpectrum s) {
  f.values = std::move(s.values);
  f.residuals = std::move(s.residuals);
  f.power = std::move(s.power);
  f.probes = std::move(s.probes);
  f.alignment = s.alignment;
  f.asymmetry = s.asymmetry;
}

// The kernel of a few samples by another method than the one that was used.
void compare_methods(KernelFindings& f, Stages& stages, const Network& network,
                     const ParameterPoint& at, const KernelOptions& o, NtkMethod used,
                     const Tensor& first_tile) {
  NtkOptions other = ntk_options(o);
  other.method = used == NtkMethod::contract ? NtkMethod::vector_products : NtkMethod::contract;
  other.tile = 0;
  f.compared = std::min<std::int64_t>(4, first_tile.size(0));
  f.other_method = to_string(other.method);
  f.methods_apart = stages
                        .once("two methods",
                              [&] {
                                const Tensor x = inputs_of(network).slice(0, 0, f.compared),
                                             again = as_matrix(ntk(rows_of(at), at, x, other));
                                const std::int64_t side = again.size(0);
                                const Var part =
                                    as_matrix(first_tile).slice(0, 0, side).slice(1, 0, side);
                                return Json(greatest(part - again) / greatest(again));
                              })
                        .get<double>();
}

}  // namespace

std::vector<std::string> ntk_method_names() {
  std::vector<std::string> names;
  for (const auto& [name, method] : methods) names.emplace_back(name);
  return names;
}

Budget kernel_budget(const Network& network, const KernelOptions& o) {
  const ParameterPoint at(*network.module, o.params);
  const Tensor x = inputs_of(network);
  const NtkPlan plan = ntk_plan(rows_of(at), at, x, x, ntk_options(o));
  const auto n = static_cast<double>(x.size(0)), block = static_cast<double>(block_of(network, o)),
             side = n * block, element = static_cast<double>(size_of(at.space.dtype()));
  Budget b{.of = fmt::format("{}; {} of them chosen. {}. Kernel {} x {} ({}), by {} in tiles of {} "
                             "samples; on disk {}.",
                             network.network, at.space.size(), network.data, n * block, n * block,
                             o.blocks, to_string(plan.method), plan.tile,
                             bytes_text(side * side * element * (n + 1) / (2 * n))),
           .limit = static_cast<double>(gib(o.max_memory))};
  const Cost& chosen = plan.cost();
  b.works.push_back({"kernel by " + to_string(plan.method), fmt::format("{} samples", n),
                     chosen.flops / 2, chosen.bytes});
  const bool whole = side <= static_cast<double>(o.dense);
  const double products = static_cast<double>(8 * o.largest + 20 + 6 * 60);
  if (whole)
    b.works.push_back({"eigenvalues", fmt::format("{} of them", side), 9 * side * side * side,
                       4 * side * side * 8});
  else
    b.works.push_back({"largest eigenvalues, density", fmt::format("about {} products", products),
                       products * 2 * side * side,
                       (4 * static_cast<double>(o.largest) + 6 * 60) * side * element});
  if (!regresses(o)) return b;
  const auto test = static_cast<double>(o.test);
  b.works.push_back({"kernel regression", fmt::format("{} test samples", test),
                     chosen.flops * test / n + (whole ? side * side * side / 3 : 0),
                     chosen.bytes + ((whole ? 4 * side : 100) + test * block) * side * 8});
  return b;
}

KernelFindings measure_kernel(Run& run, Stages& stages, const Network& network,
                              const KernelOptions& o) {
  const ParameterPoint at(*network.module, o.params);
  const Tensor x = inputs_of(network);
  const NtkOptions options = ntk_options(o);
  const NtkMethod used = ntk_plan(rows_of(at), at, x, x, options).method;
  KernelFindings f;
  f.method = to_string(used);
  TileFolder tiles((run.settings().out / "tiles").string());
  {
    Watched watched(run, stages, "kernel", 100, "percent");
    ntk(rows_of(at), at, x, tiles, options, [&](double share) { watched.reached_share(share); });
  }
  f.side = tiles.rows() * tiles.block();
  const Tensor y = kernel_targets(network, o);
  if (f.side <= o.dense)
    decompose_whole(f, stages, tiles, y);
  else
    decompose_tiled(f, tiled_spectrum(run, stages, tiles, y, o.largest));
  compare_methods(f, stages, network, at, o, used, tiles.get(0, 0));
  if (o.test > 0)
    f.network_right = std::llround(accuracy(classifier(*network.module), network.test) *
                                   static_cast<double>(network.test.size()));
  if (!regresses(o)) return f;
  const Tensor c = coefficients(run, stages, f, tiles, y, o.ridge);
  const Tensor predicted = matmul(test_kernel(run, stages, network, at, o), c).tensor();
  const std::int64_t samples = network.test.size();
  f.right = count_right(predicted.reshape({samples, predicted.numel() / samples}), network.test);
  return f;
}

}  // namespace sonde::experiments
