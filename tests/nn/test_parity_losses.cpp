// Losses with every option against PyTorch's, whose results tests/parity/losses.py stored.
#include "autograd/ops.hpp"
#include "nn/loss.hpp"
#include "nn/sequential.hpp"
#include "tests/parity/formula.hpp"

namespace sonde::nn {
namespace {

using sonde::testing::Fixture;
using sonde::testing::integer_values;
using Loss = std::function<Var(const Var& x, const Var& target)>;

const Fixture& fixture() {
  static const Fixture f("losses");
  return f;
}

Var uniform_var(const std::string& name, const Dims& shape, double scale = 1) {
  return mul(sonde::testing::uniform_values(name, shape), scale);
}
Var positive(const std::string& name, const Dims& shape) {
  return add(uniform_var(name, shape, 0.5), 0.5);
}

void check(const std::string& key, const Var& x, const Var& target, const Loss& loss) {
  fixture().expect_module(
      key, Identity(), [&](Context&, const Vars& in) { return loss(in[0], in[1]); },
      make_vars(x, target));
}

constexpr std::pair<Reduction, const char*> reductions[] = {
    {Reduction::none, ".none"}, {Reduction::mean, ".mean"}, {Reduction::sum, ".sum"}};

// The loss under each reduction.
void check_all(const std::string& key, const Var& x, const Var& target,
               const std::function<Var(const Var& x, const Var& target, Reduction)>& loss) {
  for (const auto& [reduction, name] : reductions)
    check(key + name, x, target,
          [&, r = reduction](const Var& a, const Var& b) { return loss(a, b, r); });
}

// Predictions and labels for classes; `some` has rows that are ignored.
struct Classes {
  Var logits = uniform_var("logits", {6, 5}, 3), pixels = uniform_var("pixels", {2, 4, 2, 3}, 3),
      one = uniform_var("one", {5}, 3);
  Tensor labels = integer_values("labels", {6}, 5), some = labels.clone(), other = labels.clone();
  Var maps = integer_values("maps", {2, 2, 3}, 4), label = Tensor::scalar(3, DType::i64);
  Var weight5 = positive("weight", {5}), weight4 = positive("weight", {4});
  Classes() {
    auto* s = some.data<std::int64_t>();
    s[1] = s[4] = -100;
    auto* o = other.data<std::int64_t>();
    for (int i = 0; i < 6; ++i) o[i] = i == 3 ? 2 : o[i] == 2 ? 0 : o[i];
  }
};

// The cases that cross_entropy and nll_loss share.
template <class Options>
void check_classes(const std::string& loss, const std::function<Var(const Var&)>& prepare,
                   const std::function<Var(const Var&, const Var&, const Options&)>& f) {
  const Classes c;
  auto run = [&](const std::string& name, const Var& x, const Var& target, const Options& o) {
    check_all(loss + '.' + name, prepare(x), target, [&](const Var& a, const Var& b, Reduction r) {
      Options with = o;
      with.reduction = r;
      return f(a, b, with);
    });
  };
  run("plain", c.logits, c.labels, {});
  run("pixels", c.pixels, c.maps, {});
  run("one_sample", c.one, c.label, {});
  run("ignored", c.logits, c.some, {});
  run("ignore_index", c.logits, c.other, {.ignore_index = 2});
  run("weight", c.logits, c.some, {.weight = c.weight5});
  run("weight_pixels", c.pixels, c.maps, {.weight = c.weight4, .ignore_index = 1});
  run("weight_one_sample", c.one, c.label, {.weight = c.weight5});
}

TEST(ParityLosses, NllLoss) {
  check_classes<NllLossOptions>(
      "nll_loss", [](const Var& x) { return log_softmax(x, x.rank() == 1 ? 0 : 1); },
      [](const Var& x, const Var& t, const NllLossOptions& o) { return nll_loss(x, t, o); });
  fixture().expect_complete("nll_loss.");
}

TEST(ParityLosses, CrossEntropy) {
  check_classes<CrossEntropyOptions>(
      "cross_entropy", [](const Var& x) { return x; },
      [](const Var& x, const Var& t, const CrossEntropyOptions& o) {
        return cross_entropy(x, t, o);
      });
  const Classes c;
  auto run = [&](const std::string& name, const Var& x, const Var& target, CrossEntropyOptions o) {
    check_all("cross_entropy." + name, x, target, [o](const Var& a, const Var& b, Reduction r) {
      CrossEntropyOptions with = o;
      with.reduction = r;
      return cross_entropy(a, b, with);
    });
  };
  run("smoothing", c.logits, c.some, {.label_smoothing = 0.3});
  run("smoothing_pixels", c.pixels, c.maps, {.ignore_index = 1, .label_smoothing = 0.3});
  run("smoothing_weight", c.logits, c.some, {.weight = c.weight5, .label_smoothing = 0.3});
  run("smoothing_weight_pixels", c.pixels, c.maps,
      {.weight = c.weight4, .ignore_index = 1, .label_smoothing = 0.3});
  const Var soft = positive("probabilities", {6, 5}),
            soft_pixels = positive("soft_pixels", {2, 4, 2, 3});
  run("soft", c.logits, soft, {});
  run("soft_pixels", c.pixels, soft_pixels, {});
  run("soft_one_sample", c.one, positive("soft_one", {5}), {});
  run("soft_smoothing", c.logits, soft, {.label_smoothing = 0.3});
  run("soft_weight", c.logits, soft, {.weight = c.weight5});
  run("soft_all", c.pixels, soft_pixels, {.weight = c.weight4, .label_smoothing = 0.3});
  fixture().expect_complete("cross_entropy.");
}

TEST(ParityLosses, BinaryCrossEntropyWithLogits) {
  const Var x = uniform_var("binary", {4, 5}, 50), y = positive("binary_target", {4, 5});
  auto run = [&](const std::string& name, const Var& weight, const Var& pos_weight) {
    check_all("bce." + name, x, y, [&](const Var& a, const Var& b, Reduction r) {
      return binary_cross_entropy_with_logits(
          a, b, {.weight = weight, .pos_weight = pos_weight, .reduction = r});
    });
  };
  const Var column = positive("bce_weight", {4, 1}),
            pos_weight = mul(positive("pos_weight", {5}), 3.0);
  run("plain", {}, {});
  run("weight", positive("bce_weight", {4, 5}), {});
  run("weight_column", column, {});
  run("pos_weight", {}, pos_weight);
  run("both", column, pos_weight);
  fixture().expect_complete("bce.");
}

TEST(ParityLosses, Differences) {
  const Var x = uniform_var("prediction", {4, 5}, 2), y = uniform_var("target", {4, 5});
  using R = Reduction;
  check_all("mse", x, y, [](const Var& a, const Var& b, R r) { return mse_loss(a, b, r); });
  check_all("l1", x, y, [](const Var& a, const Var& b, R r) { return l1_loss(a, b, r); });
  for (auto [name, delta] : {std::pair{"huber", 1.0}, {"huber_delta", 0.4}})
    check_all(name, x, y,
              [d = delta](const Var& a, const Var& b, R r) { return huber_loss(a, b, r, d); });
  for (auto [name, beta] :
       {std::pair{"smooth_l1", 1.0}, {"smooth_l1_beta", 0.4}, {"smooth_l1_zero", 0.0}})
    check_all(name, x, y,
              [d = beta](const Var& a, const Var& b, R r) { return smooth_l1_loss(a, b, r, d); });
  for (const char* family : {"mse", "l1", "huber", "smooth_l1"}) fixture().expect_complete(family);
}

TEST(ParityLosses, KlDivergence) {
  const Var x = log_softmax(Classes().logits, 1);
  for (auto [reduction, name] : {std::pair{KlReduction::none, ".none"},
                                 {KlReduction::mean, ".mean"},
                                 {KlReduction::sum, ".sum"},
                                 {KlReduction::batch_mean, ".batchmean"}})
    for (const bool log_target : {false, true})
      check(std::string(log_target ? "kl_div_log" : "kl_div") + name, x,
            log_target ? uniform_var("log_target", {6, 5}) : positive("probabilities", {6, 5}),
            [r = reduction, log_target](const Var& a, const Var& b) {
              return kl_div(a, b, {.reduction = r, .log_target = log_target});
            });
  fixture().expect_complete("kl_div");
}

}  // namespace
}  // namespace sonde::nn
