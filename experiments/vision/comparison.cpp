#include "experiments/vision/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/common/csv.hpp"

namespace sonde::experiments {
namespace {

constexpr const char* prefix = "fit.";  // of the names of a trainer in the checkpoint

// Trains the fit to its end, from the checkpoint if that holds a trainer, and measures it.
double train_and_measure(Run& run, const Fit& fit, const std::string& label,
                         const std::vector<double>& values, const Checkpoint* resumed) {
  Trainer trainer(*fit.module, fit.train, fit.options);
  if (resumed) trainer.restore(*resumed, prefix);
  const auto state = [&] {
    Checkpoint c{{{"values", values}, {"training", true}}, {}};
    trainer.save(c, prefix);
    return c;
  };
  const std::int64_t last = fit.epochs * trainer.steps_per_epoch();
  Progress progress = run.progress(label, last, "steps");
  progress.start_at(trainer.steps());
  while (trainer.steps() < last) {
    run.stop_if_interrupted(state);
    progress.advance(1, fmt::format("loss {:.4f}", trainer.step()));
    run.save_if_due(state);
  }
  const double value = fit.measure(classifier(*fit.module));
  if (!std::isfinite(value))
    fail(ErrorCode::numeric, "compare", "{}: the value measured is {}", label, value);
  return value;
}

// The values that a checkpoint holds: `most` at most, one after the other.
std::vector<double> values_of(const Checkpoint& c, std::size_t most) {
  try {
    auto values = c.state.at("values").get<std::vector<double>>();
    const bool training = c.state.at("training").get<bool>();
    if (values.size() + training > most)
      fail(ErrorCode::format, "checkpoint", "{} values of {}", values.size(), most);
    return values;
  } catch (const Json::exception& e) {
    fail(ErrorCode::format, "checkpoint", "{}", e.what());
  }
}

void fill(Results& results, const std::string& quantity, const std::vector<std::string>& arms,
          const Comparison& found, std::uint64_t seed) {
  results.table.columns = {"arm", "seed", quantity};
  std::vector<Estimate> means;
  for (const std::string& arm : arms) {
    for (std::size_t i = 0; i < found.values(arm).size(); ++i)
      results.table.add({arm, std::to_string(seed + i), csv_number(found.values(arm)[i])});
    means.push_back(found.mean(arm));
    results.metrics.push_back({quantity + " of " + arm, quantity + ", " + arm, means.back()});
  }
  Figure figure("comparison", quantity, {.label = "", .categories = arms}, {.label = quantity});
  figure.bars("", means);
  results.figures.push_back(
      {std::move(figure), "Mean over seeds; whiskers are 95 % intervals (Student's t)."});
}

}  // namespace

const std::vector<double>& Comparison::values(const std::string& arm) const {
  const auto at = std::ranges::find(arms_, arm);
  if (at == arms_.end()) fail(ErrorCode::names, "comparison", "no arm is called '{}'", arm);
  return values_[static_cast<std::size_t>(at - arms_.begin())];
}

Estimate Comparison::mean(const std::string& arm) const {
  return mean_over_units(values(arm));
}

Estimate Comparison::difference(const std::string& arm, const std::string& other) const {
  std::vector<double> differences = values(arm);
  for (std::size_t i = 0; i < differences.size(); ++i) differences[i] -= values(other)[i];
  return mean_over_units(differences);
}

Comparison compare(Run& run, const std::string& quantity, const std::vector<std::string>& arms,
                   const std::function<Fit(const std::string&, std::uint64_t)>& make) {
  const auto seeds = static_cast<std::size_t>(run.settings().seeds);
  const std::size_t count = seeds * arms.size();
  const std::optional<Checkpoint> resumed = run.resumed();
  std::vector<double> values;
  if (resumed) values = values_of(*resumed, count);
  bool training = resumed && resumed->state.at("training").get<bool>();
  while (values.size() < count) {
    const std::string& arm = arms[values.size() % arms.size()];
    const std::uint64_t seed = run.settings().seed + values.size() / arms.size();
    const std::string label = fmt::format("{}, seed {}", arm, seed);
    values.push_back(train_and_measure(run, make(arm, seed), label, values,
                                       std::exchange(training, false) ? &*resumed : nullptr));
    run.log({{"event", "measured"}, {"arm", arm}, {"seed", seed}, {quantity, values.back()}});
    run.save({{{"values", values}, {"training", false}}, {}});
  }
  std::vector<std::vector<double>> by_arm(arms.size());
  for (std::size_t i = 0; i < values.size(); ++i) by_arm[i % arms.size()].push_back(values[i]);
  Comparison found(arms, std::move(by_arm));
  fill(run.results, quantity, arms, found, run.settings().seed);
  return found;
}

}  // namespace sonde::experiments
