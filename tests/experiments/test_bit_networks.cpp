// Functions of bit strings, the network that learns them, its training and what is measured of it.
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/boolean.hpp"
#include "analysis/taps.hpp"
#include "autograd/ops.hpp"
#include "experiments/boolean/encoder.hpp"
#include "experiments/boolean/measurement.hpp"
#include "experiments/boolean/target.hpp"
#include "experiments/boolean/training_job.hpp"
#include "nn/state_dict.hpp"

namespace sonde::experiments {
namespace {

std::vector<double> labels_of(const Target& t, std::initializer_list<std::int64_t> bits) {
  const auto n = static_cast<std::int64_t>(bits.size());
  return t.labels(Tensor::from<std::int64_t>(std::vector(bits), {1, n})).to_vector<double>();
}

TEST(Targets, LabelsOfStrings) {
  EXPECT_EQ(labels_of(target("parity"), {1, 0, 1, 1})[0], 1);
  EXPECT_EQ(labels_of(target("parity"), {1, 0, 0, 1})[0], 0);
  EXPECT_EQ(labels_of(target("majority"), {1, 0, 1, 1})[0], 1);
  EXPECT_EQ(labels_of(target("majority"), {1, 0, 1, 0})[0], 0);  // a tie
  EXPECT_EQ(labels_of(target("majority"), {0, 1, 1})[0], 1);
  EXPECT_EQ(labels_of(target("first"), {1, 0, 0, 0})[0], 1);
  EXPECT_EQ(labels_of(target("mean"), {1, 0, 0, 0})[0], 0.25);
  EXPECT_EQ(labels_of(target("sparse-3"), {1, 1, 0, 1})[0], 0);
  EXPECT_EQ(labels_of(target("sparse-3"), {1, 1, 1, 0})[0], 1);
  EXPECT_EQ(labels_of(target("sparse-3"), {1, 0})[0], 1);  // all there are
  const Target table =
      table_target("and", Tensor::from<std::int64_t>({0, 0, 0, 1, 0, 0, 0, 0}, {8}));
  EXPECT_EQ(labels_of(table, {0, 1, 1})[0], 1);  // the first bit is the most significant
  EXPECT_EQ(labels_of(table, {1, 1, 0})[0], 0);
  EXPECT_THROW(target("parit"), Error);
  EXPECT_THROW(labels_of(table, {1, 1}), Error);
}

// Counted string by string, against closed forms and the transform.
TEST(Targets, AverageSensitivitiesAreExact) {
  for (const std::int64_t n : {1, 2, 4, 7, 10}) {
    std::vector<Target> all{random_target(n, {7, static_cast<std::uint64_t>(n)})};
    for (const std::string& name : all_target_names())
      if (name != random_name) all.push_back(target(name));
    for (const Target& t : all) {
      const std::vector<double> f = t.labels(all_strings(n)).to_vector<double>();
      double sum = 0;
      for (std::size_t x = 0; x < f.size(); ++x)
        for (std::int64_t i = 0; i < n; ++i)
          sum += std::pow(f[x] - f[x ^ (std::size_t{1} << i)], 2);
      const double expected = sum / static_cast<double>(f.size());
      EXPECT_NEAR(t.average_sensitivity(n), expected, 1e-6 * expected) << t.name << " " << n;
    }
  }
  EXPECT_NEAR(target("majority").average_sensitivity(20), 3.5239, 5e-5);
  double mean = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    mean += random_target(10, {seed, 1}).average_sensitivity(10) / 20;
  EXPECT_NEAR(mean, 5, 0.1);
}

TEST(BitEncoder, HasTheAuthorsSizes) {
  const auto moving = [](std::int64_t width) {
    std::int64_t count = 0;
    for (const nn::NamedEntry& p :
         BitEncoder({1, 0}, {.length = 7, .width = width}).named_parameters())
      if (!p.path.starts_with("positional_encoding")) count += p.handle->value.numel();
    return count;
  };
  EXPECT_EQ(moving(4), 281);
  EXPECT_EQ(moving(32), 12'993);
  EXPECT_EQ(moving(128), 199'425);
}

TEST(BitEncoder, ReadsTheLastOfUpToItsLength) {
  const BitEncoder net({1, 0}, {.length = 6, .width = 8});
  EXPECT_EQ(net(all_strings(3)).shape(), (Dims{8}));
  EXPECT_THROW(net(all_strings(7)), Error);
  EXPECT_THROW(BitEncoder({1, 0}, {.width = 7}), Error);
}

constexpr BitEncoderOptions small{.length = 5, .width = 8};

struct Trained {
  explicit Trained(const std::string& name, std::uint64_t seed = 3)
      : net({seed, 0}, small),
        training(net, target(name), uniform_bits(16, 5), {.lr = 3e-3, .key = {seed, 1}}) {}
  double run(int steps) {
    double last = 0;
    for (int i = 0; i < steps; ++i) last = training.step();
    return last;
  }
  std::vector<double> values() const {
    std::vector<double> out;
    for (const auto& [name, t] : nn::state_dict(net))
      for (const double v : t.to(DType::f64).to_vector<double>()) out.push_back(v);
    return out;
  }
  BitEncoder net;
  BitTraining training;
};

TEST(BitTraining, LossFallsOnTheFirstBit) {
  Trained t("first");
  const double before = t.run(1);
  EXPECT_GT(before, 0.1);
  EXPECT_LT(t.run(150), 0.05 * before);
}

TEST(BitTraining, GoesOnToTheSameBits) {
  Trained whole("parity");
  whole.run(7);
  Checkpoint saved;
  whole.training.save(saved, "net.");
  const double loss = whole.run(5);
  Trained resumed("parity");
  resumed.training.restore(saved, "net.");
  EXPECT_EQ(resumed.training.steps(), 7);
  EXPECT_EQ(resumed.run(5), loss);
  EXPECT_EQ(resumed.values(), whole.values());
  Trained other("parity", 4);
  other.run(12);
  EXPECT_NE(other.values(), whole.values());
}

TEST(BitTraining, WeightDecayShrinksEveryParameter) {
  BitEncoder net({1, 0}, small);
  const double before = net.named_parameters()[0].handle->value.to(DType::f64).at({0, 0});
  // Labels that the network already gives: gradients are 0, what is left is decay.
  const Target own{"own", [&](const Tensor& b) { return net(b).tensor(); }, {}};
  BitTraining training(net, own, uniform_bits(4, 5),
                       {.lr = 0.1, .weight_decay = 0.5, .key = {1, 1}});
  EXPECT_EQ(training.step(), 0);
  EXPECT_NEAR(net.named_parameters()[0].handle->value.to(DType::f64).at({0, 0}),
              before * (1 - 0.1 * 0.5), 1e-6 * std::abs(before));
}

TEST(BitTraining, DrawsFromASet) {
  const Tensor set = all_strings(3).slice(0, 2, 4).contiguous();
  const Tensor drawn = bits_among(set, 40)({5, 6});
  EXPECT_EQ(drawn.shape(), (Dims{40, 3}));
  int last = 0;
  for (std::int64_t i = 0; i < 40; ++i) {
    EXPECT_EQ(drawn.at({i, 0}), 0);
    EXPECT_EQ(drawn.at({i, 1}), 1);
    last += drawn.at({i, 2}) == 1;
  }
  EXPECT_GT(last, 0);
  EXPECT_LT(last, 40);
}

// The job of a training on all strings at once.
class WholeCube final : public TrainingJob {
 public:
  explicit WholeCube(TrainingEnd end)
      : TrainingJob(std::make_unique<BitEncoder>(philox::Key{3, 0}, small), target("first"),
                    whole_set(all_strings(5)), {.lr = 3e-3, .key = {3, 1}}, end) {}
  Json result() const override { return {{"steps", steps()}, {"looks", looks_}}; }

 private:
  void look(const nn::Module&) override { ++looks_; }
  int looks_ = 0;
};

Json run_whole(Job& job) {
  while (!job.advance()) {
  }
  return job.result();
}

TEST(TrainingJob, EndsAfterTheStepWhoseLossIsLowEnough) {
  BitEncoder net({3, 0}, small);
  BitTraining training(net, target("first"), whole_set(all_strings(5)),
                       {.lr = 3e-3, .key = {3, 1}});
  std::int64_t first = 1;
  while (training.step() >= 0.05) ++first;
  ASSERT_GT(first, 5);
  WholeCube job({.steps = 1000, .loss_below = 0.05});
  EXPECT_EQ(run_whole(job), (Json{{"steps", first}, {"looks", 1}}));
  Checkpoint state;
  job.save(state);
  WholeCube again({.steps = 1000, .loss_below = 0.05});  // knows that it is over
  again.restore(state);
  EXPECT_EQ(run_whole(again)["steps"], first);
  WholeCube capped({.steps = 4, .loss_below = 0.05}), endless({.steps = first + 3});
  EXPECT_EQ(run_whole(capped)["steps"], 4);
  EXPECT_EQ(run_whole(endless)["steps"], first + 3);
}

// What is measured, against a computation that goes from draw to draw, string to string.
class Measured : public testing::Test {
 protected:
  Measured() {
    trained_.run(20);
    probe_.follow(trained_.net);
    found_ = probe_.measure(target("majority"), 5, options_);
  }
  const BitEncoder& net() const { return dynamic_cast<const BitEncoder&>(probe_.module()); }

  Trained trained_{"majority"};
  BitProbe probe_{std::make_unique<BitEncoder>(philox::Key{9, 9}, small), BitEncoder::positions,
                  BitEncoder::norms};
  const BitMeasurementOptions options_{.strings = 12, .eps = 0.05, .draws = 4, .key = {2, 7}};
  const Tensor bits_ = measured_strings(5, options_);
  BitMeasurement found_;
};

TEST_F(Measured, SharpnessOfBothKinds) {
  const auto twin = std::make_unique<BitEncoder>(philox::Key{1, 1}, small);  // to be moved
  twin->convert(DType::f64);
  const std::vector<double> labels =
      target("majority").labels(bits_).to(DType::f64).to_vector<double>();
  const std::vector<double> clean = net()(bits_).tensor().to_vector<double>();
  const auto outputs = [&](const ParameterNoise& noise, std::int64_t draw) {
    const Vars moved = with_noise(ParameterPoint(net()), noise, draw);
    std::size_t next = 0;
    Tensors values;
    for (const nn::NamedEntry& p : net().named_parameters())
      values.push_back(p.path.starts_with("positional_encoding") ? p.handle->value
                                                                 : moved[next++].tensor());
    EXPECT_EQ(next, moved.size());
    twin->set_parameters(values);
    return (*twin)(bits_).tensor().to_vector<double>();
  };
  const auto distance = [](const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(2 * (a[i] - b[i]), 2) / 12;
    return sum;
  };
  const double p = static_cast<double>(ParameterPoint(net()).space.size());
  double by_labels = 0, by_outputs = 0;
  for (std::int64_t d = 0; d < 4; ++d) {
    by_labels += distance(outputs(label_noise(options_), d), labels) / 4;
    by_outputs +=
        distance(outputs(output_noise(options_, ParameterPoint(net()).space.size()), d), clean) / 4;
  }
  EXPECT_NEAR(found_.loss, distance(clean, labels), 1e-12);
  EXPECT_NEAR(found_.label_sharpness.value, by_labels - distance(clean, labels), 1e-12);
  EXPECT_NEAR(found_.output_sharpness.value, by_outputs, 1e-12);
  EXPECT_NEAR(found_.radius, 0.05 * std::sqrt(p), 1e-12);
  EXPECT_GT(found_.output_sharpness.value, 0);
  EXPECT_EQ(found_.label_sharpness.n, 4);
}

TEST_F(Measured, NormLeavesPositionsOut) {
  double squares = 0;
  for (const nn::NamedEntry& p : net().named_parameters())
    if (!p.path.starts_with("positional_encoding"))
      for (const double v : p.handle->value.to_vector<double>()) squares += v * v;
  EXPECT_NEAR(found_.norm, std::sqrt(squares), 1e-12 * found_.norm);
}

TEST_F(Measured, BlowupOfBothKinds) {
  const TappedValues entering = values_at(tapped(net()), bits_, BitEncoder::norms);
  ASSERT_EQ(entering.size(), 4u);
  double code = 0, log_code = 0, log_theory = 0, squared = 0;
  for (std::int64_t x = 0; x < 12; ++x) {
    double product = 1, theory = 1;
    for (std::size_t k = 0; k < 4; ++k) {
      double greatest = 0, greatest_of_theory = 0;
      for (std::int64_t token = 0; token < 5; ++token) {
        double mean = 0, squares = 0;
        for (std::int64_t j = 0; j < 8; ++j) mean += entering[k].second.at({x, token, j}) / 8;
        for (std::int64_t j = 0; j < 8; ++j)
          squares += std::pow(entering[k].second.at({x, token, j}) - mean, 2);
        if (k < 2 || token == 4) greatest = std::max(greatest, 1 / std::sqrt(squares / 7));
        greatest_of_theory = std::max(greatest_of_theory, 1 + 1 / std::sqrt(squares / 8 + 1e-5));
      }
      product *= greatest;
      theory *= greatest_of_theory;
    }
    code += product / 12;
    log_code += std::log(product) / 12;
    log_theory += std::log(theory) / 12;
    squared += theory * theory / 12;
  }
  EXPECT_NEAR(found_.blowup, code, 1e-12 * code);
  EXPECT_NEAR(found_.log_blowup, log_code, 1e-12);
  EXPECT_NEAR(found_.theory_log_blowup, log_theory, 1e-12);
  EXPECT_NEAR(found_.theory_squared_blowup, squared, 1e-12 * squared);
}

TEST_F(Measured, NoiseIsTheKeysAlone) {
  const BitMeasurement again = probe_.measure(target("majority"), 5, options_);
  EXPECT_EQ(again.label_sharpness.value, found_.label_sharpness.value);
  BitMeasurementOptions other = options_;
  other.key = {2, 8};
  EXPECT_NE(probe_.measure(target("majority"), 5, other).label_sharpness.value,
            found_.label_sharpness.value);
}

}  // namespace
}  // namespace sonde::experiments
