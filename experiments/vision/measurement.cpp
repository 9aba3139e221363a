#include "experiments/vision/measurement.hpp"

#include <cmath>

#include "tensor/error.hpp"

namespace sonde::experiments {
namespace {

Sample lerp(const Sample& a, const Sample& b, double part) {
  if (a.size() != b.size())
    fail(ErrorCode::shape, "interpolated", "{} items and {}", a.size(), b.size());
  Sample out;
  for (std::size_t i = 0; i < a.size(); ++i) out.push_back(std::lerp(a[i], b[i], part));
  return out;
}

}  // namespace

Estimate Measurement::clustered(std::uint64_t seed) const {
  return bootstrap_mean({&by_input, 1}, seed);
}

double Measurement::binomial_error() const {
  return std::sqrt(value() * (1 - value()) / static_cast<double>(trials));
}

Json to_json(const Moment& m) {
  return {
      {"step", m.step}, {"train_accuracy", m.train_accuracy}, {"test_accuracy", m.test_accuracy}};
}

Moment moment_from_json(const Json& json) {
  try {
    return {json.at("step").get<std::int64_t>(), json.at("train_accuracy").get<double>(),
            json.at("test_accuracy").get<double>()};
  } catch (const Json::exception& e) {
    fail(ErrorCode::format, "checkpoint", "not a moment: {}", e.what());
  }
}

Json to_json(const Measurement& m) {
  return {{"model", m.model},
          {"repetition", m.repetition},
          {"stage", m.stage},
          {"moment", to_json(m.moment)},
          {"noise", m.noise},
          {"images", m.images},
          {"sigma", m.sigma},
          {"by_input", m.by_input},
          {"by_position", m.by_position},
          {"trials", m.trials}};
}

Measurement measurement_from_json(const Json& json) {
  try {
    return {json.at("model").get<std::string>(),  json.at("repetition").get<std::int64_t>(),
            json.at("stage").get<std::string>(),  moment_from_json(json.at("moment")),
            json.at("noise").get<std::string>(),  json.at("images").get<std::string>(),
            json.at("sigma").get<double>(),       json.at("by_input").get<Sample>(),
            json.at("by_position").get<Sample>(), json.at("trials").get<std::int64_t>()};
  } catch (const Json::exception& e) {
    fail(ErrorCode::format, "checkpoint", "not a measurement: {}", e.what());
  }
}

Measurement interpolated(const Measurement& before, const Measurement& after, double accuracy) {
  const double low = before.moment.train_accuracy, high = after.moment.train_accuracy;
  Measurement out = after;
  if (!(low < high) || accuracy >= high) return out;
  if (accuracy <= low) return before;
  const double part = (accuracy - low) / (high - low);
  out.by_input = lerp(before.by_input, after.by_input, part);
  out.by_position = lerp(before.by_position, after.by_position, part);
  out.moment.train_accuracy = accuracy;
  out.moment.test_accuracy =
      std::lerp(before.moment.test_accuracy, after.moment.test_accuracy, part);
  return out;
}

std::vector<const Measurement*> select(const std::vector<Measurement>& all, std::string_view model,
                                       std::string_view stage, std::string_view noise,
                                       std::string_view images, double sigma) {
  std::vector<const Measurement*> out;
  for (const Measurement& m : all)
    if (m.model == model && m.stage == stage && m.noise == noise && m.images == images &&
        m.sigma == sigma)
      out.push_back(&m);
  return out;
}

std::vector<Sample> by_image(const std::vector<const Measurement*>& selected) {
  std::vector<Sample> units;
  for (const Measurement* m : selected) units.push_back(m->by_input);
  return units;
}

const Estimate& Intervals::decisive() const {
  const bool few = bootstrap.n > 1 && bootstrap.n < bootstrap_units;
  return few ? student_t : bootstrap;
}

std::optional<Intervals> intervals(const std::vector<Sample>& units, std::uint64_t seed) {
  if (units.empty()) return {};
  std::vector<double> means;
  for (const Sample& unit : units) means.push_back(mean(unit));
  return Intervals{mean_over_units(means, static_cast<std::int64_t>(units.front().size())),
                   bootstrap_mean(units, seed)};
}

std::optional<Estimate> over_repetitions(const std::vector<const Measurement*>& selected,
                                         std::uint64_t seed) {
  if (const auto both = intervals(by_image(selected), seed)) return both->decisive();
  return {};
}

}  // namespace sonde::experiments
