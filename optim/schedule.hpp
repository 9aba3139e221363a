/// @file
/// Schedules: the learning rate as a pure function of the step, so that a resumed run needs nothing
/// but its number of steps. Formulas and defaults are those of the PyTorch class named at each.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "optim/optimizer.hpp"

namespace sonde::optim {

/// The rate for step t = 0, 1, ... of a group whose base rate is `base_lr`.
using Schedule = std::function<double(double base_lr, std::int64_t t)>;

/// Sets each group's learning rate for step t from its base rate.
void apply(Optimizer& optimizer, const Schedule& schedule, std::int64_t t);

/// ConstantLR: factor base_lr for total_iters steps, then base_lr; constant_lr(1) is base_lr
/// always.
Schedule constant_lr(double factor = 1.0 / 3, std::int64_t total_iters = 5);
/// StepLR: base_lr gamma^floor(t / step_size).
Schedule step_lr(std::int64_t step_size, double gamma = 0.1);
/// MultiStepLR: base_lr gamma^k after k of the milestones, which increase.
Schedule multi_step_lr(std::vector<std::int64_t> milestones, double gamma = 0.1);
/// ExponentialLR: base_lr gamma^t.
Schedule exponential_lr(double gamma);
/// LinearLR: base_lr times a factor that goes from start_factor at 0 to end_factor at total_iters,
/// and stays.
Schedule linear_lr(double start_factor = 1.0 / 3, double end_factor = 1,
                   std::int64_t total_iters = 5);
/// CosineAnnealingLR: eta_min + (base_lr - eta_min) (1 + cos(pi t / t_max)) / 2, which rises again
/// after t_max (Loshchilov and Hutter, 2017).
Schedule cosine_annealing_lr(std::int64_t t_max, double eta_min = 0);

struct OneCycleOptions {
  std::int64_t total_steps = 0;
  double pct_start = 0.3;  ///< the share of steps that the rate rises
  enum class Anneal { cos, linear } anneal_strategy = Anneal::cos;
  double base_momentum = 0.85, max_momentum = 0.95;
  double div_factor = 25;         ///< the rate begins at base_lr / div_factor
  double final_div_factor = 1e4;  ///< and ends at this part of where it began
  bool three_phase = false;       ///< back to the beginning first, then to the end
};
/// OneCycleLR with max_lr = base_lr (Smith and Topin, 2018). Error(value) beyond total_steps.
Schedule one_cycle_lr(const OneCycleOptions& options);
/// OneCycleLR's momentum, for optimizer.set("momentum", ...) or "beta1": falls while the rate
/// rises.
std::function<double(std::int64_t t)> one_cycle_momentum(const OneCycleOptions& options);

/// In front of any schedule: base_lr times a factor that grows linearly from start_factor to 1 over
/// `steps` steps, then `then` from its step 0 (SequentialLR of LinearLR and the other).
Schedule warm_up(std::int64_t steps, Schedule then, double start_factor = 1.0 / 3);

}  // namespace sonde::optim
