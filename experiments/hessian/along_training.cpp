#include "experiments/hessian/along_training.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

#include "analysis/function_maps.hpp"
#include "analysis/lanczos.hpp"
#include "analysis/norms.hpp"
#include "analysis/preconditioned.hpp"
#include "autograd/ops.hpp"
#include "nn/state_dict.hpp"

namespace sonde::experiments {
namespace {

Var loss_of(const nn::Module& net, nn::Context& ctx, const Tensor& tokens) {
  return cross_entropy(addition::answer_rows(net(ctx, tokens)), addition::targets(tokens));
}

LinearMap hessian_of(const nn::Module& net, const Tensor& tokens, std::string_view parameters) {
  const ParameterPoint at(net, parameters);
  return hessian_map(at.function([&](nn::Context& ctx) { return loss_of(net, ctx, tokens); }), at);
}

Ends ends_of(const LinearMap& map) {
  const Spectrum found =
      lanczos(map, {.largest = 1, .smallest = 1, .tolerance = 1e-6, .confirm = false});
  return {found.smallest.values[0], found.largest.values[0]};
}

double accuracy(const Tensor& logits, const Tensor& targets) {
  const Var right = eq(argmax(logits, -1), targets);
  return mean(to(right, DType::f64)).item();
}

// A transformer on its way.
class Course {
 public:
  Course(const TrainingOptions& o, std::uint64_t seed)
      : key_{seed, 4},
        sequences_(o.sequences),
        net_({.width = o.width}, {seed, 1}),
        held_out_(addition::batch(o.sequences, {seed, 2})),
        adam_(net_, {.lr = o.lr}) {}

  std::int64_t steps() const { return adam_.steps(); }
  // As far as a second goes.
  void advance_towards(std::int64_t step) {
    using Clock = std::chrono::steady_clock;
    const auto stop = Clock::now() + std::chrono::seconds(1);
    while (adam_.steps() < step && Clock::now() < stop) {
      const Tensor tokens = addition::batch(
          sequences_, philox::fold_in(key_, static_cast<std::uint64_t>(adam_.steps())));
      adam_.step(nn::value_and_grad(net_, [&](nn::Context& ctx) {
                   return make_vars(loss_of(net_, ctx, tokens));
                 }).grads);
    }
  }
  TrainingMoment moment() const {
    const Tensor logits = addition::answer_rows(net_(held_out_)).tensor(),
                 targets = addition::targets(held_out_);
    TrainingMoment m{.step = adam_.steps(),
                     .loss = cross_entropy(logits, targets).item(),
                     .accuracy = accuracy(logits, targets),
                     .query = block_sizes(net_, held_out_, query),
                     .value = block_sizes(net_, held_out_, value),
                     .whole = ends_of(hessian())};
    m.query.elements = m.value.elements = {};
    if (adam_.steps() == 0) return m;
    m.preconditioned = ends_of(preconditioned("*"));
    m.preconditioned_query = std::sqrt(exact_squared_frobenius_norm(preconditioned(query)));
    m.preconditioned_value = std::sqrt(exact_squared_frobenius_norm(preconditioned(value)));
    return m;
  }
  void save(Checkpoint& c) const {
    c.add("model.", nn::state_dict(net_));
    c.add("optimizer.", adam_.state());
  }
  void restore(const Checkpoint& c) {
    nn::load_state_dict(net_, c.tensors_under("model."));
    adam_.load_state(c.tensors_under("optimizer."));
  }
  LinearMap hessian() const { return hessian_of(net_, held_out_, "*"); }
  LinearMap preconditioned(std::string_view parameters) const {
    return adam_preconditioned(hessian_of(net_, held_out_, parameters), adam_);
  }

