// Losses that give other numbers each time, one for each cause.
#include "analysis/determinism.hpp"

#include <gtest/gtest.h>

#include "nn/batch_norm.hpp"
#include "nn/dropout.hpp"
#include "nn/sequential.hpp"
#include "tests/analysis/small_models.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde {
namespace {

using Cause = NondeterminismCause;
using testing::expect_code;
using testing::integer_values;
using testing::uniform_values;

// A linear layer with dropout and batch norm before it.
class Net final : public nn::Module {
 public:
  explicit Net(double p) : dropout_(p) {
    child("norm", norm_);
    child("dropout", dropout_);
    child("fc", fc_);
    convert(DType::f64);
  }
  Var forward(nn::Context& ctx, Var x) const override {
    return fc_(ctx, dropout_(ctx, norm_(ctx, x)));
  }

 private:
  nn::BatchNorm1d norm_{3};
  nn::Dropout dropout_;
  nn::Linear fc_{3, 4, {1, 0}};
};

class Determined : public ::testing::Test {
 protected:
  const Vars batch_{uniform_values("x", {6, 3}), integer_values("y", {6}, 4)};
  Net dropping_{0.5}, norming_{0};
  std::int64_t calls_ = 0;

  static std::function<Var(nn::Context&, const Vars&)> loss_of(const nn::Module& module) {
    return [&module](nn::Context& ctx, const Vars& batch) {
      return cross_entropy(module(ctx, batch[0]), batch[1]);
    };
  }
  LossRun run(const nn::Module& module, std::function<nn::CallOptions()> call = {}) const {
    return {loss_of(module), [this] { return batch_; }, std::move(call)};
  }
  static std::vector<Cause> causes(const nn::Module& module, const LossRun& run) {
    const Determinism found = check_deterministic(ParameterPoint(module), run);
    EXPECT_EQ(found.deterministic, found.causes.empty());
    EXPECT_EQ(found.deterministic, found.message.empty());
    return found.causes;
  }
};
using Causes = std::vector<Cause>;

TEST_F(Determined, InEvalModeAndWithAFixedKey) {
  EXPECT_EQ(causes(dropping_, run(dropping_)), Causes{});
  EXPECT_EQ(
      causes(dropping_,
             run(dropping_,
                 [] { return nn::CallOptions{.mode = nn::Mode::train, .key = random_key(1)}; })),
      Causes{});
  require_deterministic(ParameterPoint(dropping_), run(dropping_));
}

TEST_F(Determined, NotWithDropout) {
  const auto new_key = [this] {
    return nn::CallOptions{.mode = nn::Mode::train, .key = random_key(++calls_)};
  };
  const auto no_key = [] { return nn::CallOptions{.mode = nn::Mode::train}; };
  EXPECT_EQ(causes(dropping_, run(dropping_, new_key)), Causes{Cause::dropout});
  EXPECT_EQ(causes(dropping_, run(dropping_, no_key)), Causes{Cause::dropout});
  EXPECT_EQ(causes(norming_, run(norming_, new_key)), Causes{}) << "draws nothing";
  expect_code(ErrorCode::numeric,
              [&] { require_deterministic(ParameterPoint(dropping_), run(dropping_, new_key)); });
}

TEST_F(Determined, NotWithShuffledData) {
  LossRun shuffled = run(norming_);
  shuffled.batch = [this] {
    const Var order = permutation(random_key(++calls_), 6);
    return Vars{take(batch_[0], order, 0), take(batch_[1], order, 0)};
  };
  EXPECT_EQ(causes(norming_, shuffled), Causes{Cause::data});
  shuffled.call = [] { return nn::CallOptions{.mode = nn::Mode::train}; };
  EXPECT_EQ(causes(norming_, shuffled), (Causes{Cause::data, Cause::batch_norm}));
}

TEST_F(Determined, NotWithBuffersThatAreWritten) {
  LossRun committing = run(norming_, [] { return nn::CallOptions{.mode = nn::Mode::train}; });
  committing.loss = [this](nn::Context& ctx, const Vars& batch) {
    const Var value = cross_entropy(norming_(ctx, batch[0]), batch[1]);
    if (calls_++ == 0) norming_.commit(ctx.updates());
    return value;
  };
  EXPECT_EQ(causes(norming_, committing), Causes{Cause::batch_norm});
}

TEST_F(Determined, NotWithAStateOfItsOwn) {
  LossRun counting = run(norming_);
  counting.loss = [this](nn::Context& ctx, const Vars& batch) {
    return mul(cross_entropy(norming_(ctx, batch[0]), batch[1]), static_cast<double>(++calls_));
  };
  EXPECT_EQ(causes(norming_, counting), Causes{Cause::unknown});
}

}  // namespace
}  // namespace sonde
