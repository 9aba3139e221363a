// Names: patterns, nearest ones, state dicts. Summaries.
#include <gtest/gtest.h>

#include "autograd/ops.hpp"
#include "nn/mlp.hpp"
#include "nn/names.hpp"
#include "nn/state_dict.hpp"
#include "nn/summary.hpp"

namespace sonde::nn {
namespace {

TEST(Names, PatternsMatchWholePaths) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("*", "a.b"));
  EXPECT_TRUE(matches("a.*.weight", "a.b.c.weight"));
  EXPECT_TRUE(matches("*.weight", "a.weight.weight"));
  EXPECT_TRUE(matches("block?.w", "block3.w"));
  EXPECT_FALSE(matches("a.*.weight", "a.weight"));
  EXPECT_FALSE(matches("weight", "a.weight"));
  EXPECT_FALSE(matches("*.bias", "a.biases"));
  EXPECT_FALSE(matches("", "a"));
}

TEST(Names, NearestIsTheFewestEditsAway) {
  EXPECT_EQ(nearest("layer.0.weight", {"layers.0.bias", "layers.0.weight"}), "layers.0.weight");
  EXPECT_EQ(nearest("gamma", {"weight", "bias"}), "");
}

// "first" and "second" share "weight".
class Shared final : public Module {
 public:
  Shared() : weight_(parameter("first", Tensor::scalar(2))) { tie("second", weight_); }
  Var forward(Context& ctx, Var x) const override { return mul(std::move(x), ctx[weight_]); }

 private:
  Handle weight_;
};

;

const MlpOptions with_relu{.activation = [](const Var& x) { return relu(x); }};

TEST(StateDict, RoundTrips) {
  const Mlp a({3, 4, 2}, {1, 0}, with_relu);
  Mlp b({3, 4, 2}, {2, 0}, with_relu);
  EXPECT_TRUE(load_state_dict(b, state_dict(a)).empty());
  const Var x = Tensor::ones({2, 3});
  EXPECT_EQ(a(x).tensor().to_vector<float>(), b(x).tensor().to_vector<float>());
}

// A constant that follows from the options moves with its module and lies in no file.
class WithConstant final : public Module {
 public:
  WithConstant()
      : mean_(buffer("mean", Tensor::zeros({2}))),
        table_(buffer("table", Tensor::ones({2}), false)) {}
  Var forward(Context& ctx, Var x) const override {
    return add(add(std::move(x), ctx[mean_]), ctx[table_]);
  }

 private:
  Handle mean_, table_;
};

TEST(StateDict, HoldsPersistentBuffersOnly) {
  WithConstant m;
  EXPECT_EQ(m.named_buffers().size(), 1u);
  const NamedTensors state = state_dict(m);
  ASSERT_EQ(state.size(), 1u);
  EXPECT_TRUE(state.contains("mean"));
  EXPECT_TRUE(load_state_dict(m, {{"mean", Tensor::ones({2})}}).empty());
  EXPECT_EQ(m(Tensor::ones({2})).tensor().to_vector<float>(), (std::vector<float>{3, 3}));
}

TEST(StateDict, ListsEverythingThatIsWrongAndChangesNothing) {
  Mlp m({3, 4, 2}, {1, 0}, with_relu);
  const auto before = state_dict(m);
  NamedTensors state = before;
  state.erase("layers.0.weight");
  state["layer.0.weight"] = Tensor::ones({4, 3});
  state["layers.1.bias"] = Tensor::ones({3});
  state["layers.0.bias"] = Tensor::ones({4}, DType::f64);
  state["layers.1.weight"] = Tensor::ones({2, 4});
  try {
    load_state_dict(m, state);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::names);
    const std::string what = e.what();
    for (const char* part :
         {"missing: layers.0.weight (nearest: layer.0.weight)",
          "unexpected: layer.0.weight (nearest: layers.0.weight)",
          "layers.1.bias is f32[3], not f32[2]", "layers.0.bias is f64[4], not f32[4]"})
      EXPECT_NE(what.find(part), std::string::npos) << part << " in " << what;
  }
  EXPECT_EQ(state_dict(m).at("layers.1.weight").to_vector<float>(),
            before.at("layers.1.weight").to_vector<float>());
  const LoadReport left = load_state_dict(m, state, false);
  EXPECT_EQ(left.missing, std::vector<std::string>{"layers.0.weight"});
  EXPECT_EQ(left.unexpected, std::vector<std::string>{"layer.0.weight"});
  EXPECT_EQ(left.misfit.size(), 2u);
  EXPECT_EQ(state_dict(m).at("layers.1.weight").to_vector<float>(), std::vector<float>(8, 1));
}

TEST(StateDict, ATiedParameterNeedsOneOfItsNames) {
  Shared m;
  EXPECT_EQ(state_dict(m).size(), 2u);
  EXPECT_TRUE(load_state_dict(m, {{"second", Tensor::scalar(5)}}).empty());
  EXPECT_EQ(m(Tensor::scalar(2)).item(), 10);
  EXPECT_THROW(load_state_dict(m, {}), Error);
}

TEST(Summary, CountsWhatAnMlpCosts) {
  const Mlp m({3, 4, 2}, {1, 0}, with_relu);
  const auto rows = summary(m, Tensor::ones({5, 3}));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].path, "");
  EXPECT_EQ(rows[0].parameters, 3 * 4 + 4 + 4 * 2 + 2);
  EXPECT_EQ(rows[0].flops, 2 * 5 * (3 * 4 + 4 * 2));
  EXPECT_EQ(rows[1].path, "layers.0");
  EXPECT_EQ(rows[1].description, "Linear(3, 4)");
  EXPECT_EQ(rows[1].in, (Dims{5, 3}));
  EXPECT_EQ(rows[1].out, (Dims{5, 4}));
  EXPECT_EQ(rows[1].flops, 2 * 5 * 3 * 4);
  EXPECT_EQ(rows[1].bytes % (5 * 4 * 4), 0);
  EXPECT_GT(rows[1].bytes, 0);
  EXPECT_EQ(rows[2].calls, 1);
  const std::string table = to_string(rows);
  EXPECT_NE(table.find("Linear(4, 2)"), std::string::npos);
}

}  // namespace
}  // namespace sonde::nn
