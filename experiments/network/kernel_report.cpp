// The tables, figures and checks of ntk_spectrum.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "analysis/rank.hpp"
#include "analysis/statistics.hpp"
#include "experiments/network/checks.hpp"
#include "experiments/network/kernel.hpp"
#include "tensor/io_npz.hpp"

namespace sonde::experiments {
namespace {

using Found = KernelFindings;

double rounding(const KernelOptions& o) {
  return o.network.precision == "f64" ? 1e-10 : 1e-4;
}

std::vector<double> positive(const std::vector<double>& values) {
  std::vector<double> out;
  for (const double v : values) out.push_back(std::max(v, 0.0));
  return out;
}

// --- checks

Claim semidefinite(const Found& f, const KernelOptions& o) {
  double least = f.values.back();
  for (const Quadrature& q : f.probes) least = std::min(least, q.nodes.front());
  least /= f.values.front();
  return check("semidefinite", "No eigenvalue that was found is negative",
               fmt::format("least eigenvalue at least -{:g} of the greatest", rounding(o)),
               Estimate::exact(least, 1, f.side), least >= -rounding(o));
}

Claim trace_is_sum(const Found& f) {
  double trace = 0;
  for (std::int64_t i = 0; i < f.kernel.size(0); ++i) trace += f.kernel.at({i, i});
  const double sum = std::accumulate(f.values.begin(), f.values.end(), 0.0),
               apart = std::abs(sum - trace) / trace;
  return check("trace", "The eigenvalues add up to the kernel's trace",
               "relative difference at most 1e-10", Estimate::exact(apart, 1, std::ssize(f.values)),
               apart <= 1e-10);
}

Claim residuals(const Found& f) {
  const double worst = std::ranges::max(f.residuals) / f.values.front();
  return check("residuals", "Every eigenvalue is as exact as asked for",
               "greatest |K v - theta v| / |K| at most 1e-5",
               Estimate::exact(worst, 1, std::ssize(f.values)), worst <= 1e-5);
}

std::vector<Claim> checks_of(const Found& f, const KernelOptions& o) {
  return {check("symmetric", "The kernel is symmetric",
                fmt::format("greatest |K - K'| at most {:g} of the greatest |K|", rounding(o)),
                Estimate::exact(f.asymmetry, 1, f.side), f.asymmetry <= rounding(o)),
          semidefinite(f, o), f.kernel ? trace_is_sum(f) : residuals(f),
          check("two-methods",
                fmt::format("The kernel by {} is the kernel by {}", f.method, f.other_method),
                fmt::format("on {} samples, greatest difference at most {:g} of the greatest |K|",
                            f.compared, rounding(o)),
                Estimate::exact(f.methods_apart, 1, f.compared), f.methods_apart <= rounding(o))};
}

// --- figures

std::vector<double> numbers(std::size_t count) {
  std::vector<double> x(count);
  std::iota(x.begin(), x.end(), 1.0);
  return x;
}

CaptionedFigure eigenvalues_figure(const Found& f) {
  Figure figure("eigenvalues", "Eigenvalues of the tangent kernel",
                {.label = "number, the greatest first", .log = true},
                {.label = "eigenvalue", .log = true});
  figure.line("", numbers(f.values.size()), f.values);
  return {std::move(figure),
          "A straight line is a power law: the directions that gradient descent learns ever more "
          "slowly."};
}

CaptionedFigure log_density(const Found& f) {
  std::vector<double> logs;
  for (const double v : f.values)
    if (v > 1e-12 * f.values.front()) logs.push_back(std::log10(v));
  Figure figure("log_density", "How many eigenvalues are how large", {.label = "log10 eigenvalue"},
                {.label = "eigenvalues"});
  figure.histogram("", logs, 40);
  return {std::move(figure), "Without those below 1e-12 of the greatest."};
}

// The same from what probes of a kernel on disk see.
CaptionedFigure probed_log_density(const Found& f) {
  constexpr double width = 0.25;
  const Slq slq(f.side, f.probes);
  const double greatest = std::log10(f.values.front());
  std::vector<double> x, value, low, high;
  for (int i = -200; i <= 10; ++i) {
    const double t = greatest + 0.05 * i;
    const Estimate e = slq.trace([&](double node) {
      const double z = (std::log10(std::max(node, 1e-300)) - t) / width;
      return std::exp(-z * z / 2) / (width * std::sqrt(2 * std::numbers::pi));
    });
    x.push_back(t);
    value.push_back(e.value);
    low.push_back(std::max(e.ci95 ? e.ci95->low : e.value, 0.0));
    high.push_back(e.ci95 ? e.ci95->high : e.value);
  }
  Figure figure("log_density", "How many eigenvalues are how large", {.label = "log10 eigenvalue"},
                {.label = "eigenvalues per decade", .from_zero = true});
  figure.band("by quadrature", x, low, high);
  figure.line("by quadrature", x, value);
  return {
      std::move(figure),
      fmt::format("{} probes of {} steps each, an eigenvalue as a Gaussian of standard deviation "
                  "{:g}. Band: 95 % interval over probes. Peaks at the lower end may be single "
                  "nodes, each of "
                  "which stands for many eigenvalues.",
                  f.probes.size(), f.probes.front().nodes.size(), width)};
}

CaptionedFigure power_figure(const Found& f) {
  Figure figure("label_power", "The labels in the kernel's first eigenvectors",
                {.label = "eigenvectors", .log = true},
                {.label = "share of the labels", .from_zero = true});
  const std::vector<double> x = numbers(f.power.size());
  std::vector<double> blind;
  for (const double k : x) blind.push_back(k / static_cast<double>(f.side));
  figure.line("the labels", x, f.power);
  figure.line("labels drawn at random", x, blind);
  return {std::move(figure),
          "Of the sum of squares. The faster it rises, the sooner these labels are learnt under "
          "gradient flow with this "
          "kernel. One-hot labels less the mean over classes; for random ones the share expected."};
}

// Samples in order of their class, K_ij / sqrt(K_ii K_jj), the mean over an element's block of
// outputs, and over samples where there are more than the map has room for.
CaptionedFigure map_figure(const Found& f, const Network& network) {
  const auto samples = static_cast<std::size_t>(network.train.size());
  const auto side = static_cast<std::size_t>(f.kernel.size(0)), block = side / samples;
  const std::int64_t* labels = network.train.labels.data<std::int64_t>();
  std::vector<std::size_t> order(samples);
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return labels[i]; });
  const std::size_t cells = std::min<std::size_t>(samples, 96);
  std::vector<double> sums(cells * cells), counts(cells * cells);
  const double* k = f.kernel.data<double>();
  const auto at = [&](std::size_t i, std::size_t j, std::size_t b) {
    return k[(i * block + b) * side + j * block + b];
  };
  for (std::size_t row = 0; row < samples; ++row)
    for (std::size_t column = 0; column < samples; ++column) {
      const std::size_t i = order[row], j = order[column],
                        cell = row * cells / samples * cells + column * cells / samples;
      for (std::size_t b = 0; b < block; ++b)
        sums[cell] += at(i, j, b) / std::sqrt(at(i, i, b) * at(j, j, b));
      counts[cell] += static_cast<double>(block);
    }
  for (std::size_t c = 0; c < sums.size(); ++c) sums[c] /= counts[c];
  Figure figure("kernel_map", "The kernel, samples in order of their class", {.label = "samples"},
                {.label = "samples"});
  figure.colour_scale({.label = "cosine of gradients"});
  figure.heat_map("", static_cast<std::int64_t>(cells), static_cast<std::int64_t>(cells), sums);
  return {std::move(figure),
          "K(x, x') over the root of K(x, x) K(x', x'), of each output with itself. Squares on the "
          "diagonal are classes whose samples move the network alike."};
}