 private:
  static constexpr std::string_view query = "blocks.0.attn.W_Q", value = "blocks.0.attn.W_V";
  philox::Key key_;
  std::int64_t sequences_;
  SmallTransformer net_;
  Tensor held_out_;
  optim::Adam adam_;
};

Json json_of(const TrainingMoment& m) {
  return {{"repetition", m.repetition},
          {"step", m.step},
          {"loss", m.loss},
          {"accuracy", m.accuracy},
          {"query", to_json(m.query)},
          {"value", to_json(m.value)},
          {"whole", {m.whole.least, m.whole.greatest}},
          {"preconditioned", {m.preconditioned.least, m.preconditioned.greatest}},
          {"preconditioned_query", m.preconditioned_query},
          {"preconditioned_value", m.preconditioned_value}};
}
Ends ends_from_json(const Json& j) {
  return {j.at(0), j.at(1)};
}
TrainingMoment moment_from_json(const Json& j) {
  return {.repetition = j.at("repetition"),
          .step = j.at("step"),
          .loss = j.at("loss"),
          .accuracy = j.at("accuracy"),
          .query = block_sizes_from_json(j.at("query")),
          .value = block_sizes_from_json(j.at("value")),
          .whole = ends_from_json(j.at("whole")),
          .preconditioned = ends_from_json(j.at("preconditioned")),
          .preconditioned_query = j.at("preconditioned_query"),
          .preconditioned_value = j.at("preconditioned_value")};
}

Json json_of(const Density& d) {
  Json values = Json::array();
  for (const Estimate& e : d.values) values.push_back(to_json(e));
  return {{"grid", d.grid}, {"values", values}, {"width", d.width}};
}
Density density_from_json(const Json& j) {
  Density d{.grid = j.at("grid"), .values = {}, .width = j.at("width")};
  for (const Json& e : j.at("values")) d.values.push_back(estimate_from_json(e));
  return d;
}

// Trains from look to look; the first repetition ends with the two densities.
class CourseJob final : public Job {
 public:
  CourseJob(const TrainingOptions& o, std::int64_t repetition, std::uint64_t seed)
      : steps_(o.steps),
        repetition_(repetition),
        sampling_{.probes = 10, .steps = 60, .key = {seed, 5}},
        course_(o, seed + static_cast<std::uint64_t>(repetition)) {}

  bool advance() override {
    Json &moments = found_["moments"], &densities = found_["densities"];
    if (moments.size() < steps_.size()) {
      const std::int64_t next = steps_[moments.size()];
      course_.advance_towards(next);
      if (course_.steps() < next) return false;
      TrainingMoment m = course_.moment();
      m.repetition = repetition_;
      moments.push_back(json_of(m));
    } else {
      const LinearMap map = densities.empty() ? course_.hessian() : course_.preconditioned("*");
      densities.push_back(json_of(Slq(map, sampling_).density()));
    }
    return moments.size() == steps_.size() && (repetition_ > 0 || densities.size() == 2);
  }
  Json result() const override { return found_; }
  void save(Checkpoint& c) const override {
    c.state["found"] = found_;
    course_.save(c);
  }
  void restore(const Checkpoint& c) override {
    found_ = c.state.value("found", Json());
    if (!found_.is_object() || !found_.contains("moments") || !found_.contains("densities"))
      fail(ErrorCode::format, "checkpoint", "holds no moments of a training");
    course_.restore(c);
  }

