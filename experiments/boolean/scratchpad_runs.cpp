#include "experiments/boolean/scratchpad_runs.hpp"

#include <algorithm>

#include "autograd/ops.hpp"
#include "experiments/boolean/training_job.hpp"
#include "nn/loss.hpp"

namespace sonde::experiments {
namespace {

std::unique_ptr<ScratchpadNet> scratchpad_of(const BitCase& c) {
  return std::make_unique<ScratchpadNet>(key_of(c, 0),
                                         ScratchpadOptions{.length = c.length, .width = c.width});
}

// What is found of the network at the end.
ScratchpadRun measured(const nn::Module& net, const BitCase& c, const TrainedBitsOptions& how) {
  BitProbe probe(scratchpad_of(c), ScratchpadNet::positions, ScratchpadNet::encoder_norms, 0);
  probe.follow(net);
  const BitMeasurementOptions options = measurement_of(c, probe, how);
  const Tensor bits = measured_strings(c.length, options);
  return {
      .trained = {c, probe.measure(bits, to(prefix_parities(bits), DType::f32).tensor(), options)},
      .decoder = blowup_of(probe.module(), bits, ScratchpadNet::decoder_norms, 0)};
}

class ScratchpadJob final : public TrainingJob {
 public:
  ScratchpadJob(const BitCase& c, const ScratchpadHow& how)
      : TrainingJob(scratchpad_of(c), scratchpad_task(), uniform_bits(c.batch, c.length),
                    training_of(c), {.steps = c.steps, .glance_every = how.look_every}),
        case_(c),
        how_(how) {}
  Json result() const override {
    Json json = to_json(found_);
    json["course"] = course();
    return json;
  }

 private:
  Json glance(const nn::Module& net) override {
    const Tensor bits = uniform_bits(how_.decoded, case_.length)(key_of(case_, 3));
    const Decoded seen = decoded_by(dynamic_cast<const ScratchpadNet&>(net), bits);
    return {{"tokens", seen.tokens}, {"answer", seen.answer}};
  }
  void look(const nn::Module& net) override { found_ = measured(net, case_, how_.measured); }

  const BitCase case_;
  const ScratchpadHow how_;
  ScratchpadRun found_;
};

class PlainJob final : public TrainingJob {
 public:
  PlainJob(const BitCase& c, std::int64_t strings)
      : TrainingJob(encoder_of(c), target_of(c), uniform_bits(c.batch, c.length), training_of(c),
                    {.steps = c.steps}),
        case_(c),
        strings_(strings) {}
  Json result() const override {
    return {
        {"length", case_.length}, {"seed", case_.seed}, {"loss", loss_}, {"accuracy", accuracy_}};
  }

 private:
  void look(const nn::Module& net) override {
    const Tensor bits = uniform_bits(strings_, case_.length)(key_of(case_, 3));
    const Tensor outputs = net(bits).tensor(), labels = target_of(case_).labels(bits);
    loss_ = 4 * nn::mse_loss(outputs, labels).item();
    accuracy_ = accuracy_of(outputs, labels);
  }

  const BitCase case_;
  const std::int64_t strings_;
  double loss_ = 0, accuracy_ = 0;
};

}  // namespace

BitTask scratchpad_task() {
  return {"scratchpad", [](const Var& outputs, const Tensor& strings) {
            return nn::mse_loss(outputs, to(prefix_parities(strings), DType::f32));
          }};
}

Decoded decoded_by(const ScratchpadNet& net, const Tensor& strings) {
  const Var right = to(eq(net.decode(strings), prefix_parities(strings)), DType::f64);
  return {.tokens = mean(right).item(),
          .answer = mean(select(right, 1, strings.size(1) - 1)).item()};
}

std::int64_t look_every(std::int64_t every, std::int64_t steps) {
  const std::int64_t step = std::min(every, steps);
  if (step < 1 || steps % step != 0)
    fail(ErrorCode::usage, "--look-every", "{} does not divide the {} steps", every, steps);
  return step;
}

Json to_json(const ScratchpadRun& run) {
  Json json = to_json(run.trained);
  json["decoder"] = {{"blowup", run.decoder.mean},
                     {"log_blowup", run.decoder.log_mean},
                     {"theory_log_blowup", run.decoder.theory_log_mean},
                     {"theory_squared_blowup", run.decoder.theory_square_mean}};
  json["course"] = Json::array();
  for (const Decoded& d : run.course)
    json["course"].push_back(
        {{"step", d.step}, {"seen", {{"tokens", d.tokens}, {"answer", d.answer}}}});
  return json;
}

ScratchpadRun scratchpad_run_from_json(const Json& json) try {
  const Json& decoder = json.at("decoder");
  ScratchpadRun run{.trained = trained_from_json(json),
                    .decoder = {.mean = decoder.at("blowup"),
                                .log_mean = decoder.at("log_blowup"),
                                .theory_log_mean = decoder.at("theory_log_blowup"),
                                .theory_square_mean = decoder.at("theory_squared_blowup")}};
  for (const Json& look : json.at("course"))
    run.course.push_back({.step = integer_at<std::int64_t>(look, "step"),
                          .tokens = look.at("seen").at("tokens"),
                          .answer = look.at("seen").at("answer")});
  return run;
} catch (const Json::exception& e) {
  fail(ErrorCode::format, "scratchpad", "{}", e.what());
}

JobMaker scratchpad_jobs(std::vector<BitCase> cases, ScratchpadHow how) {
  return [cases = std::move(cases), how = std::move(how)](std::int64_t i) {
    return std::make_unique<ScratchpadJob>(cases.at(static_cast<std::size_t>(i)), how);
  };
}

std::vector<ScratchpadRun> train_scratchpads(Jobs& jobs, const std::vector<BitCase>& cases,
                                             const ScratchpadHow& how) {
  std::vector<ScratchpadRun> out;
  for (const Json& result : jobs.run("scratchpads", static_cast<std::int64_t>(cases.size()),
                                     scratchpad_jobs(cases, how)))
    out.push_back(scratchpad_run_from_json(result));
  return out;
}

std::vector<PlainRun> train_plain(Jobs& jobs, const std::vector<BitCase>& cases,
                                  std::int64_t strings) {
  const JobMaker make = [&](std::int64_t i) {
    return std::make_unique<PlainJob>(cases.at(static_cast<std::size_t>(i)), strings);
  };
  std::vector<PlainRun> out;
  for (const Json& result : jobs.run("plain", static_cast<std::int64_t>(cases.size()), make))
    out.push_back({cases[out.size()], result.at("loss"), result.at("accuracy")});
  return out;
}

}  // namespace sonde::experiments
