#include "experiments/vision/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "experiments/vision/unit.hpp"

namespace sonde::experiments {
namespace {

Json to_json(const CurvePoint& p) {
  Json json{{"model", p.model},
            {"repetition", p.repetition},
            {"moment", to_json(p.moment)},
            {"loss", p.loss},
            {"sensitivity", p.sensitivity}};
  return json;
}

CurvePoint curve_point_from_json(const Json& j) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  return {j.at("model").get<std::string>(), j.at("repetition").get<std::int64_t>(),
          moment_from_json(j.at("moment")),
          j.at("loss").is_null() ? none : j.at("loss").get<double>(),
          j.at("sensitivity").get<double>()};
}

Checkpoint checkpoint(const Findings& findings, std::size_t next_unit, const Unit& unit) {
  Checkpoint c{
      {{"next_unit", next_unit}, {"measurements", Json::array()}, {"curves", Json::array()}}, {}};
  for (const Measurement& m : findings.measurements) c.state["measurements"].push_back(to_json(m));
  for (const CurvePoint& p : findings.curves) c.state["curves"].push_back(to_json(p));
  unit.save(c);
  return c;
}

void restore(const Checkpoint& c, Findings& findings, std::size_t& next_unit) {
  try {
    next_unit = c.state.at("next_unit").get<std::size_t>();
    for (const Json& m : c.state.at("measurements"))
      findings.measurements.push_back(measurement_from_json(m));
    for (const Json& p : c.state.at("curves")) findings.curves.push_back(curve_point_from_json(p));
  } catch (const Json::exception& e) {
    fail(ErrorCode::format, "checkpoint", "{}", e.what());
  }
}

}  // namespace

void check_possible(const StudyOptions& o, const ImageSet& train) {
  if (o.models.empty() || o.accuracies.empty() || o.sigmas.empty())
    fail(ErrorCode::usage, "options", "--models, --accuracy and --sigma need a value each");
  if (train.images.size(2) % o.patch != 0 || train.images.size(3) % o.patch != 0)
    fail(ErrorCode::usage, "--patch", "patches of {} do not tile images of {} x {}", o.patch,
         train.images.size(2), train.images.size(3));
  if (o.batch > train.size())
    fail(ErrorCode::usage, "--batch", "{} is more than the {} images", o.batch, train.size());
  for (std::size_t i = 0; i + 1 < o.accuracies.size(); ++i)
    if (stage_name(o.accuracies[i]) == stage_name(o.accuracies[i + 1]))
      fail(ErrorCode::usage, "--accuracy", "{} and {} are the same to two digits", o.accuracies[i],
           o.accuracies[i + 1]);
}

std::string stage_name(double accuracy) {
  return fmt::format("{:.2f}", accuracy);
}

Findings run_study(Run& run, const StudyOptions& o, const ImageSet& train, const ImageSet& test) {
  Findings findings;
  std::size_t next = 0;
  const std::optional<Checkpoint> resumed = run.resumed();
  if (resumed) restore(*resumed, findings, next);
  const auto repetitions = static_cast<std::size_t>(o.repetitions);
  for (std::size_t u = next; u < o.models.size() * repetitions; ++u) {
    const ImageModel& model = image_model(o.models[u / repetitions]);
    const auto repetition = static_cast<std::int64_t>(u % repetitions);
    Unit unit(o, model, repetition, train, test);
    if (resumed && u == next) unit.restore(*resumed);
    auto state = [&] { return checkpoint(findings, u, unit); };
    Progress progress =
        run.progress(fmt::format("{} {}/{}", model.name, repetition + 1, repetitions),
                     unit.last_step(), "steps");
    progress.start_at(unit.steps());
    while (!unit.finished()) {
      run.stop_if_interrupted(state);
      const std::int64_t before = unit.steps();
      unit.advance(findings, run, [&] {
        run.stop_if_interrupted(state);
        run.save_if_due(state);
      });
      progress.advance(
          unit.steps() - before,
          findings.curves.empty()
              ? ""
              : fmt::format("train accuracy {:.3f}", findings.curves.back().moment.train_accuracy));
      run.save_if_due(state);
    }
    progress.finish(unit.outcome());
    run.save(state());
  }
  return findings;
}

}  // namespace sonde::experiments
