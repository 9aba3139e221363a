// analysis/ on the device against the same on the CPU: curvature, tangent kernels, sensitivity.
#include "analysis/attention_hessian.hpp"
#include "analysis/data_map.hpp"
#include "analysis/determinism.hpp"
#include "analysis/diagonal.hpp"
#include "analysis/function_maps.hpp"
#include "analysis/gauss_newton.hpp"
#include "analysis/kernel.hpp"
#include "analysis/lanczos.hpp"
#include "analysis/norms.hpp"
#include "analysis/ntk.hpp"
#include "analysis/per_sample.hpp"
#include "analysis/perturbation.hpp"
#include "analysis/plasticity.hpp"
#include "analysis/sensitivity.hpp"
#include "analysis/sharpness.hpp"
#include "analysis/slq.hpp"
#include "analysis/solve.hpp"
#include "analysis/trace.hpp"
#include "tests/analysis/small_models.hpp"
#include "tests/cuda/models/on_both.hpp"
#include "tests/temp_folder.hpp"

namespace sonde::testing {
namespace {

// A small model and its twin on the device.
struct Twins {
  explicit Twins(const std::string& name) : here(small_model(name)), there(small_model(name)) {
    there.module->to(gpu);
    there.x = there.x.tensor().to(gpu);
    there.y = there.y.tensor().to(gpu);
  }
  SmallModel here, there;
};

LinearMap hessian(const SmallModel& m) {
  const ParameterPoint at(*m.module);
  return hessian_map(m.loss(at), at);
}

void expect_near(const Estimate& here, const Estimate& there, double tolerance) {
  EXPECT_NEAR(there.value, here.value, tolerance * std::abs(here.value));
  ASSERT_EQ(there.std_error.has_value(), here.std_error.has_value());
  if (here.std_error)
    EXPECT_NEAR(*there.std_error, *here.std_error, tolerance * std::abs(here.value));
}

class CudaAnalysis : public ::testing::TestWithParam<const char*> {
 protected:
  const Twins of_{GetParam()};
};

TEST_P(CudaAnalysis, ProductsOfTheHessianAreTheSame) {
  const LinearMap here = hessian(of_.here), there = hessian(of_.there);
  EXPECT_EQ(there.domain().device(), gpu);
  const Tensor v = random_rows({5, 0}, 0, 3, here.domain()),
               v_there = random_rows({5, 0}, 0, 3, there.domain());
  expect_close(v, v_there, 1e-12);
  expect_close(here.apply_batch(v), there.apply_batch(v_there), 1e-10);
}

TEST_P(CudaAnalysis, EigenvaluesAreTheSame) {
  const LanczosOptions options{.largest = 2, .smallest = 1, .block = 2};
  const Spectrum here = lanczos(hessian(of_.here), options),
                 there = lanczos(hessian(of_.there), options);
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_NEAR(there.largest.values[i], here.largest.values[i], 1e-8 * here.norm);
  EXPECT_NEAR(there.smallest.values[0], here.smallest.values[0], 1e-8 * here.norm);
  EXPECT_EQ(there.largest.vectors.device(), gpu);
}

TEST_P(CudaAnalysis, DensitiesAreTheSame) {
  const SlqOptions options{.probes = 3, .steps = 8};
  expect_near(Slq(hessian(of_.here), options).moment(2), Slq(hessian(of_.there), options).moment(2),
              1e-8);
}

TEST_P(CudaAnalysis, TangentKernelsAreTheSameByEveryMethod) {
  const auto kernel = [](const SmallModel& m, NtkMethod method, bool trace) {
    const ParameterPoint at(*m.module);
    return ntk(rows_of(at), at, m.x.tensor(), {.method = method, .trace = trace, .tile = 3});
  };
  for (const bool trace : {false, true}) {
    const Tensor here = kernel(of_.here, NtkMethod::contract, trace);
    for (const NtkMethod method :
         {NtkMethod::contract, NtkMethod::vector_products, NtkMethod::structured})
      expect_close(here, kernel(of_.there, method, trace), 1e-9);
  }
}

TEST_P(CudaAnalysis, GaussNewtonAndFisherAreTheSame) {
  const auto product = [](const SmallModel& m, int which) {
    const ParameterPoint at(*m.module);
    const Function outputs = at.outputs(m.x);
    const LikelihoodPtr loss = cross_entropy_loss(m.y);
    const LinearMap map = which == 0   ? gauss_newton_map(outputs, loss, at)
                          : which == 1 ? fisher_map(outputs, loss, at)
                          : which == 2 ? empirical_fisher_map(outputs, loss, at)
                          : which == 3
                              ? functional_map(outputs, loss, at)
                              : monte_carlo_fisher_map(outputs, loss, at, random_key(4), 2);
    return map.apply_batch(random_rows({6, 0}, 0, 2, map.domain()));
  };
  for (int which = 0; which < 5; ++which) {
    SCOPED_TRACE(which);
    expect_close(product(of_.here, which), product(of_.there, which), 1e-9);
  }
}

TEST_P(CudaAnalysis, GradientsPerSampleAreTheSame) {
  const auto norms = [](const SmallModel& m, NormMethod method) {
    const ParameterPoint at(*m.module);
    const SampleLosses losses = [&](nn::Context& ctx, const Vars& batch) {
      return cross_entropy((*m.module)(ctx, batch[0]), batch[1], Reduction::none);
    };
    return per_sample_gradient_norms(at, losses, {m.x, m.y}, {}, method);
  };
  const Tensor here = norms(of_.here, NormMethod::chunked);
  expect_close(here, norms(of_.there, NormMethod::chunked), 1e-10);
  expect_close(here, norms(of_.there, NormMethod::automatic), 1e-10);
}

TEST_P(CudaAnalysis, SharpnessAndDeterminismAreTheSame) {
  const ParameterPoint here(*of_.here.module), there(*of_.there.module);
  const ParameterNoise noise{.size = 0.01, .draws = 3};
  expect_near(loss_sharpness(of_.here.loss(here), here, noise),
              loss_sharpness(of_.there.loss(there), there, noise), 1e-6);
  const SmallModel& m = of_.there;
  EXPECT_TRUE(check_deterministic(there, {[&](nn::Context& ctx, const Vars& batch) -> Var {
                                            return cross_entropy((*m.module)(ctx, batch[0]),
                                                                 batch[1]);
                                          },
                                          [&] { return make_vars(m.x, m.y); }})
                  .deterministic);
}

INSTANTIATE_TEST_SUITE_P(All, CudaAnalysis, ::testing::Values("mlp", "cnn", "vit", "lstm"),
                         [](const auto& info) { return std::string(info.param); });

// A small symmetric map with a known matrix, on both devices.
struct Maps {
  Maps() {
    const Tensor a = drawn({24, 24}, DType::f64);
    matrix = (matmul(Var(a), Var(a), {.b = true}) * 0.1 + Tensor::eye(24, DType::f64)).tensor();
    here.emplace(matrix_map(matrix));
    there.emplace(matrix_map(matrix.to(gpu)));
  }
  Tensor matrix;
  std::optional<LinearMap> here, there;
};

TEST(CudaLinearMaps, EstimatesAreTheSame) {
  const Maps map;
  const Sampling few{.products = 12};
  expect_near(hutchinson_trace(*map.here, few), hutchinson_trace(*map.there, few), 1e-10);
  expect_near(hutch_pp_trace(*map.here, few), hutch_pp_trace(*map.there, few), 1e-8);
  expect_near(xtrace(*map.here, few), xtrace(*map.there, few), 1e-8);
  expect_near(squared_frobenius_norm(*map.here, few), squared_frobenius_norm(*map.there, few),
              1e-10);
  const DiagonalEstimate by_probes = hutchinson_diagonal(*map.here, few),
                         there = hutchinson_diagonal(*map.there, few);
  expect_close(by_probes.values, there.values, 1e-10);
  expect_close(by_probes.std_errors, there.std_errors, 1e-8);
  expect_close(xdiag(*map.here, few).values, xdiag(*map.there, few).values, 1e-8);
  expect_close(exact_diagonal(*map.here), exact_diagonal(*map.there), 1e-12);
  expect_close(map.matrix, dense(*map.there), 1e-12);
}

TEST(CudaLinearMaps, SystemsAreSolved) {
  const Maps map;
  const Tensor b = drawn({2, 24}, DType::f64, 3);
  for (const auto& solve : {cg, minres})
    expect_close(solve(*map.here, b, {}, {}).x, solve(*map.there, b.to(gpu), {}, {}).x, 1e-7);
}

TEST(CudaLinearMaps, PartsAndSumsStayThere) {
  const Maps map;
  const Space space({"a", "b"}, {{10}, {14}}, DType::f64, gpu), host({"a", "b"}, {{10}, {14}});
  const LinearMap there = matrix_map(map.matrix.to(gpu), space, space),
                  here = matrix_map(map.matrix, host, host);
  const Tensor v = drawn({3, 10}, DType::f64);
  const auto combined = [](const LinearMap& a) {
    return 2.0 * a.restricted("b", "a") + (a * a).restricted("b", "a");
  };
  expect_close(combined(here).apply_batch(v), combined(there).apply_batch(v.to(gpu)), 1e-12);
  try {
    there.apply_batch(drawn({1, 24}, DType::f64));
    FAIL() << "a vector on the CPU";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::device) << e.what();
  }
}

TEST(CudaKernels, TilesOnDiskHoldTheSame) {
  const Twins of("mlp");
  const TempFolder here, there;
  const auto tiles = [](const SmallModel& m, const std::string& path) {
    const ParameterPoint at(*m.module);
    TileFolder folder(path);
    ntk(rows_of(at), at, m.x.tensor(), folder, {.tile = 2});
    return folder;
  };
  const TileFolder a = tiles(of.here, here / "k"), b = tiles(of.there, there / "k");
  expect_close(a.assembled(), b.assembled().to(gpu), 1e-9);
  const LinearMap map = b.map(gpu);
  const Tensor v = drawn({2, map.domain().size()}, DType::f64);
  expect_close(a.map().apply_batch(v), map.apply_batch(v.to(gpu)), 1e-9);
  EXPECT_EQ(read_bytes(here / "k/kernel.txt"), read_bytes(there / "k/kernel.txt"));
}

TEST(CudaKernels, RegressionAndSpectraStayThere) {
  const Maps map;
  const Tensor y = drawn({24}, DType::f64, 2), there = map.matrix.to(gpu);
  const KernelRegression a(map.matrix, y, 0.1), b(there, y.to(gpu), 0.1);
  expect_close(a.predict(map.matrix), b.predict(there), 1e-9);
  const GradientFlow c(map.matrix, y, Tensor::zeros({24}, DType::f64)),
      d(there, y.to(gpu), Tensor::zeros({24}, DType::f64, gpu));
  expect_close(c.train(0.3), d.train(0.3), 1e-9);
  EXPECT_NEAR(kernel_alignment(map.matrix, map.matrix), kernel_alignment(there, there), 1e-12);
}

// Inputs are disturbed on the host, a batch at a time; values inside the network travel there.
TEST(CudaSensitivity, FlipsAreTheSame) {
  const Twins of("vit");
  const auto noise = patch_noise(1, 8, 8, 4);
  const SensitivityOptions options{.sigma = 0.5, .draws = 3, .batch = 7};
  const Tensor x = of.here.x.tensor();
  const auto classifier = [](const SmallModel& m, Device device) {
    return [&m, device](const Tensor& in) { return (*m.module)(in.to(device)).tensor(); };
  };
  const Sensitivity here = sensitivity(classifier(of.here, {}), x, *noise, options),
                    there = sensitivity(classifier(of.there, gpu), x, *noise, options);
  EXPECT_GT(here.flips, 0);
  EXPECT_EQ(there.flips, here.flips);

  const auto tokens = token_noise(4, 8);
  const auto at_tap = [&](const SmallModel& m) {
    const TappedFunction f = tapped(*m.module);
    return sensitivity(
        [&f, &m](const Tensor& in, const nn::Tap& tap) { return f(in.to(m.x.device()), tap); },
        "encoder.in", x, *tokens, {.sigma = 0.5, .draws = 2, .relative = true});
  };
  EXPECT_EQ(at_tap(of.there).flips, at_tap(of.here).flips);
}

TEST(CudaAttention, ClosedFormsStayThere) {
  const auto hessians = [](Device device) {
    const auto t = [&](const Dims& shape, std::uint64_t seed) {
      return drawn(shape, DType::f64, seed).to(device);
    };
    const AttentionLayer layer{
        t({5, 3}, 1), t({3, 2}, 2), t({3, 2}, 3), t({3, 4}, 4), {.causal = true}};
    const LikelihoodPtr loss = mse_loss(t({5, 4}, 5));
    const HessianParts parts = attention_hessian(layer, *loss);
    return make_vars(Var(dense(parts.hessian)), Var(dense(parts.functional)));
  };
  expect_close(hessians({}), hessians(gpu), 1e-10);
}

}  // namespace
}  // namespace sonde::testing
