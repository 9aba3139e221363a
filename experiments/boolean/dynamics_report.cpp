// Table, metrics and figures of boolean_dynamics.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "analysis/statistics.hpp"
#include "experiments/boolean/dynamics.hpp"

namespace sonde::experiments {
namespace {

using Number = double BitMoment::*;

std::map<double, BitCourses> by_weight_decay(const BitCourses& courses) {
  std::map<double, BitCourses> out;
  for (const BitCourse& course : courses) out[course.of.weight_decay].push_back(course);
  return out;
}

std::string decay_text(double weight_decay) {
  return fmt::format("weight decay {:g}", weight_decay);
}

// Of a number, the values of all converged courses by the steps from convergence.
std::map<double, Sample> aligned(const BitCourses& courses, Number number,
                                 const DynamicsCriterion& c) {
  std::map<double, Sample> out;
  std::size_t converged = 0;
  for (const BitCourse& course : courses)
    if (const auto at = converged_at(course, c)) {
      ++converged;
      for (const BitMoment& m : course.moments) out[m.step - *at].push_back(m.*number);
    }
  std::erase_if(out, [&](const auto& values) { return 4 * values.second.size() < converged; });
  return out;
}

Figure figure_of(const BitCourses& courses, const std::string& name, const Axis& y, Number number,
                 const DynamicsCriterion& c) {
  Figure f(name, y.label, {.label = "steps from convergence"}, y);
  f.use_tones();
  for (const auto& [weight_decay, of_it] : by_weight_decay(courses)) {
    std::vector<double> x, middle, ends, low, high;
    for (const auto& [step, values] : aligned(of_it, number, c)) {
      const Estimate e = mean_over_units(values);
      x.push_back(step);
      middle.push_back(e.value);
      if (e.n < 3 || !e.ci95) continue;
      ends.push_back(step);
      low.push_back(e.ci95->low);
      high.push_back(e.ci95->high);
    }
    if (x.empty()) continue;
    if (!ends.empty()) f.band(decay_text(weight_decay), ends, low, high);
    f.line(decay_text(weight_decay), x, middle);
  }
  f.upright("", 0);
  return f;
}

// A point every `window` steps, from that long after convergence on.
Figure trade_figure(const BitCourses& courses, const std::string& name, const std::string& label,
                    Number blowup, const DynamicsCriterion& c) {
  Figure f(name, "after convergence: norm and " + label, {.label = "norm of the parameters"},
           {.label = label});
  f.use_tones();
  for (const auto& [weight_decay, of_it] : by_weight_decay(courses)) {
    std::vector<double> x, y;
    for (const BitCourse& course : of_it)
      if (const auto at = converged_at(course, c))
        for (const BitMoment& m : course.moments)
          if (m.step >= *at + c.window && std::fmod(m.step - *at, c.window) == 0) {
            x.push_back(m.norm);
            y.push_back(m.*blowup);
          }
    if (!x.empty()) f.scatter(decay_text(weight_decay), x, y);
  }
  return f;
}

// How many steps the loss took from 80 % of what guessing gives down to convergence.
std::optional<double> transition(const BitCourse& course, const DynamicsCriterion& c) {
  const auto at = converged_at(course, c);
  if (!at) return {};
  double high = 0;
  for (const BitMoment& m : course.moments)
    if (m.step < *at && m.loss > 0.8) high = m.step;
  return *at - high;
}

std::string number_or_nothing(const std::optional<double>& v) {
  return v ? csv_number(*v) : "";
}

}  // namespace

Table table_of(const BitCourses& courses, const DynamicsCriterion& c) {
  Table table{.columns = {"weight_decay",
                          "seed",
                          "length",
                          "width",
                          "batch",
                          "steps",
                          "lr",
                          "converged_at",
                          "transition",
                          "jump",
                          "sharpness_change",
                          "output_sharpness_change",
                          "norm_change",
                          "log_blowup_change",
                          "theory_log_blowup_change",
                          "peak",
                          "peak_at",
                          "last_loss",
                          "last_sharpness",
                          "last_norm",
                          "last_log_blowup"}};
  for (const BitCourse& course : courses) {
    const BitCase& of = course.of;
    std::vector<std::string> row{csv_number(of.weight_decay)};
    for (const std::int64_t v :
         {static_cast<std::int64_t>(of.seed), of.length, of.width, of.batch, of.steps})
      row.push_back(std::to_string(v));
    row.push_back(csv_number(of.lr));
    for (const auto& v :
         {converged_at(course, c), transition(course, c), contrasts::jump(course, c)})
      row.push_back(number_or_nothing(v));
    for (const Number n : {&BitMoment::label_sharpness, &BitMoment::output_sharpness,
                           &BitMoment::norm, &BitMoment::log_blowup, &BitMoment::theory_log_blowup})
      row.push_back(number_or_nothing(contrasts::change(n)(course, c)));
    const BitMoment &peak =
                        *std::ranges::max_element(course.moments, {}, &BitMoment::label_sharpness),
                    &end = course.moments.back();
    for (const double v :
         {peak.label_sharpness, peak.step, end.loss, end.label_sharpness, end.norm, end.log_blowup})
      row.push_back(csv_number(v));
    table.add(std::move(row));
  }
  return table;
}

std::string left_out_text(const BitCourses& courses, const DynamicsCriterion& c) {
  std::vector<std::string> parts;
  for (const BitCourse& course : courses) {
    const char* why = !converged_at(course, c)      ? "not learnt"
                      : !contrasts::jump(course, c) ? "learnt too early to have a before"
                      : !contrasts::change(&BitMoment::norm)(course, c)
                          ? "learnt too late to have an after"
                          : nullptr;
    if (why)
      parts.push_back(
          fmt::format("seed {}, {}: {}", course.of.seed, decay_text(course.of.weight_decay), why));
  }
  return parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, "; "));
}

