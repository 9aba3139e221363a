#include "experiments/tokens/trained.hpp"

#include <chrono>
#include <cmath>

#include "analysis/point.hpp"
#include "analysis/sensitivity.hpp"
#include "autograd/ops.hpp"
#include "experiments/data/loader.hpp"
#include "experiments/tokens/networks.hpp"
#include "nn/loss.hpp"
#include "nn/state_dict.hpp"
#include "optim/adam.hpp"

namespace sonde::experiments {
namespace {

// Independent uses of chance of a case; data have the streams of TokenPart from `data` on.
enum Stream : std::uint64_t { parameters, order, replacements, data };

philox::Key key_of(const TokenCase& c, std::uint64_t stream) {
  return philox::fold_in({c.seed, 0x746f6b656e73}, stream);
}

std::unique_ptr<nn::Module> network_of(const TokenCase& c) {
  const TokenWorld world = world_of(c.cue);
  return token_network(c.network,
                       {.vocabulary = world.vocabulary(), .length = world.length, .width = c.width},
                       key_of(c, parameters));
}

// Two classes of one logit; none is the class 0.
Classifier classifier_of(const nn::Module& net) {
  return [&net](const Tensor& tokens) {
    const Var logit = unsqueeze(net(Var(tokens)), 1);
    return concat({logit * 0.0, logit}, 1).tensor();
  };
}

TokenSet first_of(const TokenSet& set, std::int64_t n) {
  return {set.tokens.slice(0, 0, n).contiguous(), set.labels.slice(0, 0, n).contiguous()};
}

class TokenJob final : public Job {
 public:
  TokenJob(TokenCase c, TokenMeasurement how)
      : how_(how),
        net_(network_of(c)),
        adam_(*net_, {.lr = c.lr}),
        train_(strings_of(c, TokenPart::train, c.strings)),
        test_(strings_of(c, TokenPart::test, c.strings)) {
    found_.of = std::move(c);
    found_.parameters = net_->parameter_count();
  }

  // One part after another; sensitivities by some strings at a time.
  bool advance() override {
    switch (part_) {
      case Part::at_start:
        return next_if(measured(train_, found_.at_start));
      case Part::training:
        train_for_a_second();
        return next_if(over());
      case Part::train:
        return next_if(measured(train_, found_.train));
      case Part::test:
        return next_if(measured(test_, found_.test));
      case Part::rest:
        break;
    }
    found_.test_accuracy = accuracy(test_);
    found_.follows_frequent = accuracy(strings_of(found_.of, TokenPart::conflict, how_.strings));
    return true;
  }
  Json result() const override { return to_json(found_); }
  void save(Checkpoint& c) const override {
    c.state = {{"part", part_}, {"shares", shares_}, {"found", to_json(found_)}};
    c.add("model.", nn::state_dict(*net_));
    c.add("optimizer.", adam_.state());
  }
  void restore(const Checkpoint& c) override {
    try {
      part_ = c.state.at("part").get<Part>();
      shares_ = c.state.at("shares").get<Sample>();
      found_ = trained_tokens_from_json(c.state.at("found"));
    } catch (const Json::exception& e) {
      fail(ErrorCode::format, "checkpoint", "{}", e.what());
    }
    nn::load_state_dict(*net_, c.tensors_under("model."));
    adam_.load_state(c.tensors_under("optimizer."));
  }

 private:
  enum class Part { at_start, training, train, test, rest };

