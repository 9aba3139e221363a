/// @file
/// What happens when PARITY is learnt: what boolean_dynamics judges.
#pragma once

#include <optional>

#include "experiments/boolean/course.hpp"
#include "experiments/common/results.hpp"

namespace sonde::experiments {

/// The bounds of the criteria.
struct DynamicsCriterion {
  double learnt_loss = 0.01;  ///< a run has converged at the first moment below it; labels 0 and 1
  double jump = 3;            ///< sharpness at convergence by that before it
  double window = 500;        ///< steps before and after convergence
  double last_share = 0.2;    ///< of all steps: what it is at the end
};

using BitCourses = std::vector<BitCourse>;
/// The step at which it converged, if it did.
std::optional<double> converged_at(const BitCourse& course, const DynamicsCriterion& c = {});

/// A difference within one course, of a number of its moments; nothing if it did not converge, or
/// too early or too late for both sides of the difference.
using Contrast = std::function<std::optional<double>(const BitCourse&, const DynamicsCriterion&)>;
namespace contrasts {
/// Sharpness, the code's: at convergence less `jump` times that `window` steps before.
std::optional<double> jump(const BitCourse& course, const DynamicsCriterion& c);
/// The mean over the last steps less that over the `window` steps from convergence on.
Contrast change(double BitMoment::*number);
}  // namespace contrasts

/// Mean over seeds, with Student's t interval, of the mean over a seed's courses that have the
/// contrast; n counts seeds, m courses. Nothing if none has it.
std::optional<Estimate> over_seeds(const BitCourses& courses, const Contrast& contrast,
                                   const DynamicsCriterion& c = {});
std::vector<Claim> dynamics_claims(const BitCourses& courses, const DynamicsCriterion& c = {});

/// "seed 2, weight decay 0.3: not learnt; ..." of the courses that some claim leaves out; "none".
std::string left_out_text(const BitCourses& courses, const DynamicsCriterion& c = {});
/// A course a row: case, convergence, and numbers before, at, after and at the end.
Table table_of(const BitCourses& courses, const DynamicsCriterion& c = {});
/// By weight decay: when it converged, how long that took, the contrasts.
std::vector<Metric> dynamics_metrics(const BitCourses& courses, const DynamicsCriterion& c = {});
/// Numbers by the steps from convergence, a colour for each weight decay, as means over the courses
/// where at least a quarter of those that converged have one; after it blow-up by norm.
std::vector<CaptionedFigure> dynamics_figures(const BitCourses& courses,
                                              const DynamicsCriterion& c = {});

}  // namespace sonde::experiments
