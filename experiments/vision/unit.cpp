#include "experiments/vision/unit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "experiments/vision/export.hpp"
#include "experiments/vision/patched.hpp"
#include "nn/state_dict.hpp"

namespace sonde::experiments {
namespace {

constexpr std::int64_t glimpse_images = 1000, looks_between_evaluations = 8;
constexpr double near_level = 0.01;

// Keys of the different uses of randomness in one repetition.
enum class Use : std::uint64_t { parameters, order, noise };
philox::Key key_of(const StudyOptions& o, std::int64_t repetition, Use use) {
  const philox::Key seed{o.seed + static_cast<std::uint64_t>(repetition), 0};
  return philox::fold_in(seed, static_cast<std::uint64_t>(use));
}

std::unique_ptr<nn::Module> made(const StudyOptions& o, const ImageModel& model,
                                 const ImageSet& data, philox::Key key) {
  std::unique_ptr<nn::Module> module = model.make(spec_of(data), key);
  module->to(o.device);
  return module;
}

}  // namespace

Unit::Unit(const StudyOptions& o, const ImageModel& model, std::int64_t repetition,
           const ImageSet& train, const ImageSet& test)
    : options_(o),
      model_(model),
      repetition_(repetition),
      train_(train),
      test_(test),
      glimpse_(first_of(train, glimpse_images)),
      module_(made(o, model, train, key_of(o, repetition, Use::parameters))),
      probe_(made(o, model, train, key_of(o, repetition, Use::parameters))),
      trainer_(*module_, train,
               {.batch = o.batch, .lr = o.lr, .key = key_of(o, repetition, Use::order)}),
      patch_(
          patch_noise(train.images.size(1), train.images.size(2), train.images.size(3), o.patch)),
      scattered_(o.scattered > 0 ? scattered_noise(train.images.size(1), train.images.size(2),
                                                   train.images.size(3), o.patch, o.scattered)
                                 : nullptr) {}

std::string Unit::outcome() const {
  if (reached_ == 0)
    return fmt::format("did not reach train accuracy {}", stage_name(options_.accuracies.front()));
  return fmt::format("reached train accuracy {}", stage_name(options_.accuracies[reached_ - 1]));
}

void Unit::advance(Findings& findings, Run& run, const Pause& pause) {
  const bool due = steps() % options_.eval_every == 0 || steps() == last_step();
  if (!due || looked_ == steps()) {
    loss_sum_ += trainer_.step();
    ++loss_count_;
    return;
  }
  Snapshot now{steps(), nn::state_dict(*module_), {}};
  if (wants_evaluation()) return evaluate(std::move(now), findings, run, pause);
  looked_ = steps();
  before_ = std::move(now);
}

bool Unit::wants_evaluation() const {
  if (evaluated_ < 0 || steps() == last_step() ||
      steps() - evaluated_ >= looks_between_evaluations * options_.eval_every)
    return true;
  return accuracy(classifier(*module_), glimpse_) >= options_.accuracies[reached_] - near_level;
}

Moment Unit::moment_of(const nn::Module& module, std::int64_t step) const {
  return {.step = step,
          .train_accuracy = accuracy(classifier(module), train_),
          .test_accuracy = accuracy(classifier(module), test_)};
}

void Unit::evaluate(Snapshot now, Findings& findings, Run& run, const Pause& pause) {
  sweeps_ = 0;
  now.moment = moment_of(*module_, now.step);
  std::vector<Measurement> found;
  if (now.step == 0)
    for (const char* images : {"train", "test"})
      std::ranges::move(measure(now, "init", images, pause), std::back_inserter(found));
  std::size_t reached = reached_;
  for (; reached < options_.accuracies.size() &&
         now.moment->train_accuracy >= options_.accuracies[reached];
       ++reached)
    measure_at(options_.accuracies[reached], now, pause, found);
  const double course = sensitivity_on_the_way(pause);
  // From here on nothing is interrupted.
  record(*now.moment, course, std::move(found), findings, run);
  reached_ = reached;
  looked_ = evaluated_ = now.step;
  loss_sum_ = 0;
  loss_count_ = 0;
  swept_.clear();
  before_ = std::move(now);
}

void Unit::record(const Moment& moment, double course, std::vector<Measurement> found,
                  Findings& findings, Run& run) {
  const double loss = loss_count_ ? loss_sum_ / static_cast<double>(loss_count_)
                                  : std::numeric_limits<double>::quiet_NaN();
  findings.curves.push_back({std::string(model_.name), repetition_, moment, loss, course});
  Json line{{"event", "evaluation"},
            {"model", model_.name},
            {"repetition", repetition_},
            {"loss", loss},
            {"sensitivity", course}};
  line.update(to_json(moment));
  run.log(line);
  for (Measurement& m : found) {
    run.log({{"event", "sensitivity"},
             {"model", m.model},
             {"repetition", m.repetition},
             {"stage", m.stage},
             {"noise", m.noise},
             {"images", m.images},
             {"sigma", m.sigma},
             {"value", m.value()},
             {"binomial_error", m.binomial_error()},
             {"trials", m.trials}});
    findings.measurements.push_back(std::move(m));
  }
}

void Unit::measure_at(double accuracy, const Snapshot& now, const Pause& pause,
                      std::vector<Measurement>& found) {
  const std::string stage = stage_name(accuracy);
  if (before_ && !before_->moment) {
    nn::load_state_dict(*probe_, before_->state);
    before_->moment = moment_of(*probe_, before_->step);
  }
  for (const char* images : {"train", "test"}) {
    std::vector<Measurement> after = measure(now, stage, images, pause);
    if (before_) {
      const std::vector<Measurement> before = measure(*before_, stage, images, pause);
      for (std::size_t i = 0; i < after.size(); ++i)
        after[i] = interpolated(before[i], after[i], accuracy);
    }
    std::ranges::move(after, std::back_inserter(found));
  }
}

std::vector<Measurement> Unit::measure(const Snapshot& at, const std::string& stage,
                                       const std::string& images, const Pause& pause) {
  const ImageSet sample = first_of(images == "train" ? train_ : test_, options_.images);
  nn::load_state_dict(*probe_, at.state);
  const auto sweep =
      options_.whole_images ? whole_classifier(*probe_) : patched_classifier(*probe_);
  std::vector<Measurement> found;
  for (double sigma : options_.sigmas)
    for (const Perturbation* noise : {patch_.get(), scattered_.get()}) {
      if (!noise) continue;
      if (sweeps_ < swept_.size()) {
        found.push_back(swept_[sweeps_++]);
        continue;
      }
      const bool patch = noise == patch_.get();
      const SensitivityOptions how{.sigma = sigma,
                                   .draws = patch ? options_.draws : 1,
                                   .key = key_of(options_, repetition_, Use::noise)};
      const bool exported = patch && images == "train" && !options_.export_to.empty();
      Sensitivity s =
          exported ? exported_measurement(*at.moment, sample.images, how, pause)
                   : sensitivity(*sweep, sample.images, *noise, how, [&](double) { pause(); });
      found.push_back({std::string(model_.name), repetition_, stage, *at.moment,
                       patch ? "patch" : "scattered", images, sigma, std::move(s.by_input),
                       std::move(s.by_position), s.trials});
      swept_.push_back(found.back());
      ++sweeps_;
    }
  return found;
}

// The same measurement of probe_ by patches, with all it was made from left in a file.
Sensitivity Unit::exported_measurement(const Moment& moment, const Tensor& images,
                                       const SensitivityOptions& how, const Pause& pause) const {
  const std::string name = fmt::format("{}-{}-step{}-sigma{}.safetensors", model_.name, repetition_,
                                       moment.step, how.sigma);
  return export_measurement(options_.export_to / name, *probe_, images, options_.patch, how,
                            {{"model", std::string(model_.name)},
                             {"repetition", fmt::format("{}", repetition_)},
                             {"step", fmt::format("{}", moment.step)},
                             {"train_accuracy", fmt::format("{}", moment.train_accuracy)}},
                            [&](double) { pause(); });
}

// See CurvePoint. The same images and noises at every evaluation.
double Unit::sensitivity_on_the_way(const Pause& pause) const {
  const std::int64_t n = std::max<std::int64_t>(options_.images / 10, 1);
  const Sensitivity s = sensitivity(
      *patched_classifier(*module_), first_of(train_, n).images, *patch_,
      {.sigma = options_.sigmas.back(), .key = key_of(options_, repetition_, Use::noise)},
      [&](double) { pause(); });
  return mean(s.by_input);
}

void Unit::save(Checkpoint& c) const {
  trainer_.save(c, "unit.");
  c.state["unit"] = {{"looked", looked_},     {"evaluated", evaluated_},   {"reached", reached_},
                     {"loss_sum", loss_sum_}, {"loss_count", loss_count_}, {"before", nullptr}};
  for (const Measurement& m : swept_) c.state["unit"]["swept"].push_back(to_json(m));
  if (!before_) return;
  c.state["unit"]["before"] = {{"step", before_->step}, {"moment", nullptr}};
  if (before_->moment) c.state["unit"]["before"]["moment"] = to_json(*before_->moment);
  c.add("before.", before_->state);
}

void Unit::restore(const Checkpoint& c) {
  trainer_.restore(c, "unit.");
  try {
    const Json& unit = c.state.at("unit");
    looked_ = unit.at("looked").get<std::int64_t>();
    evaluated_ = unit.at("evaluated").get<std::int64_t>();
    reached_ = unit.at("reached").get<std::size_t>();
    loss_sum_ = unit.at("loss_sum").get<double>();
    loss_count_ = unit.at("loss_count").get<std::int64_t>();
    for (const Json& m : unit.value("swept", Json::array()))
      swept_.push_back(measurement_from_json(m));
    const Json& before = unit.at("before");
    if (before.is_null()) return;
    before_ = Snapshot{before.at("step").get<std::int64_t>(), c.tensors_under("before."), {}};
    if (const Json& moment = before.at("moment"); !moment.is_null())
      before_->moment = moment_from_json(moment);
  } catch (const Json::exception& e) {
    fail(ErrorCode::format, "checkpoint", "{}", e.what());
  }
}

}  // namespace sonde::experiments
