#include "experiments/vision/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "experiments/vision/export.hpp"
#include "nn/state_dict.hpp"

namespace sonde::experiments {
namespace {

// Keys of the different uses of randomness in one repetition.
enum class Use : std::uint64_t { parameters, order, noise };
philox::Key key_of(const StudyOptions& o, std::int64_t repetition, Use use) {
  const philox::Key seed{o.seed + static_cast<std::uint64_t>(repetition), 0};
  return philox::fold_in(seed, static_cast<std::uint64_t>(use));
}

std::vector<std::int64_t> first_items(std::int64_t n) {
  return Tensor::arange(n).to_vector<std::int64_t>();
}

// A network as it was at an evaluation.
struct Snapshot {
  Moment moment;
  NamedTensors state;  // of its module
};

// One model's training and measuring in one repetition. Between two calls of advance() its state
// can be saved.
class Unit {
 public:
  Unit(const StudyOptions& o, const ImageModel& model, std::int64_t repetition,
       const ImageSet& train, const ImageSet& test)
      : o_(o),
        model_(model),
        repetition_(repetition),
        train_(train),
        test_(test),
        module_(model.make(spec(train), key_of(o, repetition, Use::parameters))),
        probe_(model.make(spec(train), key_of(o, repetition, Use::parameters))),
        trainer_(*module_, train,
                 {.batch = o.batch, .lr = o.lr, .key = key_of(o, repetition, Use::order)}),
        noise_(patch_noise(spec(train).channels, spec(train).height, spec(train).width, o.patch)),
        scattered_(scattered_noise(spec(train).channels, spec(train).height, spec(train).width,
                                   o.patch)) {}

  bool finished() const { return evaluated_ == last_step() || reached_ == o_.accuracies.size(); }
  std::int64_t steps() const { return trainer_.steps(); }
  std::int64_t last_step() const { return o_.epochs * trainer_.steps_per_epoch(); }

  // What became of it, in a few words.
  std::string outcome() const {
    return reached_ == 0
               ? fmt::format("did not reach train accuracy {}", stage_name(o_.accuracies.front()))
               : fmt::format("reached train accuracy {}", stage_name(o_.accuracies[reached_ - 1]));
  }

  // One step of training, or the evaluation that is due. Nothing changes if `pause` throws.
  void advance(Findings& findings, Run& run, const std::function<void()>& pause) {
    const bool due = trainer_.steps() % o_.eval_every == 0 || trainer_.steps() == last_step();
    if (due && evaluated_ != trainer_.steps()) return evaluate(findings, run, pause);
    loss_sum_ += trainer_.step();
    ++loss_count_;
  }

  void save(Checkpoint& c) const {
    trainer_.save(c, "unit.");
    c.state["unit"] = {{"evaluated", evaluated_},
                       {"reached", reached_},
                       {"loss_sum", loss_sum_},
                       {"loss_count", loss_count_},
                       {"before", nullptr}};
    if (!before_) return;
    c.state["unit"]["before"] = to_json(before_->moment);
    c.add("before.", before_->state);
  }

  void restore(const Checkpoint& c) {
    trainer_.restore(c, "unit.");
    try {
      const Json& unit = c.state.at("unit");
      evaluated_ = unit.at("evaluated").get<std::int64_t>();
      reached_ = unit.at("reached").get<std::size_t>();
      loss_sum_ = unit.at("loss_sum").get<double>();
      loss_count_ = unit.at("loss_count").get<std::int64_t>();
      if (unit.at("before").is_null()) return;
      before_ = Snapshot{moment_from_json(unit.at("before")), {}};
    } catch (const Json::exception& e) {
      fail(ErrorCode::format, "checkpoint", "{}", e.what());
    }
    before_->state = c.tensors_under("before.");
  }

 private:
  static ImageSpec spec(const ImageSet& set) {
    return {set.images.size(1), set.images.size(2), set.images.size(3), set.classes};
  }

  Snapshot snapshot() const {
    return {{.step = trainer_.steps(),
             .train_accuracy = accuracy(classifier(*module_), train_),
             .test_accuracy = accuracy(classifier(*module_), test_)},
            nn::state_dict(*module_)};
  }

