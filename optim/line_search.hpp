/// @file
/// Line search: how far to go along a direction.
#pragma once

#include <functional>

#include "autograd/var.hpp"

namespace sonde::optim {

/// A function of the step length t along a direction: value, gradient of the function itself, and
/// slope along the direction.
struct Trial {
  double t = 0, value = 0;
  Var grad;
  double slope = 0;
};

struct LineSearchResult {
  Trial best;
  std::int64_t evaluations = 0;
};

struct WolfeOptions {
  double c1 = 1e-4, c2 = 0.9;         ///< of sufficient decrease, and of the slope
  double tolerance_change = 1e-9;     ///< of t times the direction's greatest entry
  std::int64_t max_evaluations = 25;  ///< after the first one
};

/// A step with value <= start.value + c1 t start.slope and |slope| <= c2 |start.slope|: brackets
/// one, then narrows the bracket by cubic interpolation (Nocedal and Wright, 2006, section 3.5).
/// `start` is the trial at t = 0, `first` the first t to try, `direction_max` the greatest entry of
/// the direction. The best trial so far if evaluations run out. The safeguards are those of
/// PyTorch's and Schmidt's minFunc.
LineSearchResult strong_wolfe(const std::function<Trial(double t)>& at, const Trial& start,
                              double first, double direction_max, const WolfeOptions& options = {});

}  // namespace sonde::optim
