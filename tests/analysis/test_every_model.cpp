// Tangent kernels, per-sample gradients and products with Hessian and Gauss-Newton matrix of every
// model: methods agree, and no batch rule loops over lanes.
#include <gtest/gtest.h>

#include "analysis/function_maps.hpp"
#include "analysis/gauss_newton.hpp"
#include "analysis/ntk.hpp"
#include "analysis/per_sample.hpp"
#include "autograd/observe.hpp"
#include "tests/analysis/values.hpp"
#include "tests/nn/model_cases.hpp"

namespace sonde {
namespace {

using testing::distance;
using testing::largest;

class EveryModel : public ::testing::TestWithParam<nn::ModelCase> {
 protected:
  void TearDown() override { EXPECT_EQ(counters().loop_fallbacks, loops_); }

  // [n, outputs], of text models those of all positions.
  Var logits(const Var& out) const { return flatten(out, 1); }
  RowFunction rows() const {
    return [this, f = rows_of(at_)](const Vars& p, const Var& x) { return logits(f(p, x)); };
  }

  static std::unique_ptr<nn::Module> filled() {
    auto module = GetParam().make();
    testing::fill(*module);
    return module;
  }
  const std::unique_ptr<nn::Module> module_ = filled();
  const ParameterPoint at_{*module_};
  const Tensor x_ = GetParam().x.tensor();
  const std::int64_t loops_ = counters().loop_fallbacks;
};

TEST_P(EveryModel, TangentKernel) {
  NtkOptions o{.method = NtkMethod::contract, .outputs = {0, 1}};
  const Tensor expected = ntk(rows(), at_, x_, o);
  EXPECT_GT(largest(expected), 1e-6);
  for (const NtkMethod method : {NtkMethod::vector_products, NtkMethod::structured}) {
    o.method = method;
    EXPECT_LT(distance(ntk(rows(), at_, x_, o), expected), 1e-10 * largest(expected));
  }
  // Matrices and filters need no derivative by reverse mode, unless they are used in two ways.
  for (const auto& [name, form] : ntk_plan(rows(), at_, x_, x_, o).forms)
    if (const Block& b = at_.space.block(name); form == NtkForm::jacobian && b.shape.rank() > 1 &&
                                                b.size > std::max(b.shape[0], b.shape[1]))
      EXPECT_TRUE(name.find("pos") != std::string::npos ||
                  name.find("token") != std::string::npos || name.find("wte") != std::string::npos)
          << name;
}

TEST_P(EveryModel, PerSampleGradientsAndTheirNorms) {
  const SampleLosses losses = [this](nn::Context& ctx, const Vars& batch) {
    const Var y = logits((*module_)(ctx, batch[0]));
    return mean(y * y, {1});
  };
  const Var g = per_sample_gradients(at_, losses, {x_});
  const Tensor norms = per_sample_gradient_norms(at_, losses, {x_});
  EXPECT_LT(distance(norms, norm(g, 2, {1})), 1e-11 * largest(norms));
}

TEST_P(EveryModel, HessianAndGaussNewtonMatrix) {
  const Function outputs = [f = at_.outputs(x_), this](const Vars& p) { return logits(f(p)[0]); };
  const Tensor zeros = Tensor::zeros(outputs(at_.values)[0].shape(), DType::f64);
  const OutputLossPtr loss = mse_loss(zeros);
  const Function total = [&](const Vars& p) { return loss->value(outputs(p)[0]); };
  const Tensor v = testing::random({2, at_.space.size()}, 1);
  const Tensor h = hessian_map(total, at_).apply_batch(v),
               g = gauss_newton_map(outputs, loss, at_).apply_batch(v),
               f = functional_map(outputs, loss, at_).apply_batch(v);
  EXPECT_LT(distance(g + Var(f), h), 1e-10 * largest(h));
}

INSTANTIATE_TEST_SUITE_P(All, EveryModel, ::testing::ValuesIn(nn::model_cases()),
                         [](const auto& of) { return of.param.name; });

}  // namespace
}  // namespace sonde
