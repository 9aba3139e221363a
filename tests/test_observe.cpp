// Profile, DOT export, gradcheck, and a user's own primitive.
#include <gtest/gtest.h>

#include "autograd/bases.hpp"
#include "autograd/gradcheck.hpp"
#include "autograd/profile.hpp"

namespace sonde {
namespace {

TEST(Profile, NamesEveryKernelWithItsCallSite) {
  Profile profile;
  std::uint32_t line = 0;
  {
    ObserverScope scope(profile);
    const Var x = Tensor::ones({2, 3});
    line = __LINE__ + 1;
    sum(x * x);
  }
  const auto events = profile.events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].op, "mul");
  EXPECT_EQ(events[0].inputs, "f32[2,3] f32[2,3]");
  EXPECT_EQ(events[0].bytes, 72);
  EXPECT_EQ(events[0].site, "test_observe.cpp:" + std::to_string(line));
  EXPECT_NE(profile.table().find("sum"), std::string::npos);
  EXPECT_NE(profile.chrome_trace().find("\"name\":\"mul\""), std::string::npos);
  neg(Tensor::ones({2}));
  EXPECT_EQ(profile.events().size(), 2u) << "recorded after the scope ended";
}

TEST(Profile, TotalsGoOnWhereTheTraceEnds) {
  Profile profile(1);
  ObserverScope scope(profile);
  for (int i = 0; i < 3; ++i) neg(Tensor::ones({2}));
  EXPECT_EQ(profile.events().size(), 1u);
  EXPECT_NE(profile.table().find("neg                              3"), std::string::npos)
      << profile.table();
  EXPECT_NE(profile.chrome_trace().find("\"further events\":\"2\""), std::string::npos);
}

TEST(Dot, ShowsOperationsAndWhatIsKept) {
  VjpResult r = vjp([](const Var& x) { return sum(neg(x) * 2.0); }, {Tensor::ones({3})});
  const std::string dot = dot_graph(r.pullback.tape());
  for (const char* part : {"digraph", "input 0", "neg", "mul", "axes=", "style=dashed"})
    EXPECT_NE(dot.find(part), std::string::npos) << part << "\n" << dot;
}

// x^3 with a derivative that may be wrong.
class Cube final : public Named<Cube, Elementwise> {
 public:
  static constexpr std::string_view id = "cube";
  explicit Cube(double factor) : Named(kernels::mul), factor_(factor) {}
  void infer(std::span<const Var> in, Specs& out) const override { out.push_back(in[0].spec()); }
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    return {mul(mul(in[0], in[0]), in[0])};
  }
  Vars jvp(const Vars& in, const Vars&, const Vars& t) const override {
    return {mul(mul(mul(in[0], in[0]), 3.0), t[0])};
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override {
    return {mul(mul(mul(in[0], in[0]), factor_), ct[0])};
  }

 private:
  double factor_;
};

TEST(Gradcheck, AcceptsARightAndRejectsAWrongDerivative) {
  const Var x = Tensor::from<double>({0.5, -1, 2}, {3});
  const auto right = [](const Var& y) { return emit1(make_ref<Cube>(3.0), {y}); };
  const auto wrong = [](const Var& y) { return emit1(make_ref<Cube>(2.9), {y}); };
  const auto good = gradcheck(right, {x});
  EXPECT_TRUE(good) << good.report;
  const auto bad = gradcheck(wrong, {x});
  EXPECT_FALSE(bad);
  EXPECT_NE(bad.report.find("BAD  <u, Jv>"), std::string::npos) << bad.report;
  EXPECT_THROW(gradcheck(right, {Var(Tensor::ones({2}))}), Error);
}

TEST(CustomPrimitive, WorksUnderEveryTransformAndRefusesClosures) {
  const PrimitivePtr cube = make_ref<Cube>(3.0);
  auto f = [&](const Var& x) { return emit1(cube, {x}); };
  const Var x = Tensor::from<double>({1, 2}, {2});
  EXPECT_EQ(vmap(grad(f))(x).tensor().to_vector<double>(), (std::vector<double>{3, 12}));
  // A primitive whose forward reaches for a value of an enclosing transform.
  class Thief final : public Primitive {
   public:
    explicit Thief(Var loot) : loot_(std::move(loot)) {}
    std::string_view name() const override { return "thief"; }
    void infer(std::span<const Var> in, Specs& out) const override { out.push_back(in[0].spec()); }
    Vars forward(std::span<Tensor> in, const Specs&) const override { return {mul(in[0], loot_)}; }
    Vars jvp(const Vars&, const Vars&, const Vars& t) const override { return t; }
    Vars vjp(const Vars&, const Vars&, const Vars& ct, Needs) const override { return ct; }
    Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
      return batch_by_loop(self(), in, axes, n);
    }

   private:
    Var loot_;
  };
  try {
    grad([](const Var& y) { return emit1(make_ref<Thief>(y), {y}); })(Var(Tensor::scalar(2)));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::closure);
  }
  EXPECT_EQ(transform_depth(), 0);
}

TEST(CustomPrimitive, ALoopOverLanesIsCounted) {
  const auto before = counters().loop_fallbacks.load();
  class Twice final : public Primitive {
   public:
    std::string_view name() const override { return "twice"; }
    void infer(std::span<const Var> in, Specs& out) const override { out.push_back(in[0].spec()); }
    Vars forward(std::span<Tensor> in, const Specs&) const override { return {mul(in[0], 2.0)}; }
    Vars jvp(const Vars&, const Vars&, const Vars& t) const override { return {mul(t[0], 2.0)}; }
    Vars vjp(const Vars&, const Vars&, const Vars& ct, Needs) const override {
      return {mul(ct[0], 2.0)};
    }
    Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
      return batch_by_loop(self(), in, axes, n);
    }
  };
  const Var y =
      vmap([](const Var& x) { return emit1(make_ref<Twice>(), {x}); })(Var(Tensor::ones({3, 2})));
  EXPECT_EQ(y.tensor().to_vector<double>(), std::vector<double>(6, 2.0));
  EXPECT_EQ(counters().loop_fallbacks, before + 1);
}

}  // namespace
}  // namespace sonde
