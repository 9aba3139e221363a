// Training on the device: optimisers and their states, clipping, batch statistics.
#include "autograd/ops.hpp"
#include "nn/batch_norm.hpp"
#include "nn/mlp.hpp"
#include "nn/recurrent.hpp"
#include "nn/state_dict.hpp"
#include "optim/adam.hpp"
#include "optim/clip.hpp"
#include "optim/lbfgs.hpp"
#include "optim/rmsprop.hpp"
#include "optim/sgd.hpp"
#include "tests/cuda/models/on_both.hpp"

namespace sonde::testing {
namespace {

constexpr philox::Key key{1, 0};

std::unique_ptr<nn::Module> mlp() {
  return std::make_unique<nn::Mlp>(
      std::vector<std::int64_t>{5, 7, 3}, key,
      nn::MlpOptions{.activation = [](const Var& x) { return tanh(x); }});
}

Tensor targets() {
  return Tensor::from<std::int64_t>({0, 2, 1, 1, 0, 2}, {6});
}

nn::LossAndGrads loss_and_grads(const nn::Module& module, const Var& x, const Var& y) {
  return nn::value_and_grad(
      module, [&](nn::Context& ctx) { return make_vars(cross_entropy(module(ctx, x), y)); });
}

using MakeOptimizer =
    std::function<std::unique_ptr<optim::Optimizer>(const optim::Parameters& parameters)>;

class CudaTraining : public ::testing::TestWithParam<std::pair<std::string, MakeOptimizer>> {};

TEST_P(CudaTraining, StepsAreTheSame) {
  const OnBoth on(mlp);
  const Tensor x = drawn({6, 5});
  const Var x_there = x.to(gpu), y_there = targets().to(gpu);
  const auto here = GetParam().second(*on.here), there = GetParam().second(*on.there);
  for (int t = 0; t < 4; ++t) {
    here->step(loss_and_grads(*on.here, x, targets()).grads);
    const NoWaiting none;
    there->step(loss_and_grads(*on.there, x_there, y_there).grads);
  }
  expect_close(on.here->parameters(), on.there->parameters(), 1e-5);
}

// A state that was saved on one device goes on on the other.
TEST_P(CudaTraining, ResumesOnTheOtherDevice) {
  const OnBoth on(mlp);
  const Tensor x = drawn({6, 5});
  const Var x_there = x.to(gpu), y_there = targets().to(gpu);
  const auto here = GetParam().second(*on.here), there = GetParam().second(*on.there);
  here->step(loss_and_grads(*on.here, x, targets()).grads);
  nn::load_state_dict(*on.there, nn::state_dict(*on.here));
  there->load_state(here->state());
  here->step(loss_and_grads(*on.here, x, targets()).grads);
  there->step(loss_and_grads(*on.there, x_there, y_there).grads);
  expect_close(on.here->parameters(), on.there->parameters(), 1e-5);
  here->load_state(there->state());
  for (const auto& [name, value] : here->state())
    EXPECT_EQ(value.to_vector<double>(), there->state().at(name).to_vector<double>()) << name;
}

INSTANTIATE_TEST_SUITE_P(
    All, CudaTraining,
    ::testing::Values(std::pair("Sgd", MakeOptimizer([](const optim::Parameters& p) {
                                  return std::make_unique<optim::Sgd>(
                                      p, optim::SgdOptions{
                                             .lr = 0.1, .momentum = 0.9, .nesterov = true});
                                })),
                      std::pair("AdamW", MakeOptimizer([](const optim::Parameters& p) {
                                  return std::make_unique<optim::AdamW>(
                                      p, optim::AdamW::Options{.amsgrad = true});
                                })),
                      std::pair("RmsProp", MakeOptimizer([](const optim::Parameters& p) {
                                  return std::make_unique<optim::RmsProp>(
                                      p, optim::RmsPropOptions{.momentum = 0.5, .centered = true});
                                }))),
    [](const auto& info) { return info.param.first; });

TEST(CudaTraining, LbfgsSearchesTheSameLines) {
  const OnBoth on([] {
    auto m = mlp();
    m->convert(DType::f64);
    return m;
  });
  const Tensor x = drawn({6, 5}, DType::f64);
  const optim::LbfgsOptions options{.max_iter = 4,
                                    .line_search_fn = optim::LineSearch::strong_wolfe};
  optim::Lbfgs here(*on.here, options), there(*on.there, options);
  const auto closure = [](const nn::Module& m, const Var& in, const Var& y) {
    return [&m, in, y] {
      nn::LossAndGrads r = loss_and_grads(m, in, y);
      return optim::Evaluation{r.value.item(), r.grads};
    };
  };
  here.step(closure(*on.here, x, targets()));
  there.load_state(here.state());
  nn::load_state_dict(*on.there, nn::state_dict(*on.here));
  here.step(closure(*on.here, x, targets()));
  there.step(closure(*on.there, x.to(gpu), targets().to(gpu)));
  expect_close(on.here->parameters(), on.there->parameters(), 1e-8);
}

TEST(CudaTraining, ClipsByTheSameNorm) {
  Vars here, there;
  for (const Dims& shape : {Dims{5}, Dims{3, 4}, Dims{}}) here.push_back(drawn(shape));
  for (const Var& g : here) there.push_back(g.tensor().to(gpu));
  EXPECT_NEAR(optim::clip_grad_norm(there, 0.5), optim::clip_grad_norm(here, 0.5), 1e-6);
  expect_close(here, there, 1e-6);
  optim::clip_grad_value(here, 0.1);
  optim::clip_grad_value(there, 0.1);
  expect_close(here, there, 1e-6);
}

TEST(CudaTraining, ParametersLieOnOneDevice) {
  try {
    optim::Sgd sgd({Tensor::ones({2}), Tensor::ones({2}, DType::f32, gpu)}, {.lr = 1});
    FAIL() << "parameters on two devices";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::device) << e.what();
  }
}

TEST(CudaTraining, BatchStatisticsStayThere) {
  for (const std::optional<double>& momentum :
       {std::optional<double>(0.1), std::optional<double>()}) {
    const OnBoth on([&] {
      return std::make_unique<nn::BatchNorm1d>(3, nn::BatchNormOptions{.momentum = momentum});
    });
    for (std::uint64_t t = 0; t < 3; ++t) {
      const Tensor x = drawn({4, 3}, DType::f32, t);
      const auto step = [](nn::Module& m, const Var& in) {
        m.commit(nn::value_and_grad(m, [&](nn::Context& ctx) {
                   return make_vars(sum(square(m(ctx, in))));
                 }).updates);
      };
      step(*on.here, x);
      const Var there = x.to(gpu);
      const NoWaiting none;
      step(*on.there, there);
    }
    for (std::size_t i = 0; i < on.here->named_buffers().size(); ++i)
      expect_close(on.here->named_buffers()[i].handle->value,
                   on.there->named_buffers()[i].handle->value, 1e-6);
  }
}

// Lengths are checked on the host and may lie on either device.
TEST(CudaTraining, RecurrentLayersTakeLengths) {
  for (const bool lstm : {true, false}) {
    const nn::RecurrentOptions options{.num_layers = 2, .batch_first = true, .bidirectional = true};
    const auto make = [&]() -> std::unique_ptr<nn::Recurrent> {
      if (lstm) return std::make_unique<nn::Lstm>(3, 4, key, options);
      return std::make_unique<nn::Gru>(3, 4, key, options);
    };
    const auto here = make(), there = make();
    there->to(gpu);
    const Tensor x = drawn({2, 5, 3}), lengths = Tensor::from<std::int64_t>({5, 2}, {2});
    const auto run = [](const nn::Recurrent& m, const Tensor& in, const Tensor& of) {
      nn::Context ctx(m, m.parameters());
      const nn::RecurrentOutput out = m.run(ctx, {.x = in, .lengths = of});
      return make_vars(out.y, out.state.h);
    };
    const Vars expected = run(*here, x, lengths);
    expect_close(expected, run(*there, x.to(gpu), lengths.to(gpu)), 1e-5);
    const Tensor x_there = x.to(gpu);
    const NoWaiting none;
    const Vars found = run(*there, x_there, lengths);
    set_sync_observer({});
    expect_close(expected, found, 1e-5);
  }
}

}  // namespace
}  // namespace sonde::testing