std::vector<Metric> dynamics_metrics(const BitCourses& courses, const DynamicsCriterion& c) {
  const std::tuple<const char*, std::string, Contrast> all[] = {
      {"converged_at", "step of convergence", converged_at},
      {"transition", "steps from 80 % of the loss of guessing to convergence", transition},
      {"jump", fmt::format("sharpness at convergence less {:g} times before", c.jump),
       contrasts::jump},
      {"sharpness_change", "change of sharpness", contrasts::change(&BitMoment::label_sharpness)},
      {"output_sharpness_change", "change of the outputs' sharpness",
       contrasts::change(&BitMoment::output_sharpness)},
      {"norm_change", "change of the norm", contrasts::change(&BitMoment::norm)},
      {"log_blowup_change", "change of log blow-up", contrasts::change(&BitMoment::log_blowup)},
      {"theory_log_blowup_change", "change of the theory's log blow-up",
       contrasts::change(&BitMoment::theory_log_blowup)}};
  std::vector<Metric> out;
  for (const auto& [weight_decay, of_it] : by_weight_decay(courses)) {
    std::int64_t learnt = 0;
    for (const BitCourse& course : of_it) learnt += converged_at(course, c).has_value();
    out.push_back({fmt::format("learnt.{:g}", weight_decay),
                   "share that is learnt, " + decay_text(weight_decay),
                   proportion(learnt, static_cast<std::int64_t>(of_it.size()))});
    for (const auto& [id, label, contrast] : all)
      if (const auto value = over_seeds(of_it, contrast, c))
        out.push_back({fmt::format("{}.{:g}", id, weight_decay),
                       label + ", " + decay_text(weight_decay), *value});
  }
  return out;
}

std::vector<CaptionedFigure> dynamics_figures(const BitCourses& courses,
                                              const DynamicsCriterion& c) {
  const std::string caption =
      "Means over seeds by the steps from convergence, the first moment with a mean squared error "
      "below 0.01 for labels 0 and 1, wherever at least a quarter of the runs have a value; "
      "Student's t intervals where three have one. Left out: runs that were not learnt.";
  std::vector<CaptionedFigure> out;
  const auto add = [&](const char* name, const Axis& y, Number number) {
    out.push_back({figure_of(courses, name, y, number, c), caption});
  };
  add("loss", {.label = "loss", .log = true}, &BitMoment::loss);
  add("sharpness", {.label = "sharpness, against labels"}, &BitMoment::label_sharpness);
  add("output_sharpness", {.label = "sharpness, of outputs"}, &BitMoment::output_sharpness);
  add("log_blowup", {.label = "log blow-up, the code's"}, &BitMoment::log_blowup);
  add("theory_log_blowup", {.label = "log blow-up, the theory's"}, &BitMoment::theory_log_blowup);
  add("norm", {.label = "norm of the parameters"}, &BitMoment::norm);
  const std::string points =
      fmt::format("A point every {:g} steps of each run, from {:g} steps after its convergence on.",
                  c.window, c.window);
  out.push_back(
      {trade_figure(courses, "trade", "log blow-up, the code's", &BitMoment::log_blowup, c),
       points});
  out.push_back({trade_figure(courses, "theory_trade", "log blow-up, the theory's",
                              &BitMoment::theory_log_blowup, c),
                 points});
  return out;
}

}  // namespace sonde::experiments