  bool next_if(bool done) {
    if (done) part_ = static_cast<Part>(static_cast<int>(part_) + 1);
    return false;
  }
  bool over() const { return found_.fits() || found_.steps >= found_.of.steps; }
  void train_for_a_second() {
    using Clock = std::chrono::steady_clock;
    const auto stop = Clock::now() + std::chrono::seconds(1);
    while (!over() && Clock::now() < stop) {
      step();
      ++found_.steps;
      if (over() || found_.steps % found_.of.look_every == 0) look();
    }
  }
  // Most looks are over with the first wrong label.
  void look() {
    found_.train_accuracy = 0;
    const std::int64_t some = std::min<std::int64_t>(500, found_.of.strings);
    if (over() || accuracy(first_of(train_, some)) == 1) found_.train_accuracy = accuracy(train_);
  }
  void step() {
    const TokenCase& c = found_.of;
    const std::int64_t each = (c.strings + c.batch - 1) / c.batch, epoch = found_.steps / each,
                       begin = found_.steps % each * c.batch;
    if (epoch != epoch_) {
      epoch_ = epoch;
      order_ = Tensor::from<std::int64_t>(
          permutation(philox::fold_in(key_of(c, order), static_cast<std::uint64_t>(epoch)),
                      c.strings),
          {c.strings});
    }
    const Tensor rows = order_.slice(0, begin, std::min(begin + c.batch, c.strings));
    const Var tokens = index_select(train_.tokens, 0, rows),
              labels = index_select(train_.labels, 0, rows);
    const auto result = nn::value_and_grad(*net_, [&](nn::Context& ctx) {
      return make_vars(nn::binary_cross_entropy_with_logits((*net_)(ctx, tokens), labels));
    });
    if (!std::isfinite(result.value.item()))
      fail(ErrorCode::numeric, "train", "the loss of {} is {} at step {}", c.network,
           result.value.item(), found_.steps);
    adam_.step(result.grads);
  }
  double accuracy(const TokenSet& set) const {
    constexpr std::int64_t at_once = 500;
    double right = 0;
    for (std::int64_t begin = 0; begin < set.tokens.size(0); begin += at_once) {
      const std::int64_t end = std::min(begin + at_once, set.tokens.size(0));
      const Var says = gt((*net_)(Var(set.tokens.slice(0, begin, end))), 0.0);
      right +=
          sum(to(eq(to(says, DType::f32), set.labels.slice(0, begin, end)), DType::f64)).item();
    }
    return right / static_cast<double>(set.tokens.size(0));
  }
  // Goes on measuring; whether all is measured and `to` has it.
  bool measured(const TokenSet& set, Estimate& to) {
    constexpr std::int64_t at_once = 50;
    const TokenWorld world = world_of(found_.of.cue);
    const std::int64_t all = std::min(how_.strings, set.tokens.size(0)),
                       begin = std::ssize(shares_);
    const Sensitivity s =
        sensitivity(classifier_of(*net_),
                    set.tokens.slice(0, begin, std::min(begin + at_once, all)).contiguous(),
                    *token_replacement(world.length, 0, world.vocabulary()),
                    {.draws = how_.draws,
                     .key = philox::fold_in(key_of(found_.of, replacements),
                                            static_cast<std::uint64_t>(begin))});
    shares_.insert(shares_.end(), s.by_input.begin(), s.by_input.end());
    if (std::ssize(shares_) < all) return false;
    to = bootstrap_mean({&shares_, 1}, found_.of.seed);
    shares_.clear();
    return true;
  }

  const TokenMeasurement how_;
  const std::unique_ptr<nn::Module> net_;
  optim::Adam adam_;
  const TokenSet train_, test_;
  TrainedTokens found_;
  Part part_ = Part::at_start;
  Sample shares_;  // of flips, by string, in the part under way
  std::int64_t epoch_ = -1;
  Tensor order_;  // of the strings in that epoch
};

const char* name_of(SparseCue cue) {
  return cue == SparseCue::label ? "label" : "random";
}

}  // namespace

Json to_json(const TrainedTokens& t) {
  const TokenCase& c = t.of;
  return {{"network", c.network},
          {"cue", name_of(c.cue)},
          {"width", c.width},
          {"strings", c.strings},
          {"batch", c.batch},
          {"most_steps", c.steps},
          {"look_every", c.look_every},
          {"lr", c.lr},
          {"seed", c.seed},
          {"parameters", t.parameters},
          {"steps", t.steps},
          {"train_accuracy", t.train_accuracy},
          {"test_accuracy", t.test_accuracy},
          {"at_start", to_json(t.at_start)},
          {"train", to_json(t.train)},
          {"test", to_json(t.test)},
          {"follows_frequent", t.follows_frequent}};
}

TrainedTokens trained_tokens_from_json(const Json& j) try {
  const auto integer = [&](const char* key) { return integer_at<std::int64_t>(j, key); };
  return {.of = {.network = j.at("network"),
                 .cue = j.at("cue") == "label" ? SparseCue::label : SparseCue::random,
                 .width = integer("width"),
                 .strings = integer("strings"),
                 .batch = integer("batch"),
                 .steps = integer("most_steps"),
                 .look_every = integer("look_every"),
                 .lr = j.at("lr"),
                 .seed = integer_at<std::uint64_t>(j, "seed")},
          .parameters = integer("parameters"),
          .steps = integer("steps"),
          .train_accuracy = j.at("train_accuracy"),
          .test_accuracy = j.at("test_accuracy"),
          .at_start = estimate_from_json(j.at("at_start")),
          .train = estimate_from_json(j.at("train")),
          .test = estimate_from_json(j.at("test")),
          .follows_frequent = j.at("follows_frequent")};
} catch (const Json::exception& e) {
  fail(ErrorCode::format, "trained network", "{}", e.what());
}

TokenWorld world_of(SparseCue cue) {
  return {.cue = cue};
}

TokenSet strings_of(const TokenCase& c, TokenPart part, std::int64_t n) {
  const TokenWorld world = world_of(part == TokenPart::conflict ? SparseCue::conflict : c.cue);
  return draw_tokens(world, n, key_of(c, data + static_cast<std::uint64_t>(part)));
}

JobMaker token_jobs(std::vector<TokenCase> cases, TokenMeasurement how) {
  return [cases = std::move(cases), how](std::int64_t i) {
    return std::make_unique<TokenJob>(cases.at(static_cast<std::size_t>(i)), how);
  };
}

}  // namespace sonde::experiments
