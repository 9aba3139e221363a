#include "experiments/boolean/trained.hpp"

#include <fmt/format.h>

#include "experiments/boolean/export.hpp"
#include "experiments/boolean/training_job.hpp"
#include "experiments/common/key_tensor.hpp"

namespace sonde::experiments {
namespace {

class BitJob final : public TrainingJob {
 public:
  BitJob(BitCase c, TrainedBitsOptions options)
      : TrainingJob(encoder_of(c), target_of(c), uniform_bits(c.batch, c.length), training_of(c),
                    {.steps = c.steps}),
        case_(std::move(c)),
        options_(std::move(options)) {}

  Json result() const override { return to_json(TrainedBits{case_, found_}); }

 private:
  void look(const nn::Module& net) override { found_ = measured(net); }

  BitMeasurement measured(const nn::Module& net) const {
    BitProbe probe = probe_of(case_);
    probe.follow(net);
    const BitMeasurementOptions how = measurement_of(case_, probe, options_);
    const Target t = target_of(case_);
    const BitMeasurement found = probe.measure(t, case_.length, how);
    if (options_.exported && options_.exported(case_))
      export_bits(options_.export_to / (name_of(case_) + ".safetensors"), probe.module(), t,
                  case_.length, how, found);
    return found;
  }

  const BitCase case_;
  const TrainedBitsOptions options_;
  BitMeasurement found_;
};

}  // namespace

std::string name_of(const BitCase& c) {
  return fmt::format("{}-{}-{}", c.target, c.length, c.seed);
}

philox::Key key_of(const BitCase& c, std::uint64_t stream) {
  philox::Key key{c.seed, 0x62697473};
  for (const std::uint64_t part :
       {number_of(c.target), static_cast<std::uint64_t>(c.length), stream})
    key = philox::fold_in(key, part);
  return key;
}

Target target_of(const BitCase& c) {
  return c.target == random_name ? random_target(c.length, key_of(c, 4)) : target(c.target);
}

std::unique_ptr<BitEncoder> encoder_of(const BitCase& c) {
  return std::make_unique<BitEncoder>(key_of(c, 0),
                                      BitEncoderOptions{.length = c.length, .width = c.width});
}

BitTrainingOptions training_of(const BitCase& c) {
  return {.lr = c.lr, .weight_decay = c.weight_decay, .key = key_of(c, 1)};
}

BitProbe probe_of(const BitCase& c) {
  return {encoder_of(c), BitEncoder::positions, BitEncoder::norms};
}

BitMeasurementOptions measurement_of(const BitCase& c, const BitProbe& probe,
                                     const TrainedBitsOptions& options) {
  BitMeasurementOptions how = options.measurement;
  how.key = key_of(c, 2);
  if (options.radius > 0) how.eps = probe.eps_of(options.radius);
  return how;
}

Json to_json(const BitMeasurement& m) {
  return {{"loss", m.loss},
          {"label_sharpness", to_json(m.label_sharpness)},
          {"output_sharpness", to_json(m.output_sharpness)},
          {"radius", m.radius},
          {"norm", m.norm},
          {"blowup", m.blowup},
          {"log_blowup", m.log_blowup},
          {"theory_log_blowup", m.theory_log_blowup},
          {"theory_squared_blowup", m.theory_squared_blowup}};
}

BitMeasurement bit_measurement_from_json(const Json& j) try {
  return {.loss = j.at("loss"),
          .label_sharpness = estimate_from_json(j.at("label_sharpness")),
          .output_sharpness = estimate_from_json(j.at("output_sharpness")),
          .radius = j.at("radius"),
          .norm = j.at("norm"),
          .blowup = j.at("blowup"),
          .log_blowup = j.at("log_blowup"),
          .theory_log_blowup = j.at("theory_log_blowup"),
          .theory_squared_blowup = j.at("theory_squared_blowup")};
} catch (const Json::exception& e) {
  fail(ErrorCode::format, "measurement", "{}", e.what());
}

Json to_json(const BitCase& c) {
  return {{"target", c.target},
          {"length", c.length},
          {"width", c.width},
          {"batch", c.batch},
          {"steps", c.steps},
          {"lr", c.lr},
          {"weight_decay", c.weight_decay},
          {"seed", c.seed}};
}

BitCase bit_case_from_json(const Json& j) try {
  const auto integer = [&](const char* key) { return integer_at<std::int64_t>(j, key); };
  return {.target = j.at("target"),
          .length = integer("length"),
          .width = integer("width"),
          .batch = integer("batch"),
          .steps = integer("steps"),
          .lr = j.at("lr"),
          .weight_decay = j.at("weight_decay"),
          .seed = integer_at<std::uint64_t>(j, "seed")};
} catch (const Json::exception& e) {
  fail(ErrorCode::format, "trained network", "{}", e.what());
}

Json to_json(const TrainedBits& t) {
  Json json = to_json(t.of);
  json.update(to_json(t.found));
  return json;
}

TrainedBits trained_from_json(const Json& j) {
  return {.of = bit_case_from_json(j), .found = bit_measurement_from_json(j)};
}

JobMaker bit_jobs(std::vector<BitCase> cases, TrainedBitsOptions options) {
  return [cases = std::move(cases), options = std::move(options)](std::int64_t i) {
    return std::make_unique<BitJob>(cases.at(static_cast<std::size_t>(i)), options);
  };
}

std::vector<TrainedBits> train_bits(Jobs& jobs, const std::string& name,
                                    const std::vector<BitCase>& cases,
                                    const TrainedBitsOptions& options) {
  std::vector<TrainedBits> out;
  for (const Json& result :
       jobs.run(name, static_cast<std::int64_t>(cases.size()), bit_jobs(cases, options)))
    out.push_back(trained_from_json(result));
  return out;
}

}  // namespace sonde::experiments
