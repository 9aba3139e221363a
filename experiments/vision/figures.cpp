// The figures of the sensitivity study.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "experiments/vision/findings.hpp"

namespace sonde::experiments {
namespace {

using Selected = std::vector<const Measurement*>;

// Train and test accuracy against steps; the repetitions of a model share colours.
CaptionedFigure learning_curves(const Findings& findings, const StudyOptions& o) {
  Figure f("learning_curves", "Accuracy while training", {.label = "step"}, {.label = "accuracy"});
  struct Curve {
    std::vector<double> step, train, test;
  };
  std::map<std::pair<std::string, std::int64_t>, Curve> curves;
  for (const CurvePoint& p : findings.curves) {
    Curve& c = curves[{p.model, p.repetition}];
    c.step.push_back(static_cast<double>(p.moment.step));
    c.train.push_back(p.moment.train_accuracy);
    c.test.push_back(p.moment.test_accuracy);
  }
  for (const auto& [key, c] : curves) {
    f.line(key.first + ", train", c.step, c.train);
    f.line(key.first + ", test", c.step, c.test);
  }
  for (double a : o.accuracies) f.level("measured here", a);
  return {std::move(f),
          fmt::format("Each line is one of {} repetitions. Sensitivity is measured where the train "
                      "accuracy crosses a dashed level.",
                      o.repetitions)};
}

// One group of bars for each stage, one colour for each sigma.
CaptionedFigure by_stage(const Findings& findings, const StudyOptions& o,
                         const std::string& model) {
  const auto stages = stages_of(findings.measurements, model);
  Figure f("sensitivity_" + model, "Sensitivity of " + model + " as it learns",
           {.label = "train accuracy", .categories = stages},
           {.label = "sensitivity", .from_zero = true});
  for (double sigma : o.sigmas) {
    std::vector<Estimate> bars;
    for (const std::string& stage : stages)
      bars.push_back(
          over_repetitions(select(findings.measurements, model, stage, "patch", "train", sigma),
                           o.seed)
              .value_or(Estimate{}));
    f.bars(fmt::format("noise σ = {}", sigma), bars);
  }
  return {
      std::move(f),
      "Share of predictions that flip when noise of this standard deviation is added to one patch. "
      "Whiskers: 95 % intervals over repetitions and images."};
}

// Mean over repetitions and images of the share of flips at each patch.
CaptionedFigure by_place(const Findings& findings, const StudyOptions& o, const std::string& model,
                         std::int64_t image_side) {
  const std::string stage = stages_of(findings.measurements, model).back();
  const double sigma = o.sigmas.back();
  const Selected selected = select(findings.measurements, model, stage, "patch", "train", sigma);
  Sample mean(selected.front()->by_position.size(), 0.0);
  for (const Measurement* m : selected)
    for (std::size_t t = 0; t < mean.size(); ++t)
      mean[t] += m->by_position[t] / static_cast<double>(selected.size());
  const std::int64_t grid = image_side / o.patch;
  Figure f("places_" + model, fmt::format("Where {} is sensitive", model),
           {.label = "patch, left to right"}, {.label = "patch, top to bottom"});
  f.heat_map("share of flips", grid, grid, mean);
  return {std::move(f), fmt::format("Share of predictions that flip when noise of σ = {} is added "
                                    "to the patch at this place, "
                                    "at train accuracy {}.",
                                    sigma, stage)};
}

CaptionedFigure by_image(const Findings& findings, const StudyOptions& o,
                         const std::string& model) {
  const std::string stage = stages_of(findings.measurements, model).back();
  const double sigma = o.sigmas.back();
  Sample all;
  for (const Measurement* m : select(findings.measurements, model, stage, "patch", "train", sigma))
    all.insert(all.end(), m->by_input.begin(), m->by_input.end());
  Figure f("images_" + model, fmt::format("Sensitivity of {} at single images", model),
           {.label = "sensitivity at one image"}, {.label = "images"});
  f.histogram(model, all, 30);
  return {
      std::move(f),
      fmt::format(
          "How many images have which share of flips, at train accuracy {} and noise σ = {}. The "
          "interval of the mean draws whole images, since flips at one image go together.",
          stage, sigma)};
}

}  // namespace

std::vector<CaptionedFigure> study_figures(const Findings& findings, const StudyOptions& o,
                                           std::int64_t image_side) {
  std::vector<CaptionedFigure> figures;
  for (const std::string& model : o.models) {
    figures.push_back(by_stage(findings, o, model));
    figures.push_back(by_place(findings, o, model, image_side));
    figures.push_back(by_image(findings, o, model));
  }
  figures.push_back(learning_curves(findings, o));
  return figures;
}

}  // namespace sonde::experiments
