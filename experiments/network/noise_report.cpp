// The tables, figures and checks of sensitivity_of.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "experiments/data/mean_picture.hpp"
#include "experiments/network/checks.hpp"
#include "experiments/network/noise.hpp"

namespace sonde::experiments {
namespace {

using Found = NoiseFindings;

std::string size_text(const NoiseMeasurement& m) {
  return m.noise == "bits" ? "" : fmt::format("σ = {:g}", m.sigma);
}

Interval interval_of(const Estimate& e) {
  return e.ci95.value_or(Interval{e.value, e.value});
}

// The flips at one position, all trials taken for independent.
Estimate at_position(const NoiseMeasurement& m, std::size_t t) {
  const auto positions = static_cast<std::int64_t>(m.found.by_position.size());
  const std::int64_t trials = m.found.trials / positions;
  return proportion(std::llround(m.found.by_position[t] * static_cast<double>(trials)), trials);
}

std::vector<std::string> kinds_of(const Found& f) {
  std::vector<std::string> kinds;
  for (const NoiseMeasurement& m : f.measurements)
    if (kinds.empty() || kinds.back() != m.noise) kinds.push_back(m.noise);
  return kinds;
}

std::vector<const NoiseMeasurement*> of_kind(const Found& f, const std::string& noise) {
  std::vector<const NoiseMeasurement*> all;
  for (const NoiseMeasurement& m : f.measurements)
    if (m.noise == noise) all.push_back(&m);
  return all;
}

// --- checks

std::vector<Claim> checks_of(const Found& f) {
  double worst = 0;
  for (const NoiseMeasurement& m : f.measurements) {
    const double s = static_cast<double>(m.found.flips) / static_cast<double>(m.found.trials);
    worst = std::max(
        {worst, std::abs(mean(m.found.by_position) - s), std::abs(mean(m.found.by_input) - s)});
  }
  return {check("no-noise", "Noise of size 0 flips nothing", "flips = 0",
                Estimate::exact(static_cast<double>(f.still_flips), 1,
                                std::max<std::int64_t>(f.still_trials, 1)),
                f.still_flips == 0),
          check("same-measurement", "In batches of another size the measurement is the same",
                "samples that differ = 0",
                Estimate::exact(static_cast<double>(f.apart), 1, f.compared), f.apart == 0),
          check("adds-up", "Means over samples and over positions are the sensitivity",
                "greatest difference at most 1e-12",
                Estimate::exact(worst, 1, std::ssize(f.measurements)), worst <= 1e-12)};
}

// --- figures

CaptionedFigure against_sigma(const Found& f, const NoiseOptions& o, std::uint64_t seed) {
  Figure figure("against_sigma", "Sensitivity against the noise",
                {.label = "σ", .log = o.sigmas.front() > 0, .ticks = o.sigmas},
                {.label = "share of flips", .from_zero = true});
  figure.colour_order(o.noise);
  for (const std::string& kind : kinds_of(f)) {
    if (kind == "bits") continue;
    std::vector<double> x, value, low, high;
    for (const NoiseMeasurement* m : of_kind(f, kind)) {
      const Estimate e = m->found.clustered(seed);
      x.push_back(m->sigma);
      value.push_back(e.value);
      low.push_back(interval_of(e).low);
      high.push_back(interval_of(e).high);
    }
    figure.band(kind, x, low, high);
    figure.line(kind, x, value);
  }
  return {
      std::move(figure),
      "Bands: 95 % intervals over samples. σ counts pixels in [-1, 1] or what the network sees, "
      "and for tokens their root mean square."};
}

CaptionedFigure along_positions(const Found& f, const std::string& kind) {
  Figure figure("positions_" + kind, "Along the positions: " + kind, {.label = "position"},
                {.label = "share of flips", .from_zero = true});
  for (const NoiseMeasurement* m : of_kind(f, kind)) {
    std::vector<double> x, value, low, high;
    for (std::size_t t = 0; t < m->found.by_position.size(); ++t) {
      const Estimate e = at_position(*m, t);
      x.push_back(static_cast<double>(t));
      value.push_back(e.value);
      low.push_back(interval_of(e).low);
      high.push_back(interval_of(e).high);
    }
    figure.band(size_text(*m), x, low, high);
    figure.line(size_text(*m), x, value);
  }
  return {
      std::move(figure),
      "Row by row from the top left, counted from 0. Bands: Wilson's 95 % intervals, all trials "
      "taken for independent."};
}

struct Grid {
  std::int64_t rows = 0, columns = 0;
  std::size_t skip = 0;  // positions before the grid: a class token
};

// Where the positions of a kind lie in an image; nothing if they do not.
std::optional<Grid> grid_of(const std::string& kind, std::size_t positions, const Network& network,
                            const NoiseOptions& o) {
  const Tensor& x = network.train.images;
  const std::int64_t height = x.size(2), width = x.size(3);
  if (!network.images || (kind != "patch" && kind != "token")) return {};
  if (kind == "patch") return Grid{height / o.patch, width / o.patch, 0};
  for (const std::size_t skip : {std::size_t{0}, std::size_t{1}})
    for (std::int64_t side = 1; side <= std::min(height, width); ++side)
      if (height % side == 0 && width % side == 0 &&
          (height / side) * (width / side) == static_cast<std::int64_t>(positions - skip))
        return Grid{height / side, width / side, skip};
  return {};
}

CaptionedFigure map_of(const Found& f, const std::string& kind, const Grid& grid,
                       const ImageSet& set) {
  Figure figure("map_" + kind, "Where it is sensitive: " + kind, {}, {});
  figure.colour_scale({.label = "share of flips", .from_zero = true});
  figure.background(mean_picture(set));
  for (const NoiseMeasurement* m : of_kind(f, kind))
    figure.heat_map(size_text(*m), grid.rows, grid.columns,
                    std::span(m->found.by_position).subspan(grid.skip));
  return {std::move(figure),
          "Share of predictions that flip when this place is disturbed, over the mean sample."};
}

CaptionedFigure over_samples(const Found& f, const NoiseOptions& o) {
  Figure figure("samples", "How many samples are how sensitive",
                {.label = "sensitivity at one sample", .from_zero = true},
                {.label = "share of samples above", .from_zero = true});
  figure.colour_order(o.noise);
  for (const std::string& kind : kinds_of(f)) {
    Sample all = of_kind(f, kind).back()->found.by_input;
    std::ranges::sort(all);
    constexpr int points = 60;
    std::vector<double> x, y;
    for (int i = 0; i <= points; ++i) {
      x.push_back(all.back() * i / points);
      const auto above = all.end() - std::ranges::upper_bound(all, x.back());
      y.push_back(static_cast<double>(above) / static_cast<double>(all.size()));
    }
    figure.line(kind, x, y);
  }
  return {std::move(figure), fmt::format("Noise of σ = {:g}.", o.sigmas.back())};
}

// --- tables

void fill(Results& r, const Found& f, std::uint64_t seed, std::int64_t samples) {
  r.table.columns = {"noise", "sigma", "position", "sensitivity", "low", "high", "trials"};
  const auto add = [&](const NoiseMeasurement& m, const std::string& position, const Estimate& e,
                       std::int64_t trials) {
    r.table.add({m.noise, m.noise == "bits" ? "" : csv_number(m.sigma), position,
                 csv_number(e.value), csv_number(interval_of(e).low),
                 csv_number(interval_of(e).high), std::to_string(trials)});
  };
  r.metrics.push_back(
      {"accuracy", "accuracy without noise",
       proportion(std::llround(f.accuracy * static_cast<double>(samples)), samples)});
  for (const NoiseMeasurement& m : f.measurements) {
    const Estimate whole = m.found.clustered(seed);
    add(m, "all", whole, m.found.trials);
    const std::string size = size_text(m);
    r.metrics.push_back({fmt::format("{}.{}", m.noise, csv_number(m.sigma)),
                         fmt::format("{}{}{}", m.noise, size.empty() ? "" : ", ", size), whole});
    const std::size_t positions = m.found.by_position.size();
    for (std::size_t t = 0; t < positions && positions > 1; ++t)
      add(m, std::to_string(t), at_position(m, t),
          m.found.trials / static_cast<std::int64_t>(positions));
  }
}

}  // namespace

void report_noise(Run& run, const NoiseFindings& f, const Network& network, const NoiseOptions& o) {
  Results& r = run.results;
  const std::uint64_t seed = run.settings().seed;
  const ImageSet& set = disturbed_of(network, o);
  fill(r, f, seed, set.size());
  if (std::ranges::any_of(o.noise, [](const auto& n) { return n != "bits"; }))
    r.figures.push_back(against_sigma(f, o, seed));
  for (const std::string& kind : kinds_of(f)) {
    const std::size_t positions = of_kind(f, kind).front()->found.by_position.size();
    if (const auto grid = grid_of(kind, positions, network, o))
      r.figures.push_back(map_of(f, kind, *grid, set));
    if (positions > 1 && kind != "scattered") r.figures.push_back(along_positions(f, kind));
  }
  r.figures.push_back(over_samples(f, o));
  r.claims = checks_of(f);
  r.claims.insert(r.claims.begin(), all_pass("The measurement", r.claims));
  r.notes = {
      fmt::format("Network: {}, in eval mode. Data: {}. Disturbed are {} {} samples; draws for "
                  "each sample and position: {}.",
                  network.network, network.data, set.size(), o.split, o.draws),
      "Sensitivity is the share of disturbed samples for which the prediction is another than for "
      "the sample itself, right or wrong: a network that always says the same has sensitivity 0. "
      "Compare networks at equal accuracy.",
      fmt::format("patch: every {0} x {0} square in turn; scattered: {1} draws of as many pixels "
                  "anywhere; token: every token at {2} in turn; whole: the whole input at once; "
                  "bits: every input takes its other value in turn.",
                  o.patch, o.scattered, o.tap)};
}

}  // namespace sonde::experiments
