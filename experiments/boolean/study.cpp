#include "experiments/boolean/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "analysis/boolean.hpp"
#include "analysis/statistics.hpp"

namespace sonde::experiments {

bool converged(const TrainedBits& t) {
  return t.found.loss < 4 * greatest_loss;  // the loss found is that of labels -1 and 1
}

TrainedRuns runs_where(const TrainedRuns& runs,
                       const std::function<bool(const TrainedBits&)>& hold) {
  TrainedRuns out;
  std::ranges::copy_if(runs, std::back_inserter(out), hold);
  return out;
}

TrainedRuns of_seed(const TrainedRuns& runs, std::uint64_t seed) {
  return runs_where(runs, [=](const TrainedBits& t) { return t.of.seed == seed; });
}

TrainedRuns kept_runs(const TrainedRuns& runs, const std::string& target) {
  return runs_where(runs,
                    [&](const TrainedBits& t) { return t.of.target == target && converged(t); });
}

std::vector<std::int64_t> lengths_of(const TrainedRuns& runs) {
  std::set<std::int64_t> all;
  for (const TrainedBits& t : runs) all.insert(t.of.length);
  return {all.begin(), all.end()};
}

std::vector<std::uint64_t> seeds_of(const TrainedRuns& runs) {
  std::set<std::uint64_t> all;
  for (const TrainedBits& t : runs) all.insert(t.of.seed);
  return {all.begin(), all.end()};
}

std::vector<std::string> targets_of(const TrainedRuns& runs) {
  std::vector<std::string> out;
  for (const TrainedBits& t : runs)
    if (std::ranges::find(out, t.of.target) == out.end()) out.push_back(t.of.target);
  return out;
}

std::vector<BitCase> cases_of(const BitCase& base, const std::vector<std::string>& targets,
                              std::vector<std::int64_t> lengths, const Settings& settings) {
  std::ranges::sort(lengths, std::greater{});
  std::vector<BitCase> out;
  for (int i = 0; i < settings.seeds; ++i)
    for (const std::int64_t n : lengths)
      for (const std::string& target : targets) {
        BitCase c = base;
        c.target = target;
        c.length = n;
        c.seed = settings.seed + static_cast<std::uint64_t>(i);
        out.push_back(std::move(c));
      }
  return out;
}

void even_width(const std::string& option, std::int64_t width) {
  if (width % 2 != 0)
    fail_hint(ErrorCode::usage, option, "give an even number: the network splits it in two",
              "{} is odd", width);
}

void tables_fit(const std::vector<std::string>& targets, const std::vector<std::int64_t>& lengths) {
  if (std::ranges::find(targets, random_name) == targets.end()) return;
  for (const std::int64_t n : lengths)
    if (n > max_cube_dimension)
      fail_hint(ErrorCode::usage, "--lengths",
                fmt::format("a random function is a table, of {} bits at most", max_cube_dimension),
                "a random function of {} bits", n);
}

namespace quantities {
const BitQuantity label_sharpness{"label_sharpness", "sharpness, against labels",
                                  [](const BitMeasurement&m) { return m.label_sharpness.value; }},
    output_sharpness{"output_sharpness", "sharpness, of outputs",
                     [](const BitMeasurement&m) { return m.output_sharpness.value; }},
    log_blowup{"log_blowup", "log blow-up, the code's",
               [](const BitMeasurement&m) { return m.log_blowup; }},
    theory_log_blowup{"theory_log_blowup", "log blow-up, the theory's",
                      [](const BitMeasurement&m) { return m.theory_log_blowup; }},
    norm{"norm", "norm of the parameters", [](const BitMeasurement&m) { return m.norm; }};
}  // namespace quantities

std::vector<Metric> metrics_of_piece(const TrainedRuns& runs) {
  if (targets_of(runs).size() != 1 || lengths_of(runs).size() != 1) return {};
  const auto mean = [&](double (*of)(const BitMeasurement& m)) {
    Sample values;
    for (const TrainedBits& t : runs) values.push_back(of(t.found));
    return mean_over_units(values);
  };
  std::vector<Metric> out{{"loss", "", mean([](const BitMeasurement& m) { return m.loss; })}};
  for (const BitQuantity& q :
       {quantities::label_sharpness, quantities::output_sharpness, quantities::log_blowup,
        quantities::theory_log_blowup, quantities::norm})
    out.push_back({q.id, "", mean(q.of)});
  return out;
}

Table table_of(const TrainedRuns& runs) {
  Table table{.columns = {"target",
                          "length",
                          "seed",
                          "width",
                          "batch",
                          "steps",
                          "lr",
                          "weight_decay",
                          "kept",
                          "loss",
                          "label_sharpness",
                          "label_sharpness_error",
                          "output_sharpness",
                          "output_sharpness_error",
                          "radius",
                          "norm",
                          "blowup",
                          "log_blowup",
                          "theory_log_blowup",
                          "theory_squared_blowup"}};
  for (const TrainedBits& t : runs) {
    std::vector<std::string> row{t.of.target};
    for (const std::int64_t v :
         {t.of.length, static_cast<std::int64_t>(t.of.seed), t.of.width, t.of.batch, t.of.steps})
      row.push_back(std::to_string(v));
    const BitMeasurement& m = t.found;
    for (const double v :
         {t.of.lr, t.of.weight_decay, converged(t) ? 1.0 : 0.0, m.loss, m.label_sharpness.value,
          m.label_sharpness.std_error.value_or(0), m.output_sharpness.value,
          m.output_sharpness.std_error.value_or(0), m.radius, m.norm, m.blowup, m.log_blowup,
          m.theory_log_blowup, m.theory_squared_blowup})
      row.push_back(csv_number(v));
    table.add(std::move(row));
  }
  return table;
}

std::string discarded_text(const TrainedRuns& runs) {
  std::vector<std::string> by_target;
  for (const std::string& target : targets_of(runs)) {
    std::vector<std::string> parts;
    for (const std::int64_t n : lengths_of(runs)) {
      const TrainedRuns all = runs_where(
          runs, [&](const TrainedBits& t) { return t.of.target == target && t.of.length == n; });
      const std::size_t kept = runs_where(all, converged).size();
      if (kept < all.size())
        parts.push_back(fmt::format("{} bits {} of {}", n, all.size() - kept, all.size()));
    }
    by_target.push_back(fmt::format(
        "{}: {}", target, parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, ", "))));
  }
  return fmt::format("{}", fmt::join(by_target, "; "));
}