// --- tables

void fill_table(Table& table, const Found& f) {
  table.columns = {"number", "eigenvalue", "label_power"};
  for (std::size_t i = 0; i < f.values.size(); ++i)
    table.add({std::to_string(i + 1), csv_number(f.values[i]), csv_number(f.power[i])});
}

void add_metrics(std::vector<Metric>& metrics, const Found& f, const Network& network,
                 const KernelOptions& o) {
  const std::int64_t m = network.train.size();
  const std::vector<double> values = positive(f.values);
  metrics = {{"largest_eigenvalue", "largest eigenvalue", Estimate::exact(f.values[0], 1, m)},
             {"label_alignment", "alignment with the labels", Estimate::exact(f.alignment, 1, m)}};
  const auto classes =
      static_cast<std::size_t>(std::min<std::int64_t>(network.train.classes, std::ssize(f.power)));
  metrics.push_back({"label_power", fmt::format("labels in the first {} eigenvectors", classes),
                     Estimate::exact(f.power[classes - 1], 1, m)});
  if (f.right)
    metrics.push_back({"regression_accuracy", "test accuracy of kernel regression",
                       proportion(*f.right, network.test.size())});
  if (o.test > 0)
    metrics.push_back({"network_accuracy", "test accuracy of the network",
                       proportion(f.network_right, network.test.size())});
}

std::vector<std::string> notes(const Found& f, const Network& network, const KernelOptions& o) {
  std::vector<std::string> out{
      fmt::format(
          "Network: {}, in eval mode. Data: {}. Theta(x, x')[a, b] = <d f_a(x) / dp, "
          "d f_b(x') / dp> over the parameters that match '{}', of {} samples, by {}, {}.",
          network.network, network.data, o.params, network.train.size(), f.method,
          o.blocks == "traced" ? "the sum over equal outputs a = b" : "all pairs of outputs"),
      f.kernel ? "All eigenvalues are there."
               : fmt::format("The kernel has {} rows and stays on disk: the {} largest eigenvalues "
                             "are by Lanczos' method, the density by quadrature.",
                             f.side, f.values.size()),
      "The effective rank is e to the entropy of the eigenvalues' shares (Roy and Vetterli 2007); "
      "the alignment is Frobenius' inner product with Y Y', normed (Cristianini et al. 2001).",
      "Other samples of the data would give other numbers: m counts them. Intervals of accuracies "
      "are Wilson's over the test samples."};
  if (f.right)
    out.push_back(
        fmt::format("Regression is on one-hot labels less their mean, with a ridge of {:g} "
                    "times the kernel's mean eigenvalue.",
                    o.ridge));
  else if (o.test > 0)
    out.push_back("Some of the outputs cannot predict all classes: no regression.");
  return out;
}

}  // namespace

void report_kernel(Run& run, const KernelFindings& f, const Network& network,
                   const KernelOptions& o) {
  Results& r = run.results;
  fill_table(r.table, f);
  add_metrics(r.metrics, f, network, o);
  r.figures.push_back(eigenvalues_figure(f));
  r.figures.push_back(power_figure(f));
  if (f.kernel) r.figures.push_back(map_figure(f, network));
  r.figures.push_back(f.kernel ? log_density(f) : probed_log_density(f));
  r.claims = checks_of(f, o);
  r.claims.insert(r.claims.begin(), all_pass("The kernel", r.claims));
  r.notes = notes(f, network, o);
  NamedTensors exported{{"eigenvalues", Tensor::from<double>(f.values, {std::ssize(f.values)})},
                        {"labels", network.train.labels}};
  if (f.kernel) exported["kernel"] = f.kernel;
  save_npz((run.settings().out / "export" / "kernel.npz").string(), exported);
}

}  // namespace sonde::experiments
