#include "optim/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sonde::optim {
namespace {

double real(std::int64_t n) {
  return static_cast<double>(n);
}

void check_at_least(std::int64_t value, std::int64_t least, std::string_view what) {
  if (value < least) fail(ErrorCode::value, "schedule", "{} is {}", what, value);
}

void check_factor(double value, std::string_view what) {
  if (!is_rate(value)) fail(ErrorCode::value, "schedule", "{} is {}", what, value);
}

// What goes from one number to another over the steps of a phase of the cycle.
enum class Level { initial, peak, final };
struct Phase {
  double end_step;
  Level from, to;
};

std::vector<Phase> phases(const OneCycleOptions& o) {
  const double total = real(o.total_steps), rise = o.pct_start * total;
  if (o.three_phase)
    return {{rise - 1, Level::initial, Level::peak},
            {2 * rise - 2, Level::peak, Level::initial},
            {total - 1, Level::initial, Level::final}};
  return {{rise - 1, Level::initial, Level::peak}, {total - 1, Level::peak, Level::final}};
}

void check(const OneCycleOptions& o) {
  check_at_least(o.total_steps, 1, "total_steps");
  if (!(o.pct_start >= 0 && o.pct_start <= 1) || !(o.div_factor > 0) || !(o.final_div_factor > 0))
    fail(ErrorCode::value, "schedule", "pct_start {}, div_factor {}, final_div_factor {}",
         o.pct_start, o.div_factor, o.final_div_factor);
}

// The value at step t of what has the value at(level) at the ends of phases.
template <class At>
double cycle(const OneCycleOptions& o, std::int64_t t, const At& at) {
  check_at_least(t, 0, "the step");
  if (t > o.total_steps)
    fail(ErrorCode::value, "schedule", "step {} of a cycle of {}", t, o.total_steps);
  const std::vector<Phase> all = phases(o);
  double start = 0;
  std::size_t i = 0;
  for (; i + 1 < all.size() && real(t) > all[i].end_step; ++i) start = all[i].end_step;
  const double length = all[i].end_step - start;
  const double share = length > 0 ? (real(t) - start) / length : 1;
  const double from = at(all[i].from), to = at(all[i].to);
  if (o.anneal_strategy == OneCycleOptions::Anneal::linear) return from + (to - from) * share;
  return to + (from - to) / 2 * (std::cos(std::numbers::pi * share) + 1);
}

}  // namespace

void apply(Optimizer& optimizer, const Schedule& schedule, std::int64_t t) {
  for (std::size_t g = 0; g < optimizer.groups(); ++g)
    optimizer.set("lr", schedule(optimizer.base_lr(g), t), g);
}

Schedule constant_lr(double factor, std::int64_t total_iters) {
  check_factor(factor, "factor");
  return
      [=](double base_lr, std::int64_t t) { return t < total_iters ? base_lr * factor : base_lr; };
}

Schedule step_lr(std::int64_t step_size, double gamma) {
  check_at_least(step_size, 1, "step_size");
  check_factor(gamma, "gamma");
  return [=](double base_lr, std::int64_t t) {
    return base_lr * std::pow(gamma, real(t / step_size));
  };
}

Schedule multi_step_lr(std::vector<std::int64_t> milestones, double gamma) {
  check_factor(gamma, "gamma");
  if (!std::ranges::is_sorted(milestones))
    fail(ErrorCode::value, "schedule", "the milestones do not increase");
  return [gamma, milestones = std::move(milestones)](double base_lr, std::int64_t t) {
    const auto passed = std::ranges::upper_bound(milestones, t) - milestones.begin();
    return base_lr * std::pow(gamma, static_cast<double>(passed));
  };
}

Schedule exponential_lr(double gamma) {
  check_factor(gamma, "gamma");
  return [=](double base_lr, std::int64_t t) { return base_lr * std::pow(gamma, real(t)); };
}

Schedule linear_lr(double start_factor, double end_factor, std::int64_t total_iters) {
  check_factor(start_factor, "start_factor");
  check_factor(end_factor, "end_factor");
  check_at_least(total_iters, 1, "total_iters");
  return [=](double base_lr, std::int64_t t) {
    const double share = real(std::min(t, total_iters)) / real(total_iters);
    return base_lr * (start_factor + (end_factor - start_factor) * share);
  };
}

Schedule cosine_annealing_lr(std::int64_t t_max, double eta_min) {
  check_at_least(t_max, 1, "t_max");
  check_factor(eta_min, "eta_min");
  return [=](double base_lr, std::int64_t t) {
    const double fall = (1 + std::cos(std::numbers::pi * real(t) / real(t_max))) / 2;
    return eta_min + (base_lr - eta_min) * fall;
  };
}

Schedule one_cycle_lr(const OneCycleOptions& options) {
  check(options);
  return [=](double base_lr, std::int64_t t) {
    const double initial = base_lr / options.div_factor;
    return cycle(options, t, [&](Level level) {
      if (level == Level::peak) return base_lr;
      return level == Level::initial ? initial : initial / options.final_div_factor;
    });
  };
}

std::function<double(std::int64_t t)> one_cycle_momentum(const OneCycleOptions& options) {
  check(options);
  return [=](std::int64_t t) {
    return cycle(options, t, [&](Level level) {
      return level == Level::peak ? options.base_momentum : options.max_momentum;
    });
  };
}

Schedule warm_up(std::int64_t steps, Schedule then, double start_factor) {
  check_at_least(steps, 1, "the length of the warm-up");
  return [steps, then = std::move(then), ramp = linear_lr(start_factor, 1, steps)](double base_lr,
                                                                                   std::int64_t t) {
    return t < steps ? ramp(base_lr, t) : then(base_lr, t - steps);
  };
}

}  // namespace sonde::optim