std::string decisions_note() {
  return "Decided otherwise than in the authors' code: fresh directions for every network, not the "
         "same ten for all; a fixed radius of the noise, not a fixed standard deviation, so that "
         "networks of different width can be compared; strings, initial values and noise have "
         "streams of their own; the layers begin with values of their own, not as copies of one; "
         "blow-up is shown by its mean logarithm, as its distribution has a heavy tail.";
}

Figure by_length(const std::string& name, const TrainedRuns& runs, const BitQuantity& q,
                 bool floor) {
  Figure f(name, q.label, {.label = "bits"}, {.label = q.label});
  std::vector<std::string> order = targets_of(runs);
  f.colour_order(order);
  for (const std::string& name_of_target : order) {
    std::vector<double> x, middle, floors;
    std::vector<Estimate> means;
    const TrainedRuns kept = kept_runs(runs, name_of_target);
    for (const std::int64_t n : lengths_of(kept)) {
      Sample values;
      for (const TrainedBits& t : kept)
        if (t.of.length == n) values.push_back(q.of(t.found));
      x.push_back(static_cast<double>(n));
      means.push_back(mean_over_units(values));
      middle.push_back(means.back().value);
      if (floor) floors.push_back(average_sensitivity_of(name_of_target, n) / 2 / x.back());
    }
    if (x.empty()) continue;
    f.line(name_of_target, x, middle);
    f.estimates(name_of_target, x, means);
    if (floor) f.line("floor, " + name_of_target, x, floors);
  }
  return f;
}

}  // namespace sonde::experiments
