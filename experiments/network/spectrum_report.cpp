// The tables, figures and checks of hessian_spectrum.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "experiments/network/checks.hpp"
#include "experiments/network/spectrum.hpp"
#include "tensor/io_npz.hpp"

namespace sonde::experiments {
namespace {

// An eigenvalue lies no farther from a Ritz value than its residual.
Estimate eigenvalue(double value, double residual, std::int64_t samples) {
  return {.value = value, .ci95 = Interval{value - residual, value + residual}, .m = samples};
}

// The square root of an estimated square.
Estimate root(const Estimate& square) {
  Estimate e = square;
  e.value = std::sqrt(std::max(square.value, 0.0));
  if (square.std_error) e.std_error = e.value > 0 ? *square.std_error / (2 * e.value) : 0.0;
  if (square.ci95)
    e.ci95 = Interval{std::sqrt(std::max(square.ci95->low, 0.0)),
                      std::sqrt(std::max(square.ci95->high, 0.0))};
  return e;
}

double distance_in_errors(const Estimate& a, const Estimate& b) {
  return std::abs(a.value - b.value) / std::hypot(a.std_error.value_or(0), b.std_error.value_or(0));
}

// --- checks

using Found = SpectrumFindings;

Claim residuals(const Found& f, const SpectrumOptions& o) {
  double greatest = 0;
  for (const EigenEnd* end : {&f.largest, &f.smallest})
    for (const double r : end->residuals) greatest = std::max(greatest, r / f.norm);
  const auto count = static_cast<std::int64_t>(f.largest.values.size() + f.smallest.values.size());
  return check("residuals", "Every eigenvalue is as exact as asked for",
               fmt::format("greatest |A v - theta v| / |A| at most {:g}", o.tolerance),
               Estimate::exact(greatest, 1, count), greatest <= o.tolerance);
}

Claim weights(const Found& f) {
  double worst = 0;
  for (const Quadrature& q : f.probes)
    worst = std::max(worst, std::abs(std::accumulate(q.weights.begin(), q.weights.end(), 0.0) - 1));
  return check("weights", "The density of every probe has mass 1",
               "greatest |sum of the quadrature's weights - 1| at most 1e-12",
               Estimate::exact(worst, 1, static_cast<std::int64_t>(f.probes.size())),
               worst <= 1e-12);
}

Claim nodes_inside(const Found& f, const SpectrumOptions& o) {
  double beyond = 0;
  for (const Quadrature& q : f.probes) {
    beyond = std::max(beyond, q.nodes.back() - f.largest.values.front());
    if (!f.smallest.values.empty())
      beyond = std::max(beyond, f.smallest.values.front() - q.nodes.front());
  }
  return check("nodes-inside", "The density has no mass beyond the outermost eigenvalues",
               fmt::format("a node lies beyond them by at most {:g} |A|", 2 * o.tolerance),
               Estimate::exact(beyond / f.norm, 1, static_cast<std::int64_t>(f.probes.size())),
               beyond <= 2 * o.tolerance * f.norm);
}

Claim two_traces(const Found& f) {
  const Estimate other = Slq(f.size, f.probes).trace([](double t) { return t; });
  const double errors = distance_in_errors(f.trace, other);
  return check("two-traces", "Two independent estimates of the trace agree",
               "Hutchinson's and the density's differ by at most 4 standard errors",
               Estimate::exact(errors, 1, f.trace.n + other.n), errors <= 4);
}

Claim whole(const Found& f, const std::vector<double>& all, const SpectrumOptions& o) {
  double worst = 0;
  for (std::size_t i = 0; i < f.largest.values.size(); ++i)
    worst = std::max(worst, std::abs(f.largest.values[i] - all[all.size() - 1 - i]));
  for (std::size_t i = 0; i < f.smallest.values.size(); ++i)
    worst = std::max(worst, std::abs(f.smallest.values[i] - all[i]));
  return check("whole-matrix", "Lanczos finds the eigenvalues of the whole matrix",
               fmt::format("greatest difference at most {:g} |A|", o.tolerance),
               Estimate::exact(worst / f.norm, 1, f.size), worst <= o.tolerance * f.norm);
}

Claim whole_trace(const Found& f, const std::vector<double>& all) {
  const double exact = std::accumulate(all.begin(), all.end(), 0.0),
               scale = std::accumulate(all.begin(), all.end(), 0.0,
                                       [](double sum, double t) { return sum + std::abs(t); }),
               distance = std::abs(f.trace.value - exact),
               allowed = 4 * f.trace.std_error.value_or(0) + 1e-4 * scale;
  return check("whole-trace", "The estimated trace is that of the whole matrix",
               "difference at most 4 standard errors and 1e-4 of the sum of |eigenvalues|",
               Estimate::exact(distance / allowed, 1, f.size), distance <= allowed);
}

std::vector<Claim> checks_of(const Found& f, const SpectrumOptions& o) {
  const double allowed = o.network.precision == "f64" ? 1e-12 : 1e-5;
  std::vector<Claim> all{
      check("symmetric", "The matrix is symmetric",
            fmt::format("|<u, A v> - <A u, v>| / (|u| |A v| + |A u| |v|) at most {:g} for random u "
                        "and v",
                        allowed),
            Estimate::exact(f.asymmetry), f.asymmetry <= allowed),
      check("same-bits", "A product comes out the same twice", "no bit differs",
            Estimate::exact(f.same_bits ? 0 : 1), f.same_bits)};
  const bool ends = !f.largest.values.empty();
  if (ends || !f.smallest.values.empty()) all.push_back(residuals(f, o));
  if (!f.probes.empty()) all.push_back(weights(f));
  if (!f.probes.empty() && ends) all.push_back(nodes_inside(f, o));
  if (f.probes.size() > 1 && o.products > 0 && f.trace.std_error.value_or(0) > 0)
    all.push_back(two_traces(f));
  if (f.all && f.norm > 0) all.push_back(whole(f, *f.all, o));
  if (f.all && o.products > 0) all.push_back(whole_trace(f, *f.all));
  return all;
}

// --- figures

CaptionedFigure density_figure(const Found& f, const SpectrumOptions& o, const Density& d) {
  Figure figure("density", "Density of eigenvalues", {.label = "eigenvalue"},
                {.label = "density", .log = true});
  std::vector<double> value, low, high;
  double peak = 0;
  for (const Estimate& e : d.values) peak = std::max(peak, e.value);
  const double floor = 1e-7 * peak;
  for (const Estimate& e : d.values) {
    value.push_back(std::max(e.value, floor));
    low.push_back(std::max(e.ci95 ? e.ci95->low : e.value, floor));
    high.push_back(std::max(e.ci95 ? e.ci95->high : e.value, floor));
  }
  figure.band("by quadrature", d.grid, low, high);
  figure.line("by quadrature", d.grid, value);
  if (f.all) {
    const std::vector<Quadrature> every{
        {*f.all, std::vector<double>(f.all->size(), 1 / static_cast<double>(f.size))}};
    const Density exact = Slq(f.size, every)
                              .density({.points = static_cast<std::int64_t>(d.grid.size()),
                                        .width = d.width,
                                        .range = {d.grid.front(), d.grid.back()}});
    std::vector<double> y;
    for (const Estimate& e : exact.values) y.push_back(std::max(e.value, floor));
    figure.line("the whole matrix", d.grid, y);
  }
  return {
      std::move(figure),
      fmt::format("Of {} eigenvalues, each as a Gaussian of standard deviation {:.3g}: {} "
                  "probes, {} steps each. Band: 95 % interval of the mean over probes (Student's "
                  "t). Below {:.1e} it is shown as that.",
                  f.size, d.width, f.probes.size(), std::min(o.steps, f.size), floor)};
}

CaptionedFigure ends_figure(const Found& f) {
  Figure figure("eigenvalues", "Outermost eigenvalues", {.label = "number, from outside"},
                {.label = "eigenvalue"});
  for (const auto& [label, end] : {std::pair{"largest", &f.largest}, {"smallest", &f.smallest}}) {
    std::vector<double> x(end->values.size());
    std::iota(x.begin(), x.end(), 1.0);
    if (!x.empty()) figure.scatter(label, x, end->values);
  }
  figure.level("", 0);
  return {std::move(figure), "Found by Lanczos' method, each with its eigenvector and a residual."};
}

std::vector<CaptionedFigure> block_figures(const Found& f) {
  std::vector<std::string> names;
  std::vector<Estimate> largest, smallest, traces;
  for (const BlockSpectrum& b : f.blocks) {
    names.push_back(b.name);
    largest.push_back(Estimate::exact(b.largest.values[0]));
    if (!b.smallest.values.empty()) smallest.push_back(Estimate::exact(b.smallest.values[0]));
    traces.push_back(b.trace);
  }
  Figure ends("block_eigenvalues", "Outermost eigenvalues of each block alone",
              {.label = "eigenvalue"}, {.label = "", .categories = names});
  ends.bars("largest", largest);
  if (!smallest.empty()) ends.bars("smallest", smallest);
  Figure trace("block_traces", "Trace of each block", {.label = "trace"},
               {.label = "", .categories = names});
  trace.bars("", traces);
  std::vector<CaptionedFigure> figures;
  figures.push_back({std::move(ends),
                     "Of the part of the matrix that belongs to the parameters of one module: what "
                     "curvature is left when only that module is trained."});
  figures.push_back(
      {std::move(trace), "Blocks on the diagonal add up to the whole trace. Whiskers: 95 %."});
  return figures;
}

// --- tables

class Rows {
 public:
  explicit Rows(Table& table) : table_(table) {
    table_.columns = {"quantity", "of", "index", "value", "std_error", "low", "high"};
  }
  void add(const std::string& quantity, const std::string& of, std::size_t index,
           const Estimate& e) {
    const auto number = [](bool known, double v) { return known ? csv_number(v) : ""; };
    table_.add({quantity, of, std::to_string(index), csv_number(e.value),
                number(e.std_error.has_value(), e.std_error.value_or(0)),
                number(e.ci95.has_value(), e.ci95 ? e.ci95->low : 0),
                number(e.ci95.has_value(), e.ci95 ? e.ci95->high : 0)});
  }
  void add(const std::string& quantity, const std::string& of, const EigenEnd& end,
           std::int64_t samples) {
    for (std::size_t i = 0; i < end.values.size(); ++i)
      add(quantity, of, i, eigenvalue(end.values[i], end.residuals[i], samples));
  }

