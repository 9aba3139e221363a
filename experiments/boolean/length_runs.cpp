#include "experiments/boolean/length_runs.hpp"

#include <algorithm>

#include "analysis/statistics.hpp"
#include "experiments/boolean/placed.hpp"
#include "experiments/boolean/scratchpad_runs.hpp"
#include "experiments/boolean/sentences.hpp"
#include "experiments/boolean/training_job.hpp"
#include "experiments/common/key_tensor.hpp"
#include "nn/loss.hpp"

namespace sonde::experiments {
namespace {

// Streams: 0 of initial values, 1 of strings, 2 of tests.
philox::Key key_of(const LengthCase& c, std::uint64_t stream) {
  philox::Key key{c.seed, 0x6c656e677468};
  for (const std::uint64_t part : {number_of(name_of(c.recipe.setup)), number_of(c.target), stream})
    key = philox::fold_in(key, part);
  return key;
}

// What a set-up does with the strings of its target.
struct Way {
  std::unique_ptr<nn::Module> net;
  BitTask task;
  /// Strings of shortest ... longest bits.
  std::function<BitSource(std::int64_t strings, std::int64_t shortest, std::int64_t longest)>
      source;
  /// The share of strings that the network answers right.
  std::function<double(const nn::Module& net, const Tensor& strings)> accuracy;
  optim::Schedule schedule{};
};

// Bits of one length a batch, somewhere among as many positions as the farthest length needs.
auto bits_source(const LengthRecipe& r) {
  return
      [positions = r.farthest](std::int64_t strings, std::int64_t shortest, std::int64_t longest) {
        return bits_of_lengths(strings, shortest, longest, positions);
      };
}

Way encoder_way(const LengthCase& c) {
  const LengthRecipe& r = c.recipe;
  const auto labels = [of = target(c.target).labels](const Tensor& strings) {
    return of(tokens_of(strings).tensor());
  };
  return {.net = std::make_unique<BitEncoder>(
              key_of(c, 0),
              BitEncoderOptions{
                  .length = r.farthest, .width = r.width, .layers = r.layers, .heads = r.heads}),
          .task = {c.target,
                   [labels](const Var& outputs, const Tensor& strings) {
                     return nn::mse_loss(outputs, labels(strings));
                   }},
          .source = bits_source(r),
          .accuracy = [labels](const nn::Module& net, const Tensor& strings) {
            return accuracy_of(net(strings).tensor(), labels(strings));
          }};
}

Way scratchpad_way(const LengthCase& c) {
  const LengthRecipe& r = c.recipe;
  return {.net = std::make_unique<ScratchpadNet>(
              key_of(c, 0),
              ScratchpadOptions{
                  .length = r.farthest, .width = r.width, .layers = r.layers, .heads = r.heads}),
          .task = scratchpad_task(),
          .source = bits_source(r),
          .accuracy = [](const nn::Module& net, const Tensor& strings) {
            return decoded_by(dynamic_cast<const ScratchpadNet&>(net), strings).answer;
          }};
}

Way model_way(const LengthCase& c) {
  const LengthRecipe& r = c.recipe;
  const std::int64_t positions = r.farthest + 4;
  return {.net = std::make_unique<SentenceModel>(
              key_of(c, 0),
              SentenceModelOptions{
                  .positions = positions, .width = r.width, .layers = r.layers, .heads = r.heads}),
          .task = {c.target, sentence_loss},
          .source =
              [of = target(c.target), positions](std::int64_t strings, std::int64_t shortest,
                                                 std::int64_t longest) {
                return sentences(of, {.strings = strings,
                                      .shortest = shortest,
                                      .longest = longest,
                                      .positions = positions,
                                      .uniform_ones = of.name == "parity"});
              },
          .accuracy =
              [](const nn::Module& net, const Tensor& strings) {
                return right_sentences(net(strings).tensor(), strings);
              },
          .schedule = optim::linear_lr(1, 0, r.steps)};
}

Way way_of(const LengthCase& c) {
  switch (c.recipe.setup) {
    case LengthSetup::language_model:
      return model_way(c);
    case LengthSetup::scratchpad:
      return scratchpad_way(c);
    case LengthSetup::encoder:
      break;
  }
  return encoder_way(c);
}

class LengthJob final : public TrainingJob {
 public:
  LengthJob(const LengthCase& c, std::int64_t steps) : LengthJob(c, steps, way_of(c)) {}
  Json result() const override {
    return {{"setup", name_of(case_.recipe.setup)},
            {"target", case_.target},
            {"seed", case_.seed},
            {"found", found_}};
  }

