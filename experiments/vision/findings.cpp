#include "experiments/vision/findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/common/csv.hpp"

namespace sonde::experiments {
namespace {

using Selected = std::vector<const Measurement*>;

std::string number(const std::optional<double>& x) {
  return x ? csv_number(*x) : "";
}
std::optional<double> low(const Estimate& e) {
  return e.ci95 ? std::optional(e.ci95->low) : std::nullopt;
}
std::optional<double> high(const Estimate& e) {
  return e.ci95 ? std::optional(e.ci95->high) : std::nullopt;
}

// Of one measurement: no interval over repetitions.
void add_row(Table& table, const Measurement& m, std::uint64_t seed) {
  const Estimate e = m.clustered(seed);
  table.add({m.model, std::to_string(m.repetition), m.stage, std::to_string(m.moment.step),
             csv_number(m.moment.train_accuracy), csv_number(m.moment.test_accuracy), m.images,
             m.noise, csv_number(m.sigma), csv_number(m.value()), number(low(e)), number(high(e)),
             "", "", csv_number(m.binomial_error()), "1", std::to_string(m.by_input.size()),
             std::to_string(m.by_position.size()), std::to_string(m.trials)});
}

double mean_of(const Selected& selected, double Moment::*accuracy) {
  Sample values;
  for (const Measurement* m : selected) values.push_back(m->moment.*accuracy);
  return mean(values);
}

// Of the repetitions' mean.
void add_row(Table& table, const Selected& selected, std::uint64_t seed) {
  const Measurement& first = *selected.front();
  const auto both = intervals(by_image(selected), seed);
  const double value = both->bootstrap.value;
  std::int64_t trials = 0;
  for (const Measurement* m : selected) trials += m->trials;
  table.add(
      {first.model, "all", first.stage, "", csv_number(mean_of(selected, &Moment::train_accuracy)),
       csv_number(mean_of(selected, &Moment::test_accuracy)), first.images, first.noise,
       csv_number(first.sigma), csv_number(value), number(low(both->bootstrap)),
       number(high(both->bootstrap)), number(low(both->student_t)), number(high(both->student_t)),
       csv_number(std::sqrt(value * (1 - value) / static_cast<double>(trials))),
       std::to_string(selected.size()), std::to_string(first.by_input.size()),
       std::to_string(first.by_position.size()), std::to_string(trials)});
}

// Under `name` what decides, and the other beside it.
void add_metrics(std::vector<Metric>& metrics, const std::string& name, const std::string& label,
                 const Intervals& both) {
  const bool by_bootstrap = &both.decisive() == &both.bootstrap;
  metrics.push_back({name, label, both.decisive()});
  const Estimate& other = by_bootstrap ? both.student_t : both.bootstrap;
  if (other.ci95)  // a single repetition has no t
    metrics.push_back({name + (by_bootstrap ? ".student-t" : ".bootstrap"), "", other});
}

void add_differences(std::vector<Metric>& metrics, const Findings& findings,
                     const StudyOptions& o) {
  std::vector<std::string> stages{"init"};
  for (const double a : o.accuracies) stages.push_back(stage_name(a));
  for (const std::string& other : o.models)
    for (const std::string& stage : stages)
      for (const double sigma : o.sigmas) {
        const std::string& model = o.criterion.model;
        if (other == model) continue;
        const auto both =
            paired_difference(findings.measurements, model, other, stage, sigma, o.seed);
        if (both)
          add_metrics(
              metrics,
              fmt::format("difference.{}-{}.{}.train.patch.sigma-{}", model, other, stage, sigma),
              "", *both);
      }
}

}  // namespace

Table measurement_table(const std::vector<Measurement>& all, std::uint64_t seed) {
  Table table{.columns = {"model", "repetition", "stage", "step", "train_accuracy", "test_accuracy",
                          "images", "noise", "sigma", "sensitivity", "bootstrap_low",
                          "bootstrap_high", "student_t_low", "student_t_high", "binomial_error",
                          "n_repetitions", "n_images", "positions", "trials"},
              .rows = {}};
  for (const Measurement& m : all) {
    add_row(table, m, seed);
    const Selected same = select(all, m.model, m.stage, m.noise, m.images, m.sigma);
    if (same.back() == &m) add_row(table, same, seed);
  }
  return table;
}

std::vector<std::string> stages_of(const std::vector<Measurement>& all, std::string_view model) {
  std::vector<std::string> stages;
  for (const Measurement& m : all)
    if (m.model == model && m.images == "train" &&
        std::ranges::find(stages, m.stage) == stages.end())
      stages.push_back(m.stage);
  std::ranges::sort(stages, [](const std::string& a, const std::string& b) {
    return a != b && (a == "init" || (b != "init" && a < b));
  });
  return stages;
}

std::vector<Metric> sensitivity_metrics(const Findings& findings, const StudyOptions& o) {
  std::vector<Metric> metrics;
  for (const std::string& model : o.models) {
    const auto stages = stages_of(findings.measurements, model);
    for (const std::string& stage : stages)
      for (double sigma : o.sigmas)
        for (const char* noise : {"patch", "scattered"})
          for (const char* images : {"train", "test"}) {
            const auto selected = select(findings.measurements, model, stage, noise, images, sigma);
            const auto both = intervals(by_image(selected), o.seed);
            if (!both) continue;
            const bool headline = stage == stages.back() && std::string_view(images) == "train" &&
                                  std::string_view(noise) == "patch";
            add_metrics(
                metrics,
                fmt::format("sensitivity.{}.{}.{}.{}.sigma-{}", model, stage, images, noise, sigma),
                headline ? fmt::format("Sensitivity of {} at {}, noise σ = {}", model,
                                       stage == "init" ? "init" : "train accuracy " + stage, sigma)
                         : "",
                *both);
          }
  }
  add_differences(metrics, findings, o);
  return metrics;
}

}  // namespace sonde::experiments
