#include "experiments/vision/findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/common/csv.hpp"

namespace sonde::experiments {
namespace {

std::string comparison_statement(std::string_view model, std::string_view other) {
  return fmt::format("{} is less sensitive than {} at equal train accuracy", model, other);
}

}  // namespace

Table measurement_table(const std::vector<Measurement>& all, std::uint64_t seed) {
  Table table{.columns = {"model", "repetition", "stage", "step", "train_accuracy", "test_accuracy",
                          "images", "noise", "sigma", "sensitivity", "ci95_low", "ci95_high",
                          "binomial_error", "n_images", "positions", "trials"},
              .rows = {}};
  for (const Measurement& m : all) {
    const Estimate e = m.clustered(seed);
    table.add({m.model, std::to_string(m.repetition), m.stage, std::to_string(m.moment.step),
               csv_number(m.moment.train_accuracy), csv_number(m.moment.test_accuracy), m.images,
               m.noise, csv_number(m.sigma), csv_number(m.value()), csv_number(e.ci95->low),
               csv_number(e.ci95->high), csv_number(m.binomial_error()),
               std::to_string(m.by_input.size()), std::to_string(m.by_position.size()),
               std::to_string(m.trials)});
  }
  return table;
}

std::optional<Estimate> paired_difference(const std::vector<Measurement>& all,
                                          std::string_view model, std::string_view other,
                                          std::string_view stage, double sigma,
                                          std::uint64_t seed) {
  std::vector<Sample> units;
  for (const Measurement* a : select(all, model, stage, "patch", "train", sigma))
    for (const Measurement* b : select(all, other, stage, "patch", "train", sigma)) {
      if (a->repetition != b->repetition || a->by_input.size() != b->by_input.size()) continue;
      Sample difference;
      for (std::size_t i = 0; i < a->by_input.size(); ++i)
        difference.push_back(a->by_input[i] - b->by_input[i]);
      units.push_back(std::move(difference));
    }
  if (units.empty()) return {};
  return bootstrap_mean(units, seed);
}

std::vector<Claim> comparison_claims(const std::vector<Measurement>& all, const StudyOptions& o,
                                     std::string_view model) {
  std::vector<Claim> claims;
  const bool present = std::ranges::find(o.models, model) != o.models.end();
  for (const std::string& other : o.models)
    for (double accuracy : o.accuracies)
      for (double sigma : o.sigmas) {
        if (!present || other == model || accuracy < 0.9) continue;
        const std::string id =
            fmt::format("{}-below-{}-at-{}-sigma-{}", model, other, stage_name(accuracy), sigma);
        const std::string criterion = fmt::format(
            "S({}) - S({}) < 0 at train accuracy {}, noise σ = {}: 95 % interval below 0, at least "
            "3 repetitions",
            model, other, stage_name(accuracy), sigma);
        const auto difference =
            paired_difference(all, model, other, stage_name(accuracy), sigma, o.seed);
        claims.push_back(difference ? judge(id, comparison_statement(model, other), criterion,
                                            *difference, Side::below)
                                    : undecided(id, comparison_statement(model, other), criterion,
                                                "not both models reached this accuracy"));
      }
  if (claims.empty())
    claims.push_back(undecided(
        "transformer-below-others", "Transformers are less sensitive than other networks",
        "S(transformer) - S(other) < 0 at equal train accuracy of at least 0.90",
        fmt::format("no comparison among the models measured ({})", fmt::join(o.models, ", "))));
  return claims;
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
            const auto estimate = over_repetitions(selected, o.seed);
            if (!estimate) continue;
            const bool headline = stage == stages.back() && std::string_view(images) == "train" &&
                                  std::string_view(noise) == "patch";
            metrics.push_back(
                {fmt::format("sensitivity.{}.{}.{}.{}.sigma-{}", model, stage, images, noise,
                             sigma),
                 headline ? fmt::format("Sensitivity of {} at {}, noise σ = {}", model,
                                        stage == "init" ? "init" : "train accuracy " + stage, sigma)
                          : "",
                 *estimate});
          }
  }
  return metrics;
}

}  // namespace sonde::experiments