 private:
  LengthJob(const LengthCase& c, std::int64_t steps, Way way)
      : TrainingJob(std::move(way.net), std::move(way.task),
                    way.source(c.recipe.batch, c.recipe.shortest, c.recipe.longest),
                    {.lr = c.recipe.lr,
                     .weight_decay = c.recipe.weight_decay,
                     .key = key_of(c, 1),
                     .schedule = way.schedule},
                    {.steps = steps}),
        case_(c),
        source_(std::move(way.source)),
        accuracy_(std::move(way.accuracy)) {}

  void look(const nn::Module& net) override {
    for (const std::int64_t n : tested_lengths(case_.recipe)) {
      const philox::Key key = philox::fold_in(key_of(case_, 2), static_cast<std::uint64_t>(n));
      found_.push_back(
          {{"length", n}, {"accuracy", accuracy_(net, source_(case_.recipe.tested, n, n)(key))}});
    }
  }

  const LengthCase case_;
  const decltype(Way::source) source_;
  const decltype(Way::accuracy) accuracy_;
  Json found_ = Json::array();
};

LengthRun run_from_json(const LengthCase& c, const Json& json) try {
  LengthRun run{.of = c};
  for (const Json& at : json.at("found"))
    run.accuracy[integer_at<std::int64_t>(at, "length")] = at.at("accuracy");
  return run;
} catch (const Json::exception& e) {
  fail(ErrorCode::format, "trained network", "{}", e.what());
}

}  // namespace

std::string name_of(LengthSetup setup) {
  switch (setup) {
    case LengthSetup::language_model:
      return "language-model";
    case LengthSetup::scratchpad:
      return "scratchpad";
    case LengthSetup::encoder:
      break;
  }
  return "encoder";
}

std::vector<std::int64_t> tested_lengths(const LengthRecipe& r) {
  const std::int64_t every = std::max<std::int64_t>(1, r.longest / 10);
  std::vector<std::int64_t> out;
  for (std::int64_t n = r.shortest; n <= r.farthest; ++n)
    if (n == r.shortest || n % every == 0 || n % r.longest == 0) out.push_back(n);
  return out;
}

double LengthRun::over(std::int64_t low, std::int64_t high) const {
  Sample values;
  for (const auto& [n, share] : accuracy)
    if (n >= low && n <= high) values.push_back(share);
  return mean(values);
}

double LengthRun::in_distribution() const {
  return over(of.recipe.shortest, of.recipe.longest);
}

JobMaker length_jobs(std::vector<LengthCase> cases, std::optional<std::int64_t> until) {
  return [cases = std::move(cases), until](std::int64_t i) {
    const LengthCase& c = cases.at(static_cast<std::size_t>(i));
    return std::make_unique<LengthJob>(c, until.value_or(c.recipe.steps));
  };
}

std::vector<LengthRun> train_lengths(Jobs& jobs, const std::string& name,
                                     const std::vector<LengthCase>& cases) {
  std::vector<LengthRun> out;
  for (const Json& result :
       jobs.run(name, static_cast<std::int64_t>(cases.size()), length_jobs(cases)))
    out.push_back(run_from_json(cases[out.size()], result));
  return out;
}

}  // namespace sonde::experiments