  void evaluate(Findings& findings, Run& run, const std::function<void()>& pause) {
    Snapshot now = snapshot();
    std::vector<Measurement> found;
    if (trainer_.steps() == 0) measure(now, "init", "train", pause, found);
    std::size_t reached = reached_;
    for (; reached < o_.accuracies.size() && now.moment.train_accuracy >= o_.accuracies[reached];
         ++reached)
      measure_at(o_.accuracies[reached], now, pause, found);
    const double course = sensitivity_on_the_way(pause);
    // From here on nothing is interrupted.
    const double loss = loss_count_ ? loss_sum_ / static_cast<double>(loss_count_)
                                    : std::numeric_limits<double>::quiet_NaN();
    findings.curves.push_back({std::string(model_.name), repetition_, now.moment, loss, course});
    Json line{{"event", "evaluation"},
              {"model", model_.name},
              {"repetition", repetition_},
              {"loss", loss},
              {"sensitivity", course}};
    line.update(to_json(now.moment));
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
    reached_ = reached;
    evaluated_ = trainer_.steps();
    loss_sum_ = 0;
    loss_count_ = 0;
    before_ = std::move(now);
  }

  // At this accuracy, between the last evaluation and this one; on test images at this one.
  void measure_at(double accuracy, const Snapshot& now, const std::function<void()>& pause,
                  std::vector<Measurement>& found) {
    const std::string stage = stage_name(accuracy);
    std::vector<Measurement> before, after;
    if (before_) measure(*before_, stage, "train", pause, before);
    measure(now, stage, "train", pause, after);
    for (std::size_t i = 0; i < after.size(); ++i)
      found.push_back(before_ ? interpolated(before[i], after[i], accuracy) : after[i]);
    measure(now, stage, "test", pause, found);
  }

  void measure(const Snapshot& at, const std::string& stage, const std::string& images,
               const std::function<void()>& pause, std::vector<Measurement>& found) {
    const ImageSet& set = images == "train" ? train_ : test_;
    const ImageSet sample = take(set, first_items(std::min(o_.images, set.size())));
    nn::load_state_dict(*probe_, at.state);
    for (double sigma : o_.sigmas) {
      found.push_back(measured(sample, at.moment, stage, images, sigma, "patch", *noise_, pause));
      if (o_.scattered)
        found.push_back(
            measured(sample, at.moment, stage, images, sigma, "scattered", *scattered_, pause));
    }
  }

  // See CurvePoint. The same images and noises at every evaluation.
  double sensitivity_on_the_way(const std::function<void()>& pause) const {
    const std::int64_t n = std::min(std::max<std::int64_t>(o_.images / 10, 1), train_.size());
    return mean(
        sensitivity(
            classifier(*module_), take(train_, first_items(n)).images, *noise_,
            {.sigma = o_.sigmas.back(), .draws = 1, .key = key_of(o_, repetition_, Use::noise)},
            [&](double) { pause(); })
            .by_input);
  }

  // Of an exported measurement.
  std::string file_name(const Moment& moment, double sigma) const {
    return fmt::format("{}-{}-step{}-sigma{}.safetensors", model_.name, repetition_, moment.step,
                       sigma);
  }
  std::map<std::string, std::string> facts(const Moment& moment) const {
    return {{"model", std::string(model_.name)},
            {"repetition", fmt::format("{}", repetition_)},
            {"step", fmt::format("{}", moment.step)},
            {"train_accuracy", fmt::format("{}", moment.train_accuracy)}};
  }

  Measurement measured(const ImageSet& sample, const Moment& moment, const std::string& stage,
                       const std::string& images, double sigma, const std::string& noise,
                       const Perturbation& perturbation, const std::function<void()>& pause) const {
    const SensitivityOptions options{
        .sigma = sigma, .draws = o_.draws, .key = key_of(o_, repetition_, Use::noise)};
    auto share_done = [&](double) { pause(); };
    Sensitivity s;
    if (noise == "patch" && images == "train" && !o_.export_to.empty())
      s = export_measurement(o_.export_to / file_name(moment, sigma), *probe_, sample.images,
                             o_.patch, options, facts(moment), share_done);
    else
      s = sensitivity(classifier(*probe_), sample.images, perturbation, options, share_done);
    return {std::string(model_.name),
            repetition_,
            stage,
            moment,
            noise,
            images,
            sigma,
            std::move(s.by_input),
            std::move(s.by_position),
            s.trials};
  }

  const StudyOptions& o_;
  const ImageModel& model_;
  const std::int64_t repetition_;
  const ImageSet &train_, &test_;
  const std::unique_ptr<nn::Module> module_, probe_;  // what is trained, what is measured
  Trainer trainer_;
  const std::unique_ptr<Perturbation> noise_, scattered_;
  std::int64_t evaluated_ = -1;
  std::size_t reached_ = 0;
  double loss_sum_ = 0;
  std::int64_t loss_count_ = 0;
  std::optional<Snapshot> before_;  // of the last evaluation
};

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
      unit.advance(findings, run, [&] { run.stop_if_interrupted(state); });
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