 private:
  Table& table_;
};

void fill_table(Table& table, const Found& f, const SpectrumOptions& o, std::int64_t samples) {
  Rows rows(table);
  rows.add("loss", "all", 0, Estimate::exact(f.loss, 1, samples));
  rows.add("largest eigenvalue", "all", f.largest, samples);
  rows.add("smallest eigenvalue", "all", f.smallest, samples);
  if (o.products > 0) {
    rows.add("trace", "all", 0, f.trace);
    rows.add("frobenius norm", "all", 0, root(f.squared_norm));
  }
  for (const BlockSpectrum& b : f.blocks) {
    rows.add("largest eigenvalue", b.name, b.largest, samples);
    rows.add("smallest eigenvalue", b.name, b.smallest, samples);
    rows.add("trace", b.name, 0, b.trace);
  }
}

void add_metrics(std::vector<Metric>& metrics, const Found& f, const SpectrumOptions& o,
                 std::int64_t samples) {
  metrics.push_back({"loss", "mean loss", Estimate::exact(f.loss, 1, samples)});
  metrics.push_back({"accuracy", "accuracy", Estimate::exact(f.accuracy, 1, samples)});
  const auto outermost = [&](const char* name, const EigenEnd& end) {
    if (!end.values.empty())
      metrics.push_back({std::string(name) + "_eigenvalue", std::string(name) + " eigenvalue",
                         eigenvalue(end.values[0], end.residuals[0], samples)});
  };
  outermost("largest", f.largest);
  outermost("smallest", f.smallest);
  if (o.products == 0) return;
  metrics.push_back({"trace", "trace", f.trace});
  metrics.push_back({"frobenius_norm", "Frobenius norm", root(f.squared_norm)});
}

void export_density(const Run& run, const Found& f, const Density& d) {
  std::vector<double> values, nodes, weights, errors;
  for (const Estimate& e : d.values) {
    values.push_back(e.value);
    errors.push_back(e.std_error.value_or(std::nan("")));
  }
  for (const Quadrature& q : f.probes) {
    nodes.insert(nodes.end(), q.nodes.begin(), q.nodes.end());
    weights.insert(weights.end(), q.weights.begin(), q.weights.end());
  }
  const auto vector = [](const std::vector<double>& v) {
    return Tensor::from<double>(v, {static_cast<std::int64_t>(v.size())});
  };
  save_npz((run.settings().out / "export" / "density.npz").string(),
           {{"grid", vector(d.grid)},
            {"density", vector(values)},
            {"std_error", vector(errors)},
            {"nodes", vector(nodes)},
            {"weights", vector(weights)}});
}

std::vector<std::string> notes(const Found& f, const Network& network, const SpectrumOptions& o) {
  std::vector<std::string> out{
      fmt::format("Network: {}. Data: {}. The matrix is the {} of the mean {} over {} samples with "
                  "respect to the {} parameters that match '{}', in {} mode and {}.",
                  network.network, network.data, o.curvature.matrix, o.curvature.loss,
                  network.train.size(), f.size, o.curvature.params, o.curvature.mode,
                  o.network.precision),
      "An eigenvalue's interval is not one of chance: an eigenvalue of the matrix lies within the "
      "residual |A v - theta v|. Intervals of trace, norm and density are those over random "
      "vectors; other samples of the data would give another matrix."};
  if (f.products > 0)
    out.push_back(fmt::format("Lanczos' method took {} products for the eigenvalues.", f.products));
  return out;
}

}  // namespace

void report_spectrum(Run& run, const SpectrumFindings& f, const Network& network,
                     const SpectrumOptions& o) {
  Results& r = run.results;
  const std::int64_t samples = network.train.size();
  fill_table(r.table, f, o, samples);
  add_metrics(r.metrics, f, o, samples);
  if (!f.probes.empty()) {
    const Density density = Slq(f.size, f.probes).density();
    r.figures.push_back(density_figure(f, o, density));
    export_density(run, f, density);
  }
  if (f.largest.values.size() + f.smallest.values.size() > 0) r.figures.push_back(ends_figure(f));
  if (!f.blocks.empty())
    for (CaptionedFigure& figure : block_figures(f)) r.figures.push_back(std::move(figure));
  r.claims = checks_of(f, o);
  r.claims.insert(r.claims.begin(), all_pass("The spectrum", r.claims));
  r.notes = notes(f, network, o);
}

}  // namespace sonde::experiments
