#include "experiments/boolean/dynamics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "analysis/statistics.hpp"
#include "experiments/boolean/study.hpp"
#include "experiments/common/criteria.hpp"

namespace sonde::experiments {
namespace {

using Number = double BitMoment::*;

std::optional<double> value_at(const BitCourse& course, double step, Number number) {
  for (const BitMoment& m : course.moments)
    if (m.step == step) return m.*number;
  return {};
}

std::optional<double> mean_between(const BitCourse& course, double from, double to, Number number) {
  Sample values;
  for (const BitMoment& m : course.moments)
    if (m.step >= from && m.step <= to) values.push_back(m.*number);
  return values.empty() ? std::nullopt : std::optional(mean(values));
}

double last_begins(const BitCourse& course, const DynamicsCriterion& c) {
  return (1 - c.last_share) * static_cast<double>(course.of.steps);
}

std::optional<double> after(const BitCourse& course, const DynamicsCriterion& c, Number number) {
  const auto at = converged_at(course, c);
  if (!at || *at + c.window >= last_begins(course, c)) return {};
  return mean_between(course, *at, *at + c.window, number);
}

std::optional<double> last(const BitCourse& course, const DynamicsCriterion& c, Number number) {
  return mean_between(course, last_begins(course, c), static_cast<double>(course.of.steps), number);
}

BitCourses courses_where(const BitCourses& courses,
                         const std::function<bool(const BitCourse&)>& hold) {
  BitCourses out;
  std::ranges::copy_if(courses, std::back_inserter(out), hold);
  return out;
}

Claim judged(const std::string& id, const std::string& statement, const std::string& criterion,
             const BitCourses& courses, const Contrast& contrast, Side side,
             const DynamicsCriterion& c) {
  return judge_if(id, statement, criterion, over_seeds(courses, contrast, c), side, 0,
                  "no run that shows it");
}

}  // namespace

std::optional<double> converged_at(const BitCourse& course, const DynamicsCriterion& c) {
  for (const BitMoment& m : course.moments)
    if (m.loss < 4 * c.learnt_loss) return m.step;  // the loss is that of labels -1 and 1
  return {};
}

namespace contrasts {

std::optional<double> jump(const BitCourse& course, const DynamicsCriterion& c) {
  const auto at = converged_at(course, c);
  if (!at) return {};
  const auto before = value_at(course, *at - c.window, &BitMoment::label_sharpness),
             then = value_at(course, *at, &BitMoment::label_sharpness);
  return before && then ? std::optional(*then - c.jump * *before) : std::nullopt;
}

Contrast change(double BitMoment::*number) {
  return [number](const BitCourse& course, const DynamicsCriterion& c) -> std::optional<double> {
    const auto from = after(course, c, number), to = last(course, c, number);
    return from && to ? std::optional(*to - *from) : std::nullopt;
  };
}

}  // namespace contrasts

std::optional<Estimate> over_seeds(const BitCourses& courses, const Contrast& contrast,
                                   const DynamicsCriterion& c) {
  std::map<std::uint64_t, Sample> by_seed;
  std::int64_t count = 0;
  for (const BitCourse& course : courses)
    if (const auto value = contrast(course, c)) {
      by_seed[course.of.seed].push_back(*value);
      ++count;
    }
  if (count == 0) return {};
  Sample means;
  for (const auto& [seed, values] : by_seed) means.push_back(mean(values));
  return mean_over_units(means, count);
}

std::vector<Claim> dynamics_claims(const BitCourses& courses, const DynamicsCriterion& c) {
  const BitCourses decayed =
      courses_where(courses, [](const BitCourse& b) { return b.of.weight_decay > 0; });
  const std::string change = fmt::format(
      "its mean over the last {:g} % of the steps less that over the {:g} steps from convergence "
      "on, over seeds (a seed's runs{} averaged), has a 95 % interval ",
      100 * c.last_share, c.window, "{}");
  const auto criterion = [&](const char* which, const char* side) {
    return fmt::format(fmt::runtime(change), which) + side;
  };
  const std::string with_decay = " with weight decay";
  const std::vector<Claim> trade{
      judged("norm_falls", "After convergence weight decay makes the norm of the parameters fall",
             criterion(with_decay.c_str(), "below 0"), decayed, contrasts::change(&BitMoment::norm),
             Side::below, c),
      judged("blowup_stays", "The blow-up does not fall with it",
             "log blow-up, the code's: " + criterion(with_decay.c_str(), "above 0"), decayed,
             contrasts::change(&BitMoment::log_blowup), Side::above, c)};
  return {judged("jump", "Sharpness jumps when PARITY is learnt",
                 fmt::format("sharpness at convergence (the first moment with a mean squared error "
                             "below {:g}, labels being 0 and 1) less {:g} times that {:g} steps "
                             "before, over seeds (a seed's runs averaged), has a 95 % interval "
                             "above 0",
                             c.learnt_loss, c.jump, c.window),
                 courses, contrasts::jump, Side::above, c),
          judged("settles", "Sharpness drifts down once PARITY is learnt",
                 "sharpness: " + criterion("", "below 0"), courses,
                 contrasts::change(&BitMoment::label_sharpness), Side::below, c),
          trade[0], trade[1],
          all_hold("trade", "After convergence norm is traded for blow-up",
                   "norm_falls and blowup_stays", trade)};
}

}  // namespace sonde::experiments
