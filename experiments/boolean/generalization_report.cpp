// The table, the metrics and the figures of boolean_generalization.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/statistics.hpp"
#include "experiments/boolean/generalization_claims.hpp"

namespace sonde::experiments {
namespace {

const std::vector<std::string> kinds{"learnt", "random"};

const Completion& completion(const Learnt& l, const std::string& kind) {
  return kind == "random" ? l.random : l.learnt;
}

// Over seeds, the mean over the parts of one size that are fitted.
Estimate mean_of(const Generalization& g, std::int64_t size,
                 const std::function<double(const Learnt&)>& value) {
  std::map<std::uint64_t, Sample> values;
  std::int64_t parts = 0;
  for (const Learnt& l : g.parts)
    if (l.fits && l.part.size == size) {
      values[l.part.seed].push_back(value(l));
      ++parts;
    }
  Sample means;
  for (const auto& [seed, sample] : values) means.push_back(mean(sample));
  if (means.empty()) return {.m = 0};
  Estimate e = mean_over_units(means);
  e.m = parts;
  return e;
}

Estimate mean_sensitivity(const Generalization& g, std::int64_t size, const std::string& kind) {
  return mean_of(g, size, [&](const Learnt& l) { return completion(l, kind).sensitivity; });
}

struct NamedNumber {
  const char *id, *label;
  double (*of)(const Fit& f);
};
const NamedNumber sharpness{"sharpness", "sharpness (labels)",
                            [](const Fit&f) { return f.everywhere.label_sharpness.value; }},
    output_sharpness{"output_sharpness", "sharpness (outputs)",
                     [](const Fit&f) { return f.everywhere.output_sharpness.value; }},
    shown_sharpness{"shown_sharpness", "part's sharpness (labels)",
                    [](const Fit&f) { return f.shown.label_sharpness.value; }},
    shown_output_sharpness{"shown_output_sharpness", "part's sharpness (outputs)",
                           [](const Fit&f) { return f.shown.output_sharpness.value; }},
    fitted_sensitivity{"sensitivity", "average sensitivity",
                       [](const Fit&f) { return f.sensitivity; }};

std::string series(const std::string& kind, std::int64_t size) {
  return fmt::format("{}, {} shown", kind, size);
}

std::vector<std::string> all_series(const std::vector<std::int64_t>& sizes) {
  std::vector<std::string> out;
  for (const std::string& kind : kinds)
    for (const std::int64_t size : sizes) out.push_back(series(kind, size));
  return out;
}

// A point for each kept fit, coloured by kind and size.
Figure scatter_of(const std::string& name, const Generalization& g,
                  const std::vector<std::int64_t>& sizes, const NamedNumber& x,
                  const NamedNumber& y) {
  Figure f(name, fmt::format("{} by {}", y.label, x.label), {.label = x.label}, {.label = y.label});
  f.colour_order(all_series(sizes));
  for (const std::string& kind : kinds)
    for (const std::int64_t size : sizes) {
      std::vector<double> xs, ys;
      for (const Fit& fit : g.fits)
        if (converged(fit) && fit.of.kind == kind && fit.of.part.size == size) {
          xs.push_back(x.of(fit));
          ys.push_back(y.of(fit));
        }
      if (!xs.empty()) f.scatter(series(kind, size), xs, ys);
    }
  return f;
}

Figure sensitivity_figure(const Generalization& g, const std::vector<std::int64_t>& sizes) {
  Figure f("sensitivity_by_size", "sensitivity of what is learnt", {.label = "strings shown"},
           {.label = "average sensitivity"});
  f.colour_order(kinds);
  for (const std::string& kind : kinds) {
    std::vector<double> x, y;
    std::vector<Estimate> means;
    for (const std::int64_t size : sizes) {
      const Estimate e = mean_sensitivity(g, size, kind);
      if (e.m == 0) continue;
      x.push_back(static_cast<double>(size));
      y.push_back(e.value);
      means.push_back(e);
    }
    if (x.empty()) continue;
    f.line(kind, x, y);
    f.estimates(kind, x, means);
  }
  if (!g.parts.empty()) f.level("half the bits", static_cast<double>(g.parts[0].part.length) / 2);
  return f;
}

Figure profile_figure(const Generalization& g, const std::vector<std::int64_t>& sizes) {
  Figure f("degree_profile", "Fourier weight by degree", {.label = "degree"},
           {.label = "Fourier weight"});
  f.colour_order(all_series(sizes));
  const auto degrees =
      g.parts.empty() ? std::size_t{0} : static_cast<std::size_t>(g.parts[0].part.length) + 1;
  for (const std::string& kind : kinds)
    for (const std::int64_t size : sizes) {
      std::vector<double> x, y;
      std::vector<Estimate> weights;
      for (std::size_t k = 0; k < degrees; ++k) {
        weights.push_back(
            mean_of(g, size, [&](const Learnt& l) { return completion(l, kind).profile[k]; }));
        x.push_back(static_cast<double>(k));
        y.push_back(weights.back().value);
      }
      if (weights.empty() || weights[0].m == 0) continue;
      f.line(series(kind, size), x, y);
      f.estimates(series(kind, size), x, weights);
    }
  return f;
}

std::vector<std::string> first_fields(const char* network, const ShownPart& p,
                                      const std::string& kind, const std::string& fit) {
  return {network,
          std::to_string(p.seed),
          std::to_string(p.length),
          std::to_string(p.size),
          std::to_string(p.subset),
          kind,
          fit};
}

std::string counted(const std::string& of, std::int64_t count, std::int64_t all) {
  return count == 0 ? fmt::format("{}: none of {}", of, all)
                    : fmt::format("{}: {} of {}", of, count, all);
}

}  // namespace

Table table_of(const Generalization& g) {
  Table table{.columns = {"network", "seed", "length", "size", "subset", "function", "fit", "steps",
                          "kept", "loss", "sensitivity", "random_sensitivity"}};
  const std::vector<std::string> measured{
      "sharpness", "sharpness_error", "output_sharpness", "output_sharpness_error", "radius",
      "norm",      "log_blowup",      "theory_log_blowup"};
  for (const std::string& name : measured) table.columns.push_back(name);
  for (const char* name : {"shown_sharpness", "shown_sharpness_error", "shown_output_sharpness",
                           "shown_output_sharpness_error"})
    table.columns.emplace_back(name);
  const auto add = [&](std::vector<std::string> row, const std::vector<double>& numbers) {
    for (const double v : numbers) row.push_back(csv_number(v));
    row.resize(table.columns.size());
    table.add(std::move(row));
  };
  for (const Learnt& l : g.parts)
    add(first_fields("shown a part", l.part, "learnt", ""),
        {static_cast<double>(l.steps), l.fits ? 1.0 : 0.0, 4 * l.loss, l.learnt.sensitivity,
         l.random.sensitivity});
  for (const Fit& f : g.fits) {
    std::vector<std::string> row =
        first_fields("fitted", f.of.part, f.of.kind, std::to_string(f.of.fit));
    row.emplace_back();  // all have the same number of steps
    row.emplace_back(converged(f) ? "1" : "0");
    row.push_back(csv_number(f.everywhere.loss));
    row.push_back(csv_number(f.sensitivity));
    row.emplace_back();
    const BitMeasurement &m = f.everywhere, &s = f.shown;
    add(std::move(row),
        {m.label_sharpness.value, m.label_sharpness.std_error.value_or(0), m.output_sharpness.value,
         m.output_sharpness.std_error.value_or(0), m.radius, m.norm, m.log_blowup,
         m.theory_log_blowup, s.label_sharpness.value, s.label_sharpness.std_error.value_or(0),
         s.output_sharpness.value, s.output_sharpness.std_error.value_or(0)});
  }
  return table;
}

std::vector<Metric> generalization_metrics(const Generalization& g,
                                           const std::vector<std::int64_t>& sizes) {
  std::vector<Metric> out;
  for (const std::int64_t size : sizes)
    for (const std::string& kind : kinds)
      if (const Estimate e = mean_sensitivity(g, size, kind); e.m > 0)
        out.push_back({fmt::format("sensitivity_{}_{}", kind, size),
                       fmt::format("average sensitivity, {}", series(kind, size)), e});
  for (const NamedNumber& n :
       {sharpness, output_sharpness, shown_sharpness, shown_output_sharpness}) {
    for (const std::string& kind : {std::string(), kinds[0], kinds[1]})
      if (const auto e = rank_association(g, n.of, kind))
        out.push_back({fmt::format("association_{}{}{}", n.id, kind.empty() ? "" : "_", kind),
                       fmt::format("rank correlation of sensitivity and {}{}{}", n.label,
                                   kind.empty() ? "" : ", functions ", kind),
                       *e});
    if (const auto e = excess(g, n.of))
      out.push_back({fmt::format("excess_{}", n.id),
                     fmt::format("{}: completions less what is learnt", n.label), *e});
  }
  return out;
}

std::vector<CaptionedFigure> generalization_figures(const Generalization& g,
                                                    const std::vector<std::int64_t>& sizes) {
  const std::string points = "A point is a network that is kept. Fits above the loss bound: " +
                             discarded_text(g, sizes) + ".",
                    means =
                        "Means over seeds with 95 % intervals, where the part is fitted. Not "
                        "fitted: " +
                        unfitted_text(g, sizes) + ".";
  return {{scatter_of("sharpness_by_sensitivity", g, sizes, fitted_sensitivity, sharpness), points},
          {scatter_of("output_sharpness_by_sensitivity", g, sizes, fitted_sensitivity,
                      output_sharpness),
           points},
          {scatter_of("shown_sharpness", g, sizes, sharpness, shown_sharpness), points},
          {scatter_of("shown_output_sharpness", g, sizes, output_sharpness, shown_output_sharpness),
           points},
          {sensitivity_figure(g, sizes), means + " The line is what a random function has."},
          {profile_figure(g, sizes),
           means + " The average sensitivity is the mean degree under these weights."}};
}

std::string unfitted_text(const Generalization& g, const std::vector<std::int64_t>& sizes) {
  std::vector<std::string> parts;
  for (const std::int64_t size : sizes) {
    std::int64_t all = 0, unfitted = 0;
    for (const Learnt& l : g.parts)
      if (l.part.size == size) {
        ++all;
        unfitted += !l.fits;
      }
    parts.push_back(counted(fmt::format("{} shown", size), unfitted, all));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string discarded_text(const Generalization& g, const std::vector<std::int64_t>& sizes) {
  std::vector<std::string> parts;
  for (const std::string& kind : kinds)
    for (const std::int64_t size : sizes) {
      std::int64_t all = 0, discarded = 0;
      for (const Fit& f : g.fits)
        if (f.of.kind == kind && f.of.part.size == size) {
          ++all;
          discarded += !converged(f);
        }
      parts.push_back(counted(series(kind, size), discarded, all));
    }
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace sonde::experiments
