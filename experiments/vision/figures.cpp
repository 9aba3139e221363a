// The figures of the sensitivity study.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/data/mean_picture.hpp"
#include "experiments/vision/findings.hpp"

namespace sonde::experiments {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

std::string at_stage(const std::string& stage) {
  return stage == "init" ? "before training" : "at train accuracy " + stage;
}

std::vector<Estimate> over_models(const Findings& findings, const StudyOptions& o,
                                  const std::string& stage, const std::string& noise,
                                  const std::string& images, double sigma) {
  std::vector<Estimate> out;
  for (const std::string& model : o.models)
    out.push_back(
        over_repetitions(select(findings.measurements, model, stage, noise, images, sigma), o.seed)
            .value_or(Estimate{.value = none}));
  return out;
}

std::int64_t reached_by(const Findings& findings, const StudyOptions& o, const std::string& stage) {
  return std::ranges::count_if(o.models, [&](const std::string& model) {
    return !select(findings.measurements, model, stage, "patch", "train", o.sigmas.back()).empty();
  });
}

// The stages that models can be compared at, by accuracy.
std::vector<std::string> reached_stages(const Findings& findings, const StudyOptions& o) {
  std::vector<std::string> out;
  for (double a : o.accuracies)
    if (reached_by(findings, o, stage_name(a)) > 0) out.push_back(stage_name(a));
  return out;
}

// That which most models reached; of several the highest. The untrained networks if there is none.
std::string common_stage(const Findings& findings, const StudyOptions& o) {
  std::string best = "init";
  std::int64_t most = 0;
  for (const std::string& stage : reached_stages(findings, o))
    if (const std::int64_t n = reached_by(findings, o, stage); n >= most) best = stage, most = n;
  return best;
}

const char* whiskers =
    "Whiskers: 95 % intervals over repetitions and images. A model without a bar was not measured "
    "there.";

CaptionedFigure bars_at(const Findings& findings, const StudyOptions& o, const std::string& stage) {
  const bool init = stage == "init";
  Figure f(init ? "untrained" : "sensitivity_at_" + stage.substr(stage.find('.') + 1),
           init ? "Untrained networks, for control" : "Sensitivity at train accuracy " + stage,
           {.label = "share of predictions that flip", .from_zero = true},
           {.label = "", .categories = o.models});
  f.use_tones();
  for (double sigma : o.sigmas)
    f.bars(fmt::format("σ = {}", sigma), over_models(findings, o, stage, "patch", "train", sigma));
  return {std::move(f),
          fmt::format("{} {}",
                      init ? "What the architecture alone does, before any step of training."
                           : "Noise on one patch of a train image; every model at the same train "
                             "accuracy.",
                      whiskers)};
}

CaptionedFigure against_sigma(const Findings& findings, const StudyOptions& o,
                              const std::string& stage) {
  Figure f("against_sigma_at_" + stage.substr(stage.find('.') + 1),
           "Sensitivity against the noise, " + at_stage(stage),
           {.label = "standard deviation σ of the noise", .log = true, .ticks = o.sigmas},
           {.label = "sensitivity", .from_zero = true});
  f.colour_order(o.models);
  for (const std::string& model : o.models) {
    std::vector<double> low, high, value;
    for (double sigma : o.sigmas) {
      const auto e =
          over_repetitions(select(findings.measurements, model, stage, "patch", "train", sigma),
                           o.seed)
              .value_or(Estimate{.value = none});
      value.push_back(e.value);
      low.push_back(e.ci95 ? e.ci95->low : none);
      high.push_back(e.ci95 ? e.ci95->high : none);
    }
    if (std::ranges::all_of(value, [](double v) { return std::isnan(v); })) continue;
    f.band(model, o.sigmas, low, high);
    f.line(model, o.sigmas, value);
  }
  return {std::move(f),
          "Bands: 95 % intervals over repetitions and images. Pixels lie in [-1, 1]; where lines "
          "cross, the order of the models depends on the noise."};
}

// What a model did in one repetition, evaluation by evaluation.
struct Course {
  std::string model;
  std::vector<double> step{}, train{}, test{}, sensitivity{};
};

std::vector<Course> courses(const Findings& findings, const StudyOptions& o) {
  std::vector<Course> out;
  for (const std::string& model : o.models)
    for (std::int64_t r = 0; r < o.repetitions; ++r) {
      Course c{model};
      for (const CurvePoint& p : findings.curves) {
        if (p.model != model || p.repetition != r) continue;
        c.step.push_back(static_cast<double>(p.moment.step));
        c.train.push_back(p.moment.train_accuracy);
        c.test.push_back(p.moment.test_accuracy);
        c.sensitivity.push_back(p.sensitivity);
      }
      if (!c.step.empty()) out.push_back(std::move(c));
    }
  return out;
}

using Values = std::vector<double> Course::*;

Figure course_figure(Figure f, const Findings& findings, const StudyOptions& o, Values x,
                     Values y) {
  f.colour_order(o.models);
  for (const Course& c : courses(findings, o)) f.line(c.model, c.*x, c.*y);
  return f;
}

std::vector<CaptionedFigure> training(const Findings& findings, const StudyOptions& o) {
  const Axis step{.label = "step", .log = true};
  const std::string coarse = fmt::format(
      "Noise of σ = {} on each patch of {} train images, one draw each: the course, not the "
      "measurement.",
      o.sigmas.back(), std::max<std::int64_t>(o.images / 10, 1));
  std::vector<CaptionedFigure> out;
  Figure matched("sensitivity_against_accuracy", "Sensitivity against train accuracy",
                 {.label = "train accuracy"}, {.label = "sensitivity", .from_zero = true});
  for (double a : o.accuracies) matched.upright("compared here", a);
  out.push_back(
      {course_figure(std::move(matched), findings, o, &Course::train, &Course::sensitivity),
       "Networks are compared on vertical lines: at equal train accuracy. A line for each "
       "repetition. " +
           coarse});
  out.push_back({course_figure({"sensitivity_curves",
                                "Sensitivity while training",
                                step,
                                {.label = "sensitivity", .from_zero = true}},
                               findings, o, &Course::step, &Course::sensitivity),
                 "A line for each repetition. " + coarse});
  Figure train("learning_curves", "Train accuracy while training", step, {.label = "accuracy"});
  for (double a : o.accuracies) train.level("measured here", a);
  out.push_back(
      {course_figure(std::move(train), findings, o, &Course::step, &Course::train),
       "A line for each repetition; it ends where the last accuracy asked for is reached. "
       "Sensitivity is measured where it crosses a dashed level."});
  out.push_back(
      {course_figure({"test_curves", "Test accuracy while training", step, {.label = "accuracy"}},
                     findings, o, &Course::step, &Course::test),
       "A line for each repetition."});
  return out;
}

// Mean over repetitions and images of the share of flips at each patch, over the mean image.
CaptionedFigure by_place(const Findings& findings, const StudyOptions& o, const ImageSet& train) {
  const std::string stage = common_stage(findings, o);
  const double sigma = o.sigmas.back();
  Figure f("places", "Where they are sensitive, " + at_stage(stage), {}, {});
  f.colour_scale({.label = "share of flips", .from_zero = true});
  f.background(mean_picture(train));
  for (const std::string& model : o.models) {
    const auto selected = select(findings.measurements, model, stage, "patch", "train", sigma);
    if (selected.empty()) continue;
    Sample mean(selected.front()->by_position.size(), 0.0);
    for (const Measurement* m : selected)
      for (std::size_t t = 0; t < mean.size(); ++t)
        mean[t] += m->by_position[t] / static_cast<double>(selected.size());
    f.heat_map(model, train.images.size(2) / o.patch, train.images.size(3) / o.patch, mean);
  }
  return {
      std::move(f),
      fmt::format("Share of predictions that flip when noise of σ = {} is added to the patch at "
                  "this place, over the mean image of the data set; one colour scale for all "
                  "models, and under each name its own greatest value.",
                  sigma)};
}

// Patch or scattered pixels, train or test images, as far as they were measured.
CaptionedFigure by_kind(const Findings& findings, const StudyOptions& o) {
  const std::string stage = common_stage(findings, o);
  const double sigma = o.sigmas.back();
  Figure f("kinds", "Other noise, other images, " + at_stage(stage),
           {.label = "share of predictions that flip", .from_zero = true},
           {.label = "", .categories = o.models});
  f.use_tones();
  for (const char* noise : {"patch", "scattered"})
    for (const char* images : {"train", "test"}) {
      const auto bars = over_models(findings, o, stage, noise, images, sigma);
      if (std::ranges::any_of(bars, [](const Estimate& e) { return !std::isnan(e.value); }))
        f.bars(fmt::format("{}, {} images", noise, images), bars);
    }
  return {std::move(f), fmt::format("Noise of σ = {}. {}", sigma, whiskers)};
}

// The share of images above each sensitivity.
CaptionedFigure image_shares(const Findings& findings, const StudyOptions& o) {
  const std::string stage = common_stage(findings, o);
  const double sigma = o.sigmas.back();
  Figure f("images", "How many images are how sensitive, " + at_stage(stage),
           {.label = "sensitivity at one image", .from_zero = true},
           {.label = "share of images above", .from_zero = true});
  f.colour_order(o.models);
  for (const std::string& model : o.models) {
    Sample all;
    for (const Measurement* m :
         select(findings.measurements, model, stage, "patch", "train", sigma))
      all.insert(all.end(), m->by_input.begin(), m->by_input.end());
    if (all.empty()) continue;
    std::ranges::sort(all);
    std::vector<double> x, y;
    constexpr int points = 60;
    for (int i = 0; i <= points; ++i) {
      x.push_back(all.back() * i / points);
      const auto above = all.end() - std::ranges::upper_bound(all, x.back());
      y.push_back(static_cast<double>(above) / static_cast<double>(all.size()));
    }
    f.line(model, x, y);
  }
  return {std::move(f),
          fmt::format("Noise of σ = {} on one patch of a train image. The interval of a mean draws "
                      "whole images, since flips at one image go together.",
                      sigma)};
}

}  // namespace

std::vector<CaptionedFigure> study_figures(const Findings& findings, const StudyOptions& o,
                                           const ImageSet& train) {
  std::vector<CaptionedFigure> figures;
  const auto stages = reached_stages(findings, o);
  for (const std::string& stage : stages) figures.push_back(bars_at(findings, o, stage));
  figures.push_back(bars_at(findings, o, "init"));
  if (o.sigmas.size() > 1)
    for (const std::string& stage : stages) figures.push_back(against_sigma(findings, o, stage));
  figures.push_back(by_place(findings, o, train));
  for (CaptionedFigure& f : training(findings, o)) figures.push_back(std::move(f));
  figures.push_back(by_kind(findings, o));
  figures.push_back(image_shares(findings, o));
  return figures;
}

}  // namespace sonde::experiments
