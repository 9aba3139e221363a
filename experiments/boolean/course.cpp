#include "experiments/boolean/course.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace sonde::experiments {
namespace {

// A course's moments stand in its JSON as one list a number: what a log of many of them can hold.
constexpr std::pair<const char*, double BitMoment::*> columns[] = {
    {"step", &BitMoment::step},
    {"loss", &BitMoment::loss},
    {"label_sharpness", &BitMoment::label_sharpness},
    {"label_error", &BitMoment::label_error},
    {"output_sharpness", &BitMoment::output_sharpness},
    {"output_error", &BitMoment::output_error},
    {"norm", &BitMoment::norm},
    {"log_blowup", &BitMoment::log_blowup},
    {"theory_log_blowup", &BitMoment::theory_log_blowup}};

struct MeanAndError {
  double mean = 0, error = 0;
};

// Over the draws of all lots, from each lot's mean and standard error over its own.
MeanAndError over_draws(const std::vector<BitMeasurement>& lots, Estimate BitMeasurement::*of) {
  double draws = 0, sum = 0, squares = 0;
  for (const BitMeasurement& lot : lots) {
    const Estimate& e = lot.*of;
    const auto n = static_cast<double>(e.n);
    draws += n;
    sum += n * e.value;
    squares += n * (n - 1) * std::pow(e.std_error.value_or(0), 2);  // about the lot's own mean
  }
  const double mean = sum / draws;
  for (const BitMeasurement& lot : lots)
    squares += static_cast<double>((lot.*of).n) * std::pow((lot.*of).value - mean, 2);
  return {mean, draws > 1 ? std::sqrt(squares / (draws - 1) / draws) : 0};
}

class CourseJob final : public Job {
 public:
  CourseJob(BitCase c, BitCourseOptions options)
      : options_(std::move(options)),
        course_{std::move(c), {}},
        net_(encoder_of(course_.of)),
        training_(*net_, target_of(course_.of), uniform_bits(course_.of.batch, course_.of.length),
                  training_of(course_.of)),
        probe_(probe_of(course_.of)),
        measured_as_(measurement_of(course_.of, probe_, options_.how)),
        bits_(measured_strings(course_.of.length, measured_as_)),
        labels_(target_of(course_.of).labels(bits_)) {}

  bool advance() override {
    using Clock = std::chrono::steady_clock;
    const auto stop = Clock::now() + std::chrono::duration<double>(options_.seconds);
    do {
      if (due())
        measure_lot();
      else if (training_.steps() < course_.of.steps)
        training_.step();
      else
        return true;
    } while (Clock::now() < stop);
    return false;
  }
  Json result() const override { return to_json(course_); }

  void save(Checkpoint& c) const override {
    training_.save(c, "");
    c.state["course"] = to_json(course_);
    c.state["lots"] = Json::array();
    for (const BitMeasurement& lot : lots_) c.state["lots"].push_back(to_json(lot));
  }
  void restore(const Checkpoint& c) override {
    training_.restore(c, "");
    course_.moments = course_from_json(c.state.at("course")).moments;
    lots_.clear();
    for (const Json& lot : c.state.at("lots")) lots_.push_back(bit_measurement_from_json(lot));
  }

 private:
  // Whether the network as it is has still to be measured.
  bool due() const {
    const auto moments = static_cast<std::int64_t>(course_.moments.size());
    return training_.steps() == moments * options_.every;
  }

  void measure_lot() {
    probe_.follow(*net_);
    BitMeasurementOptions how = measured_as_;
    how.key = philox::fold_in(
        philox::fold_in(how.key, static_cast<std::uint64_t>(training_.steps())), lots_.size());
    const std::int64_t begun = static_cast<std::int64_t>(lots_.size()) * options_.lot;
    how.draws = std::min(options_.lot, measured_as_.draws - begun);
    lots_.push_back(probe_.measure(bits_, labels_, how));
    if (begun + how.draws < measured_as_.draws) return;
    course_.moments.push_back(pooled(training_.steps(), lots_));
    lots_.clear();
  }

  const BitCourseOptions options_;
  BitCourse course_;
  const std::unique_ptr<BitEncoder> net_;
  BitTraining training_;
  BitProbe probe_;
  const BitMeasurementOptions measured_as_;
  const Tensor bits_, labels_;
  std::vector<BitMeasurement> lots_;  // of the moment that is being measured
};

}  // namespace

Json to_json(const BitCourse& course) {
  Json json = to_json(course.of);
  for (const auto& [name, member] : columns) {
    Json column = Json::array();
    for (const BitMoment& m : course.moments) column.push_back(m.*member);
    json[name] = std::move(column);
  }
  return json;
}

BitCourse course_from_json(const Json& json) try {
  BitCourse course{bit_case_from_json(json), {}};
  course.moments.resize(json.at("step").size());
  for (const auto& [name, member] : columns)
    for (std::size_t i = 0; i < course.moments.size(); ++i)
      course.moments[i].*member = json.at(name).at(i);
  return course;
} catch (const Json::exception& e) {
  fail(ErrorCode::format, "course of a training", "{}", e.what());
}

BitMoment pooled(std::int64_t step, const std::vector<BitMeasurement>& lots) {
  const auto [by_labels, label_error] = over_draws(lots, &BitMeasurement::label_sharpness);
  const auto [by_outputs, output_error] = over_draws(lots, &BitMeasurement::output_sharpness);
  const BitMeasurement& any = lots.front();
  return {.step = static_cast<double>(step),
          .loss = any.loss,
          .label_sharpness = by_labels,
          .label_error = label_error,
          .output_sharpness = by_outputs,
          .output_error = output_error,
          .norm = any.norm,
          .log_blowup = any.log_blowup,
          .theory_log_blowup = any.theory_log_blowup};
}

JobMaker course_jobs(std::vector<BitCase> cases, BitCourseOptions options) {
  return [cases = std::move(cases), options = std::move(options)](std::int64_t i) {
    return std::make_unique<CourseJob>(cases.at(static_cast<std::size_t>(i)), options);
  };
}

}  // namespace sonde::experiments