 private:
  const std::vector<std::int64_t> steps_;
  const std::int64_t repetition_;
  const SlqOptions sampling_;
  Course course_;
  Json found_{{"moments", Json::array()}, {"densities", Json::array()}};
};

// A number by step: its median over repetitions, and the band from the least to the greatest.
void draw(Figure& f, const std::string& label, const TrainingCourse& course,
          const std::function<double(const TrainingMoment&)>& number) {
  std::vector<double> x, middle, low, high;
  std::map<std::int64_t, Sample> by_step;
  for (const TrainingMoment& m : course.moments)
    if (const double v = number(m); v > 0) by_step[m.step].push_back(v);
  for (const auto& [step, values] : by_step) {
    x.push_back(static_cast<double>(step + 1));
    middle.push_back(quantile(values, 0.5));
    low.push_back(std::ranges::min(values));
    high.push_back(std::ranges::max(values));
  }
  f.band(label, x, low, high);
  f.line(label, x, middle);
}

Figure by_step(const char* name, const char* title, Axis y) {
  return {name, title, {.label = "steps + 1", .log = true}, std::move(y)};
}

// Without the gaps between eigenvalues, where the density is that of the Gaussians' tails.
void draw_density(Figure& f, const char* label, const Density& d) {
  constexpr double least = 1e-6;
  std::vector<double> x, y;
  for (std::size_t i = 0; i < d.grid.size(); ++i) {
    if (d.values[i].value * d.grid.back() < least) continue;
    x.push_back(d.grid[i] / d.grid.back());
    y.push_back(d.values[i].value * d.grid.back());
  }
  f.line(label, x, y);
}

}  // namespace

JobMaker training_jobs(const TrainingOptions& o, std::uint64_t seed) {
  return [=](std::int64_t i) { return std::make_unique<CourseJob>(o, i, seed); };
}

TrainingCourse training_course(const std::vector<Json>& found) try {
  TrainingCourse out;
  for (const Json& one : found)
    for (const Json& m : one.at("moments")) out.moments.push_back(moment_from_json(m));
  out.whole = density_from_json(found.at(0).at("densities").at(0));
  out.preconditioned = density_from_json(found.at(0).at("densities").at(1));
  return out;
} catch (const Json::exception& e) {
  fail(ErrorCode::format, "checkpoint", "{}", e.what());
}

TrainingCourse along_training(Jobs& jobs, const TrainingOptions& o, std::uint64_t seed) {
  return training_course(jobs.run("training", o.repetitions, training_jobs(o, seed)));
}

std::vector<Metric> training_metrics(const TrainingCourse& course) {
  const std::int64_t last = course.moments.back().step;
  const auto over = [&](std::int64_t step, auto number) {
    std::vector<double> values;
    for (const TrainingMoment& m : course.moments)
      if (m.step == step) values.push_back(number(m));
    return mean_over_units(values);
  };
  const auto ratio = [](const TrainingMoment& m) {
    return std::log10(m.value.median / m.query.median);
  };
  const std::string after = fmt::format(" after {} steps", last);
  return {
      {"training.ratio.start", "log10 of median |VV| / median |QQ| before training",
       over(course.moments.front().step, ratio)},
      {"training.ratio.end", "log10 of median |VV| / median |QQ|" + after, over(last, ratio)},
      {"training.accuracy", "share of the answers' digits that are right" + after,
       over(last, [](const TrainingMoment& m) { return m.accuracy; })},
      {"training.norms.end", "log10 of |VV| / |QQ|" + after,
       over(last, [](const TrainingMoment& m) { return std::log10(m.value.norm / m.query.norm); })},
      {"training.norms.preconditioned", "the same in the scale of Adam's steps",
       over(last,
            [](const TrainingMoment& m) {
              return std::log10(m.preconditioned_value / m.preconditioned_query);
            })},
      {"training.greatest.preconditioned",
       "greatest eigenvalue in the scale of Adam's steps" + after,
       over(last, [](const TrainingMoment& m) { return m.preconditioned.greatest; })}};
}

std::vector<CaptionedFigure> training_figures(const TrainingOptions& o,
                                              const TrainingCourse& course) {
  const std::string how = fmt::format(
      "Adam at {:g} on fresh batches of {}; median over repetitions, band from the least to the "
      "greatest",
      o.lr, o.sequences);
  Figure sizes = by_step("training_blocks", "Blocks along training",
                         {.label = "median |element|", .log = true});
  draw(sizes, "queries", course, [](const TrainingMoment& m) { return m.query.median; });
  draw(sizes, "values", course, [](const TrainingMoment& m) { return m.value.median; });
  Figure loss = by_step("training_loss", "The loss along training", {.label = "cross-entropy"});
  draw(loss, "held-out batch", course, [](const TrainingMoment& m) { return m.loss; });
  Figure ends = by_step("training_spectrum", "Greatest and most negative eigenvalues",
                        {.label = "|eigenvalue|", .log = true});
  ends.colour_order(
      {"greatest", "most negative", "greatest, preconditioned", "most negative, preconditioned"});
  draw(ends, "greatest", course, [](const TrainingMoment& m) { return m.whole.greatest; });
  draw(ends, "most negative", course, [](const TrainingMoment& m) { return -m.whole.least; });
  draw(ends, "greatest, preconditioned", course,
       [](const TrainingMoment& m) { return m.preconditioned.greatest; });
  draw(ends, "most negative, preconditioned", course,
       [](const TrainingMoment& m) { return -m.preconditioned.least; });
  ends.level("38 / lr", 38 / o.lr);
  Figure density("training_density", "The spectra after training",
                 {.label = "eigenvalue / right end of the grid"},
                 {.label = "density", .log = true});
  draw_density(density, "H", course.whole);
  draw_density(density, "preconditioned", course.preconditioned);
  return {{std::move(sizes), how + "."},
          {std::move(loss), how + "."},
          {std::move(ends),
           how + ". Preconditioned: D^-1/2 H D^-1/2 with D = sqrt(v) + eps of Adam. Full-batch "
                 "Adam is stable below 38 / lr (Cohen et al. 2022); these batches are small."},
          {std::move(density),
           "First repetition, by stochastic Lanczos quadrature, each on its own scale."}};
}

}  // namespace sonde::experiments
