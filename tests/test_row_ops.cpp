// Row-wise and fused operations as users meet them: errors, one kernel per pass, no expansion, no
// loop over lanes.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "autograd/observe.hpp"
#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"
#include "tests/row_reference.hpp"

namespace sonde {
namespace {

using test::random_tensor;

Var normal(const Dims& shape, unsigned seed) {
  return random_tensor(shape, DType::f64, seed);
}

// How often each primitive's kernel ran.
class KernelCount final : public Observer {
 public:
  void on_kernel(const Primitive& p, std::span<const Tensor>, const Vars&, std::source_location,
                 std::int64_t) override {
    ++count[std::string(p.name())];
  }
  std::map<std::string, int> count;
};

struct Net {
  const char* name;
  Function loss;     ///< (parameter, x of one sample) -> scalar
  Var parameter, x;  ///< x: [samples, ...]
};

std::vector<Net> nets() {
  const Var w = normal({4, 4}, 1);
  std::vector<Net> all;
  all.push_back({"softmax",
                 [](const Vars& v) { return sum(mul(softmax(matmul(v[1], v[0]), -1), v[1])); }, w,
                 normal({3, 2, 4}, 2)});
  all.push_back({"log_softmax",
                 [](const Vars& v) { return sum(mul(log_softmax(matmul(v[1], v[0]), -1), v[1])); },
                 w, normal({3, 2, 4}, 2)});
  all.push_back(
      {"cross_entropy",
       [](const Vars& v) {
         return cross_entropy(matmul(v[1], v[0]), Tensor::from<std::int64_t>({1, 3}, {2}));
       },
       w, normal({3, 2, 4}, 2)});
  all.push_back({"layer_norm",
                 [](const Vars& v) {
                   return sum(square(layer_norm(matmul(v[1], v[0]), {4}, select(v[0], 0, 0),
                                                select(v[0], 0, 1))));
                 },
                 w, normal({3, 2, 4}, 2)});
  all.push_back({"group_norm",
                 [](const Vars& v) {
                   return sum(square(
                       group_norm(matmul(v[1], v[0]), 2, select(v[0], 0, 0), select(v[0], 0, 1))));
                 },
                 w, normal({3, 2, 4, 4}, 2)});
  all.push_back({"attention",
                 [](const Vars& v) {
                   const Var q = matmul(v[1], v[0]);
                   return sum(square(scaled_dot_product_attention(
                       q, v[1], matmul(v[1], transpose(v[0])), {}, true)));
                 },
                 w, normal({3, 2, 5, 4}, 2)});
  all.push_back(
      {"lstm",
       [](const Vars& v) {
         const LstmSequence out =
             lstm(v[1], {},
                  {matmul(normal({16, 4}, 5), v[0]), matmul(normal({16, 4}, 6), v[0]), {}, {}});
         return add(sum(square(out.y)), sum(out.state.c));
       },
       w, normal({3, 6, 2, 4}, 2)});
  all.push_back({"lstm_cell",
                 [](const Vars& v) {
                   const Var big = matmul(normal({16, 4}, 5), v[0]);
                   const LstmState out = lstm_cell(v[1], {v[1], v[1]}, {big, big, {}, {}});
                   return add(sum(square(out.h)), sum(out.c));
                 },
                 w, normal({3, 2, 4}, 2)});
  return all;
}

TEST(RowOps, GradientsAndPerSampleGradientsStayFusedAndEqualTheLoop) {
  for (const Net& net : nets()) {
    const std::int64_t loops = counters().loop_fallbacks, expansions = counters().expansions;
    const Function gradient = grad(net.loss, {0});
    const Vars batched = vmap(gradient, {.in_axes = {std::nullopt, 0}})({net.parameter, net.x});
    for (std::int64_t i = 0; i < net.x.size(0); ++i) {
      const Vars one = gradient({net.parameter, select(net.x, 0, i)});
      test::expect_close(select(batched[0], 0, i).tensor(), one[0].tensor(), 1e-12);
    }
    // One parameter per lane as well: an ensemble.
    const Var many = stack({net.parameter, mul(net.parameter, 0.5), neg(net.parameter)}, 0);
    const Vars ensemble = vmap(gradient)({many, net.x});
    test::expect_close(select(ensemble[0], 0, 2).tensor(),
                       gradient({select(many, 0, 2), select(net.x, 0, 2)})[0].tensor(), 1e-12);
    EXPECT_EQ(counters().loop_fallbacks, loops) << net.name;
    EXPECT_EQ(counters().expansions, expansions) << net.name;
  }
}

TEST(RowOps, AGradientOfAVmapSumsOverTheLanes) {
  for (const Net& net : nets()) {
    const Function total = [&](const Vars& v) {
      return sum(vmap(net.loss, {.in_axes = {std::nullopt, 0}})(v)[0]);
    };
    const Vars whole = grad(total, {0})({net.parameter, net.x});
    Var expected = Tensor::zeros({4, 4}, DType::f64);
    for (std::int64_t i = 0; i < net.x.size(0); ++i)
      expected = add(expected, grad(net.loss, {0})({net.parameter, select(net.x, 0, i)})[0]);
    test::expect_close(whole[0].tensor(), expected.tensor(), 1e-12);
  }
}

TEST(RowOps, TheFirstOrderPathIsOneKernelEachWay) {
  const std::map<std::string, std::pair<std::string, std::string>> kernels = {
      {"softmax", {"softmax", "softmax_grad"}},
      {"log_softmax", {"log_softmax", "log_softmax_grad"}},
      {"cross_entropy", {"cross_entropy", "cross_entropy_grad"}},
      {"layer_norm", {"affine_norm", "affine_norm_vjp"}},
      {"group_norm", {"affine_norm", "affine_norm_vjp"}},
      {"attention", {"attention", "attention_vjp"}},
      {"lstm", {"lstm", "lstm_vjp"}},
      {"lstm_cell", {"lstm_cell", "lstm_cell_grad"}}};
  for (const Net& net : nets()) {
    KernelCount seen;
    {
      ObserverScope scope(seen);
      grad(net.loss, {0})({net.parameter, select(net.x, 0, 0)});
    }
    const auto& [forward, backward] = kernels.at(net.name);
    EXPECT_EQ(seen.count[forward], 1) << net.name;
    EXPECT_EQ(seen.count[backward], 1) << net.name;
    EXPECT_EQ(seen.count["exp"], 0) << net.name;
  }
}

void expect_error(const std::function<void()>& f, const char* what) {
  try {
    f();
    ADD_FAILURE() << what << ": no error";
  } catch (const Error& e) {
    EXPECT_FALSE(e.op().empty()) << what;
  }
}

TEST(RowOps, BadArgumentsAreTypedErrors) {
  const Var x = normal({2, 3}, 1), w = normal({3}, 2), t = Tensor::from<std::int64_t>({0, 1}, {2});
  for (std::int64_t bad :
       {INT64_MIN, std::int64_t{-3}, std::int64_t{2}, std::int64_t{1} << 31, INT64_MAX}) {
    expect_error([&] { softmax(x, bad); }, "softmax");
    expect_error([&] { log_softmax(x, bad); }, "log_softmax");
    expect_error([&] { layer_norm(x, {bad}); }, "layer_norm");
    expect_error([&] { layer_norm(x, {bad, 3}, w); }, "layer_norm");
    if (bad != 2) expect_error([&] { group_norm(x, bad); }, "group_norm");
  }
  expect_error([&] { group_norm(x, 0); }, "no groups");
  expect_error([&] { group_norm(x, 2); }, "3 channels in 2 groups");
  expect_error([&] { softmax(Var(Tensor::scalar(1)), 0); }, "rank 0");
  expect_error([&] { layer_norm(x, {}); }, "no axes");
  expect_error([&] { layer_norm(x, {3}, normal({2}, 1)); }, "weight of another shape");
  expect_error([&] { layer_norm(x, {3}, to(w, DType::f32)); }, "weight of another type");
  expect_error([&] { layer_norm(x, {3}, w, w, -1); }, "negative eps");
  expect_error([&] { rms_norm(Var(Tensor::zeros({2, 3}, DType::i64)), {3}); }, "integers");
  expect_error([&] { cross_entropy(x, Tensor::zeros({3}, DType::i64)); },
               "targets of another shape");
  expect_error(
      [&] {
        cross_entropy(x, Tensor::from<std::int64_t>({0, 3}, {2}));
      },
      "a target outside");
  expect_error([&] { cross_entropy(x, t, Reduction::mean, -100, 1.5); }, "smoothing beyond 1");
  expect_error([&] { cross_entropy(x, Tensor::zeros({2}, DType::boolean)); }, "bool targets");
  expect_error([&] { scaled_dot_product_attention(x, x, w); }, "v of rank 1");
  expect_error([&] { scaled_dot_product_attention(x, normal({2, 4}, 1), x); }, "other d");
  expect_error(
      [&] {
        scaled_dot_product_attention(x, x, x, normal({3, 2}, 1));
      },
      "mask of another shape");
  expect_error(
      [&] {
        scaled_dot_product_attention(x, x, x, to(normal({2, 2}, 1), DType::f32));
      },
      "mask of another type");
  expect_error([&] { lstm(x, {}, {normal({8, 3}, 1), normal({8, 2}, 1), {}, {}}); }, "x of rank 2");
  expect_error(
      [&] {
        lstm(normal({2, 2, 3}, 1), {}, {normal({8, 4}, 1), normal({8, 2}, 1), {}, {}});
      },
      "other w_ih");
  expect_error([&] { lstm(normal({2, 2, 3}, 1), {}, {}); }, "no weights");
}

TEST(RowOps, AFullyIgnoredBatchHasNoMean) {
  const Var x = normal({2, 3}, 1), t = Tensor::from<std::int64_t>({-100, -100}, {2});
  EXPECT_TRUE(std::isnan(cross_entropy(x, t).item()));
  EXPECT_EQ(cross_entropy(x, t, Reduction::sum).item(), 0);
}

TEST(RowOps, BatchNormGivesTheStatisticsOfTheBatch) {
  const Var x = normal({4, 2, 3}, 1);
  const BatchNormTrained trained = batch_norm_train(x);
  const Var mean = div(sum(x, {0, 2}), 12.0), centred = sub(x, reshape(mean, {2, 1}));
  test::expect_close(trained.mean.tensor(), mean.tensor(), 1e-13);
  test::expect_close(trained.var.tensor(), div(sum(square(centred), {0, 2}), 12.0).tensor(), 1e-12);
  test::expect_close(batch_norm(x, trained.mean, trained.var).tensor(), trained.y.tensor(), 1e-12);
}

}  // namespace
}  // namespace sonde
