// The peak memory of a training step, against what the shapes say it must be: parameters,
// gradients, optimiser state, what reverse mode keeps for the backward pass, and the largest single
// operation.
#include <gtest/gtest.h>

#include <algorithm>

#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"
#include "optim/adam.hpp"
#include "tensor/allocator.hpp"
#include "tensor/parallel.hpp"

namespace sonde {
namespace {

constexpr double allowance = 1.2;

std::int64_t f32(const Dims& shape) {
  return 4 * numel(shape);
}
std::int64_t i64(const Dims& shape) {
  return 8 * numel(shape);
}

// Bytes of a training step, from shapes alone.
struct Budget {
  std::int64_t parameters = 0, saved = 0, largest = 0;

  void parameter(const Dims& shape) { parameters += f32(shape); }
  void save(std::int64_t bytes) { saved += bytes; }
  /// An operation with its inputs, outputs and workspace.
  void operation(std::int64_t bytes) { largest = std::max(largest, bytes); }
  /// Adam keeps two tensors for each parameter.
  std::int64_t total() const { return parameters * (1 + 1 + 2) + saved + largest; }
};

Tensor ramp(const Dims& shape, double scale) {
  return Tensor::arange(numel(shape), DType::f32, -scale,
                        2 * scale / static_cast<double>(numel(shape)))
      .reshape(shape);
}

Tensors ramps(const std::vector<Dims>& shapes) {
  Tensors t;
  for (const Dims& s : shapes) t.push_back(ramp(s, 0.05));
  return t;
}

// Peak over one step (the second, when all lazily made state exists), beyond what was held before.
std::int64_t peak_of_step(const std::function<Var(const Vars&)>& loss, const Tensors& parameters) {
  optim::Adam adam(parameters);
  Vars x;
  for (const Tensor& p : parameters) x.push_back(p);
  for (int step = 0; step < 2; ++step) {
    reset_peak_bytes();
    adam.step(value_and_grad(loss, x).grads);
  }
  return peak_bytes();
}

void expect_within(std::int64_t peak, const Budget& budget) {
  const double ratio = static_cast<double>(peak) / static_cast<double>(budget.total());
  ::testing::Test::RecordProperty("peak_over_budget", fmt::format("{:.3f}", ratio));
  EXPECT_LE(ratio, allowance) << "peak " << peak << " bytes; budget: 4 x " << budget.parameters
                              << " of parameters, " << budget.saved << " saved, " << budget.largest
                              << " of the largest operation";
  EXPECT_GE(ratio, 0.5) << "the budget is far from what happens";
}

class PeakMemory : public ::testing::Test {
 protected:
  void SetUp() override { set_threads(1); }
  void TearDown() override { set_threads(before_); }
  const int before_ = threads();
};

TEST_F(PeakMemory, Mlp) {
  constexpr std::int64_t batch = 1024, in = 784, width = 768, classes = 10;
  const std::int64_t base = current_bytes();
  const Tensor x = ramp({batch, in}, 1), target = Tensor::zeros({batch}, DType::i64);
  const Tensors parameters =
      ramps({{width, in}, {width}, {width, width}, {width}, {classes, width}, {classes}});
  const std::int64_t peak = peak_of_step(
                                [&](const Vars& p) {
                                  Var h = relu(linear(x, p[0], p[1]));
                                  h = relu(linear(h, p[2], p[3]));
                                  return cross_entropy(linear(h, p[4], p[5]), target);
                                },
                                parameters) -
                            base;

  Budget budget;
  for (const Tensor& p : parameters) budget.parameter(p.shape());
  budget.save(f32({batch, in}) + i64({batch}));  // the data
  budget.save(2 * f32({batch, width}));          // relu's results, which the next products read too
  budget.save(2 * f32({batch, classes}));        // logits and log-probabilities
  budget.operation(f32({batch, in}) + f32({batch, width}) +
                   f32({width, in}));  // the first weight's gradient
  budget.operation(2 * f32({batch, width}) + f32({width, width}));
  expect_within(peak, budget);
}

// Workspace of a 3x3 Winograd weight gradient: four partial sums of transformed filters (36 instead
// of 9 elements), the filter itself, and blocks of transformed tiles that fill a core's cache.
std::int64_t winograd_workspace(std::int64_t in, std::int64_t out) {
  return f32({4 * 36 + 9, in, out}) + (1300000 + f32({36 * 96, in + out})) / 2;
}

TEST_F(PeakMemory, ConvNet) {
  constexpr std::int64_t batch = 64, size = 28, channels = 32, classes = 10, half = size / 2;
  const std::int64_t base = current_bytes();
  const Tensor x = ramp({batch, 1, size, size}, 1), target = Tensor::zeros({batch}, DType::i64);
  const Tensors parameters = ramps({{channels, 1, 3, 3},
                                    {channels},
                                    {channels, channels, 3, 3},
                                    {channels},
                                    {classes, channels * half * half},
                                    {classes}});
  const ConvAttrs same{{1, 1}, {1, 1}};
  const std::int64_t peak =
      peak_of_step(
          [&](const Vars& p) {
            Var h = relu(conv2d(x, p[0], p[1], same));
            h = max_pool2d(relu(conv2d(h, p[2], p[3], same)), {2, 2});
            return cross_entropy(linear(reshape(h, {batch, -1}), p[4], p[5]), target);
          },
          parameters) -
      base;

  Budget budget;
  for (const Tensor& p : parameters) budget.parameter(p.shape());
  const Dims image{batch, channels, size, size}, pooled{batch, channels, half, half};
  budget.save(f32(x.shape()) + i64({batch}));
  budget.save(2 * f32(image));             // relu's results
  budget.save(i64(pooled) + f32(pooled));  // positions of the maxima; the last product's input
  budget.save(2 * f32({batch, classes}));
  budget.operation(2 * f32(image));  // bias, relu
  budget.operation(2 * f32(image) + f32({channels, channels, 3, 3}) +
                   winograd_workspace(channels, channels));
  expect_within(peak, budget);
}

}  // namespace
}  // namespace sonde
