// Gradients, Hessian-vector products, extreme eigenvalues and per-sample gradient norms against
// PyTorch's on the same weights; see tests/parity/README.md.
#include <gtest/gtest.h>

#include "analysis/function_maps.hpp"
#include "autograd/ops/linalg.hpp"
#include "tests/analysis/small_models.hpp"
#include "tests/parity/formula.hpp"

namespace sonde::testing {
namespace {

class ParityCurvature : public ::testing::TestWithParam<const char*> {
 protected:
  const std::string key_ = GetParam();
  const SmallModel model_ = small_model(key_);
  const ParameterPoint at_{*model_.module};
  const LinearMap hessian_ = hessian_map(model_.loss(at_), at_);

  static const Fixture& fixture() {
    static const Fixture f("curvature");
    return f;
  }
  void expect_blocks(const std::string& what, const Vars& values) const {
    double scale = 0;
    for (const Var& v : values) scale = std::max(scale, amax(abs(v)).item());
    EXPECT_GT(scale, 1e-3);
    for (std::size_t i = 0; i < values.size(); ++i)
      fixture().expect_near(key_ + "." + what + "." + at_.space.blocks()[i].name, values[i], 1e-8,
                            scale);
  }
};

TEST_P(ParityCurvature, GradientsAndHessianVectorProducts) {
  expect_blocks("grad", grad(model_.loss(at_))(at_.values));
  constexpr std::int64_t vectors = 3;
  Vars v;
  for (const Block& b : at_.space.blocks()) {
    Dims shape = b.shape;
    shape.insert(0, vectors);
    v.push_back(uniform_values(key_ + ".v." + b.name, shape));
  }
  const Tensor products = hessian_.apply_batch(at_.space.flatten(v));
  for (std::int64_t i = 0; i < vectors; ++i)
    expect_blocks(fmt::format("hvp{}", i), at_.space.unflatten(products.select(0, i)));
}

TEST_P(ParityCurvature, TenEigenvaluesOfEitherEnd) {
  const Tensor values = eigh(dense(hessian_)).values.tensor();
  const std::int64_t n = values.size(0);
  fixture().expect_near(key_ + ".eigenvalues",
                        concat({values.slice(0, 0, 10), values.slice(0, n - 10, n)}, 0), 1e-8);
}

INSTANTIATE_TEST_SUITE_P(All, ParityCurvature, ::testing::Values("mlp", "cnn", "vit", "lstm"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace sonde::testing
