// Trajectories of the optimisers against the CPU's: many tensors at once, of every size around
// those of packs and chunks, aligned or not, some without a gradient.
#include "tensor/kernels/optim.hpp"

#include <cmath>

#include "tests/cuda/both.hpp"

namespace sonde::testing {
namespace {

using kernels::AdamCoefficients, kernels::ParameterStep, kernels::RmsPropCoefficients,
    kernels::SgdCoefficients;
using Used = std::array<bool, 3>;

// The second half's tensors begin one element behind the beginning of their memory.
Tensor placed(const Tensor& t, bool shifted) {
  if (!shifted) return t;
  Tensor out = Tensor::zeros({t.numel() + 1}, t.dtype()).as_strided(t.shape(), {1}, 1);
  out.copy_from(t);
  return out;
}

const std::int64_t sizes[] = {1, 3, 4, 8191, 0, 4096, 4097, 130};

std::vector<ParameterStep> make_parameters(DType dtype, const std::vector<Used>& used,
                                           std::size_t rules) {
  std::vector<ParameterStep> out;
  for (std::size_t i = 0; i < 2 * std::size(sizes); ++i) {
    const std::int64_t n = sizes[i % std::size(sizes)];
    const bool shifted = i >= std::size(sizes);
    ParameterStep p{placed(drawn({n}, dtype, i), shifted), {}, {}, i % rules};
    for (std::size_t k = 0; k < 3; ++k)
      if (used[i % used.size()][k]) p.state[k] = placed(Tensor::zeros({n}, dtype), shifted);
    out.push_back(p);
  }
  return out;
}

std::vector<ParameterStep> on_gpu(const std::vector<ParameterStep>& parameters) {
  std::vector<ParameterStep> out = parameters;
  for (ParameterStep& p : out) {
    p.parameter = there(p.parameter);
    for (Tensor& s : p.state) s = there(s);
  }
  return out;
}

// Five steps on both devices. In each, another parameter has no gradient.
template <class C>
void expect_trajectory(Kernel<kernels::OptimizerStep<C>>& slot, DType dtype,
                       const std::vector<Used>& used, std::span<const C> rules) {
  std::vector<ParameterStep> here = make_parameters(dtype, used, rules.size());
  std::vector<ParameterStep> far = on_gpu(here), again = on_gpu(here);
  const std::uint32_t version = far[0].parameter.storage().version();
  for (std::size_t step = 0; step < 5; ++step) {
    for (std::size_t i = 0; i < here.size(); ++i) {
      const bool none = i == step + 1;
      const Tensor grad = placed(drawn(here[i].parameter.shape(), dtype, 100 * step + i),
                                 here[i].parameter.offset() != 0);
      here[i].grad = none ? Tensor() : grad;
      far[i].grad = none ? Tensor() : there(grad);
      again[i].grad = far[i].grad;
    }
    slot.find({}, dtype)(here, rules);
    slot.find(gpu, dtype)(far, rules);
    slot.find(gpu, dtype)(again, rules);
  }
  EXPECT_EQ(far[0].parameter.storage().version(), version + 5);
  const double tolerance = dtype == DType::f32 ? 3e-6 : 1e-14;
  for (std::size_t i = 0; i < here.size(); ++i) {
    expect_close(here[i].parameter, far[i].parameter, tolerance);
    expect_equal(far[i].parameter.to(Device{}), again[i].parameter);
    for (std::size_t k = 0; k < 3; ++k)
      if (here[i].state[k]) expect_close(here[i].state[k], far[i].state[k], tolerance);
  }
}

constexpr DType types[] = {DType::f32, DType::f64};

TEST(CudaSgd, Trajectory) {
  const SgdCoefficients rules[] = {
      {.lr = 0.1},
      {.lr = 0.1, .momentum = 0.9, .fresh = 0.7, .weight_decay = 0.01},
      {.lr = 0.05, .momentum = 0.8, .weight_decay = 0.1, .sign = -1, .nesterov = true}};
  for (const DType dtype : types)
    expect_trajectory<SgdCoefficients>(kernels::sgd_step, dtype, {Used{}, Used{true}}, rules);
}

TEST(CudaAdam, Trajectory) {
  const AdamCoefficients rules[] = {
      {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .step = 0.01, .root = 3},
      {.beta1 = 0.5,
       .beta2 = 0.9,
       .eps = 1e-3,
       .weight_decay = 0.1,
       .sign = -1,
       .shrink = 0.99,
       .step = 0.1}};
  for (const DType dtype : types)
    expect_trajectory<AdamCoefficients>(kernels::adam_step, dtype,
                                        {Used{true, true}, Used{true, true, true}}, rules);
}

TEST(CudaRmsProp, Trajectory) {
  const RmsPropCoefficients rules[] = {
      {.lr = 0.01, .alpha = 0.99, .eps = 1e-3},
      {.lr = 0.1, .alpha = 0.7, .eps = 0.1, .weight_decay = 0.1, .momentum = 0.9, .sign = -1}};
  for (const DType dtype : types)
    expect_trajectory<RmsPropCoefficients>(
        kernels::rmsprop_step, dtype,
        {Used{true}, Used{true, true}, Used{true, false, true}, Used{true, true, true}}, rules);
}

// A dtype that is not the kernel's is left alone.
TEST(CudaSgd, OfOneTypeAmongOthers) {
  std::vector<ParameterStep> parameters(2);
  for (std::size_t i = 0; i < 2; ++i) {
    parameters[i].parameter = there(Tensor::ones({5}, types[i]));
    parameters[i].grad = there(Tensor::ones({5}, types[i]));
  }
  const SgdCoefficients rule{.lr = 0.5};
  kernels::sgd_step.find(gpu, DType::f64)(parameters, std::span(&rule, 1));
  expect_equal(Tensor::ones({5}), parameters[0].parameter);
  expect_equal(Tensor::full({5}, 0.5, DType::f64), parameters[1].parameter);
  kernels::sgd_step.find(gpu, DType::f64)({}, {});
}

TEST(CudaSumOfSquares, OfManyTensors) {
  for (const DType dtype : types) {
    std::vector<Tensor> here, far;
    for (std::size_t i = 0; i < 2 * std::size(sizes); ++i) {
      here.push_back(placed(drawn({sizes[i % std::size(sizes)]}, dtype, i), i >= std::size(sizes)));
      far.push_back(there(here.back()));
    }
    const double want = kernels::sum_of_squares.find({}, dtype)(here);
    const double got = kernels::sum_of_squares.find(gpu, dtype)(far);
    EXPECT_NEAR(got, want, 1e-14 * want);
    EXPECT_EQ(kernels::sum_of_squares.find(gpu, dtype)(far), got);
    EXPECT_EQ(kernels::sum_of_squares.find(gpu, dtype)({}), 0);
    EXPECT_EQ(kernels::sum_of_squares.find(gpu, dtype)(std::span(&far[4], 1)), 0);
  }
}

// The place of a tensor in memory does not change the bits.
TEST(CudaSumOfSquares, IsTheSameWhereverATensorBegins) {
  const Tensor x = drawn({5003});
  const Tensor a = there(x), b = there(placed(x, true));
  const auto squares = kernels::sum_of_squares.find(gpu, DType::f32);
  EXPECT_EQ(squares(std::span(&a, 1)), squares(std::span(&b, 1)));
}

}  // namespace
}  // namespace sonde::testing
