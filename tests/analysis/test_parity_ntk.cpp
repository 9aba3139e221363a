// Tangent kernels of small models by every method, against torch.func's on the same weights; see
// tests/parity/README.md.
#include <gtest/gtest.h>

#include "analysis/kernel.hpp"
#include "analysis/ntk.hpp"
#include "analysis/taps.hpp"
#include "autograd/observe.hpp"
#include "tests/analysis/small_models.hpp"
#include "tests/analysis/values.hpp"
#include "tests/parity/formula.hpp"

namespace sonde::testing {
namespace {

class ParityNtk : public ::testing::TestWithParam<const char*> {
 protected:
  const SmallModel model_ = small_model(GetParam());
  const ParameterPoint at_{*model_.module};
  const Tensor x_ = model_.x.tensor();
  const std::int64_t loops_ = counters().loop_fallbacks;
  void TearDown() override { EXPECT_EQ(counters().loop_fallbacks, loops_); }
};

TEST_P(ParityNtk, EveryMethodGivesTheKernel) {
  static const Fixture fixture("ntk");
  const RowFunction f = rows_of(at_);
  for (const NtkMethod method :
       {NtkMethod::contract, NtkMethod::vector_products, NtkMethod::structured})
    for (const std::int64_t tile : {0, 2}) {
      SCOPED_TRACE(to_string(method));
      fixture.expect_near(model_.name + ".kernel",
                          ntk(f, at_, x_, {.method = method, .tile = tile}));
    }
}

// Chosen parameters, chosen outputs, traced or not, between two sets of inputs.
TEST_P(ParityNtk, StructuredIsTheContractionOfWhateverIsAskedFor) {
  for (const char* pattern : {"*weight", "*bias"}) {
    const ParameterPoint some(*model_.module, pattern);
    for (const bool trace : {false, true}) {
      NtkOptions o{.method = NtkMethod::contract, .trace = trace, .outputs = {3, 1}};
      const Tensor x2 = x_.slice(0, 1, 4), expected = ntk(rows_of(some), some, x_, x2, o);
      o.method = NtkMethod::structured;
      EXPECT_LT(distance(ntk(rows_of(some), some, x_, x2, o), expected), 1e-12 * largest(expected));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ParityNtk, ::testing::Values("mlp", "cnn", "vit", "lstm"),
                         [](const auto& info) { return std::string(info.param); });

std::map<std::string, NtkForm> forms_of(const SmallModel& m) {
  const ParameterPoint at(*m.module);
  const NtkPlan plan =
      ntk_plan(rows_of(at), at, m.x.tensor(), m.x.tensor(), {.method = NtkMethod::structured});
  return {plan.forms.begin(), plan.forms.end()};
}

TEST(NtkForms, SayWhatIsDoneWithEachParameter) {
  for (const auto& [name, form] : forms_of(small_model("mlp")))
    EXPECT_EQ(form, name.ends_with("weight") ? NtkForm::gram : NtkForm::jacobian) << name;
  // 64 positions against filters of 9 and 36 taps, then one position.
  const auto cnn = forms_of(small_model("cnn"));
  std::map<NtkForm, int> count;
  for (const auto& [name, form] : cnn) ++count[form];
  EXPECT_EQ(count[NtkForm::gradients], 2);
  EXPECT_EQ(count[NtkForm::gram], 2);
  for (const char* name : {"vit", "lstm"})
    for (const auto& [parameter, form] : forms_of(small_model(name)))
      if (const auto& space = ParameterPoint(*small_model(name).module).space;
          space.block(parameter).shape.rank() == 2)
        EXPECT_NE(form, NtkForm::jacobian) << parameter;
}

// The tangent kernel of the last layer's weight is the conjugate kernel, once for each output.
TEST(ConjugateKernel, IsTheLastLayersTangentKernel) {
  const SmallModel m = small_model("mlp");
  const ParameterPoint head(*m.module, "layers.2.weight");
  const Tensor x = m.x.tensor(), k = ntk(rows_of(head), head, x),
               hidden = value_at(tapped(*m.module), x, "layers.2.in"),
               conjugate = gram(hidden, hidden);
  for (std::int64_t a = 0; a < small_classes; ++a)
    for (std::int64_t b = 0; b < small_classes; ++b) {
      const Tensor block = k.select(3, b).select(2, a);
      EXPECT_LT(distance(block, a == b ? conjugate : Tensor::zeros(block.shape(), block.dtype())),
                1e-13);
    }
}

}  // namespace
}  // namespace sonde::testing
