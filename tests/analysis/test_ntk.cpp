// Tangent kernels: every method, tiles and folders against the contraction of a Jacobian made input
// by input, and against closed forms.
#include <gtest/gtest.h>

#include "analysis/ntk.hpp"
#include "autograd/observe.hpp"
#include "autograd/ops.hpp"
#include "nn/init.hpp"
#include "temp_folder.hpp"
#include "tensor/allocator.hpp"
#include "tests/analysis/values.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde {
namespace {

using testing::distance;

constexpr std::int64_t outputs = 3;

Tensor random(const Dims& shape, std::uint64_t seed, double scale = 0.5) {
  return nn::normal_init(shape, 0, scale, {seed, 0}, DType::f64);
}
double size(const Tensor& a) {
  return amax(abs(Var(a))).tensor().item();
}

struct Net {
  std::string name;
  RowFunction f;
  std::vector<Dims> parameters;
  Dims input;
};

Point point_of(const Net& net) {
  Vars values;
  for (std::size_t i = 0; i < net.parameters.size(); ++i)
    values.push_back(random(net.parameters[i], i + 1));
  return Point::of(values);
}

const std::vector<Net>& nets() {
  static const std::vector<Net> all{
      {"mlp",
       [](const Vars& p, const Var& x) { return linear(tanh(linear(x, p[0], p[1])), p[2]); },
       {{4, 5}, {4}, {outputs, 4}},
       {5}},
      {"cnn",
       [](const Vars& p, const Var& x) {
         return linear(sum(tanh(conv2d(x, p[0], p[1], {.padding = {1, 1}})), {2, 3}), p[2]);
       },
       {{3, 2, 3, 3}, {3}, {outputs, 3}},
       {2, 4, 4}},
      {"lstm",
       [](const Vars& p, const Var& x) {
         return linear(lstm(transpose(x, 0, 1), {}, {p[0], p[1], p[2], p[3]}).state.h, p[4]);
       },
       {{12, 2}, {12, 3}, {12}, {12}, {outputs, 3}},
       {4, 2}},
      {"attention",
       [](const Vars& p, const Var& x) {
         const Var q = linear(x, p[0]), k = linear(x, p[1]), v = linear(layer_norm(x, {4}), p[2]);
         return linear(mean(scaled_dot_product_attention(q, k, v), {1}), p[3]);
       },
       {{4, 4}, {4, 4}, {4, 4}, {outputs, 4}},
       {3, 4}}};
  return all;
}

Tensor inputs(const Net& net, std::int64_t n, std::uint64_t seed) {
  Dims shape = net.input;
  shape.insert(0, n);
  return random(shape, seed, 1);
}

// Input by input, a gradient for each output.
Tensor by_loop(const Net& net, const Point& at, const Tensor& x1, const Tensor& x2) {
  const auto rows = [&](const Tensor& x) {
    std::vector<Tensor> all;
    for (std::int64_t i = 0; i < x.size(0); ++i)
      for (std::int64_t a = 0; a < outputs; ++a)
        all.push_back(at.space.flatten(grad([&](const Vars& p) {
          return select(select(net.f(p, x.slice(0, i, i + 1)), 0, 0), 0, a);
        })(at.values)));
    return all;
  };
  const std::vector<Tensor> j1 = rows(x1), j2 = rows(x2);
  Tensor out = Tensor::empty({x1.size(0), x2.size(0), outputs, outputs}, DType::f64);
  for (std::size_t i = 0; i < j1.size(); ++i)
    for (std::size_t j = 0; j < j2.size(); ++j) {
      const auto n = static_cast<std::int64_t>(i), m = static_cast<std::int64_t>(j);
      out.select(0, n / outputs)
          .select(0, m / outputs)
          .select(0, n % outputs)
          .select(0, m % outputs)
          .copy_from(dot(j1[i], j2[j]).tensor());
    }
  return out;
}

class NtkOf : public ::testing::TestWithParam<Net> {};

TEST_P(NtkOf, EveryMethodAndTileIsTheLoop) {
  const Net& net = GetParam();
  const Point at = point_of(net);
  const Tensor x1 = inputs(net, 5, 10), x2 = inputs(net, 4, 11), loop = by_loop(net, at, x1, x2),
               own = by_loop(net, at, x1, x1);
  const std::int64_t fallbacks = counters().loop_fallbacks;
  for (const NtkMethod method :
       {NtkMethod::contract, NtkMethod::vector_products, NtkMethod::structured})
    for (const std::int64_t tile : {0, 2}) {
      SCOPED_TRACE(to_string(method) + ", tile " + std::to_string(tile));
      const NtkOptions o{.method = method, .tile = tile};
      EXPECT_LT(distance(ntk(net.f, at, x1, x2, o), loop), 1e-10 * size(loop));
      EXPECT_LT(distance(ntk(net.f, at, x1, o), own), 1e-10 * size(own));
      NtkOptions traced = o;
      traced.trace = true;
      const Tensor trace = sum(diagonal(Var(loop), 0, 2, 3), {2}).tensor();
      EXPECT_LT(distance(ntk(net.f, at, x1, x2, traced), trace), 1e-10 * size(loop));
      NtkOptions one = o;
      one.outputs = {2};
      EXPECT_LT(distance(ntk(net.f, at, x1, x2, one), loop.slice(2, 2, 3).slice(3, 2, 3)),
                1e-10 * size(loop));
    }
  EXPECT_EQ(counters().loop_fallbacks, fallbacks);
}

TEST_P(NtkOf, AFolderHoldsTheSameKernelAndIsGoneOnWith) {
  const Net& net = GetParam();
  const Point at = point_of(net);
  const Tensor x = inputs(net, 7, 10), whole = ntk(net.f, at, x);
  TempFolder temp;
  const NtkOptions o{.tile = 3};
  int calls = 0;
  const auto stop = [&](double) {
    if (++calls == 3) throw std::runtime_error("enough");
  };
  {
    TileFolder folder(temp / "tiles");
    EXPECT_THROW(ntk(net.f, at, x, folder, o, stop), std::runtime_error);
    EXPECT_TRUE(folder.has(0, 1));
    EXPECT_FALSE(folder.has(0, 2));
  }
  const auto written = std::filesystem::last_write_time(temp / "tiles/tile_0_1.npy");
  TileFolder folder(temp / "tiles");
  ntk(net.f, at, x, folder, o);
  EXPECT_EQ(std::filesystem::last_write_time(temp / "tiles/tile_0_1.npy"), written);
  EXPECT_LT(distance(folder.assembled(), whole), 1e-12 * size(whole));
  const Tensor v = random({2, 7 * outputs}, 5),
               matrix = whole.permute({0, 2, 1, 3}).reshape({7 * outputs, 7 * outputs});
  EXPECT_LT(distance(folder.map().apply_batch(v), matmul(Var(v), Var(matrix)).tensor()),
            1e-11 * size(whole));
  EXPECT_THROW(ntk(net.f, at, inputs(net, 7, 12), folder, o), Error);  // other inputs
}

INSTANTIATE_TEST_SUITE_P(Nets, NtkOf, ::testing::ValuesIn(nets()),
                         [](const auto& of) { return of.param.name; });

// A linear network's kernel is <x, x'> + 1 times the identity, at any weights.
TEST(Ntk, OfALinearNetworkIsKnown) {
  const Point at = Point::of({random({2, 3}, 1), random({2}, 2)});
  const RowFunction f = [](const Vars& p, const Var& x) { return linear(x, p[0], p[1]); };
  const Tensor x = random({4, 3}, 3), k = ntk(f, at, x);
  const Tensor gram = matmul(Var(x), Var(x), {.b = true}).tensor();
  for (std::int64_t i = 0; i < 4; ++i)
    for (std::int64_t j = 0; j < 4; ++j)
      for (std::int64_t a = 0; a < 2; ++a)
        for (std::int64_t b = 0; b < 2; ++b)
          EXPECT_NEAR(k.at({i, j, a, b}), a == b ? gram.at({i, j}) + 1 : 0, 1e-14);
}

TEST(Ntk, EstimatesOfMemoryAreOfTheRightSize) {
  const Point at = Point::of({random({256, 100}, 1), random({256}, 2), random({6, 256}, 3)});
  const RowFunction f = [](const Vars& p, const Var& x) {
    return linear(tanh(linear(x, p[0], p[1])), p[2]);
  };
  const Tensor x = random({32, 100}, 4);
  for (const NtkMethod method :
       {NtkMethod::contract, NtkMethod::vector_products, NtkMethod::structured}) {
    SCOPED_TRACE(to_string(method));
    const NtkOptions o{.method = method};
    const NtkPlan plan = ntk_plan(f, at, x, x, o);
    const double estimate = plan.cost().bytes;
    const std::int64_t before = current_bytes();
    reset_peak_bytes();
    const Tensor kernel = ntk(f, at, x, o);
    const auto peak = static_cast<double>(peak_bytes() - before - kernel.numel() * 8);
    EXPECT_LT(peak, 1.1 * estimate);
    EXPECT_GT(peak, estimate / 4);
  }
}

TEST(Ntk, ThePlanFitsOrSaysWhatWould) {
  const Net& net = nets()[0];
  const Point at = point_of(net);
  const Tensor x = inputs(net, 40, 1);
  const NtkPlan free = ntk_plan(net.f, at, x, x);
  EXPECT_EQ(free.tile, 40);
  EXPECT_EQ(free.method, free.contract.flops <= free.vector_products.flops
                             ? NtkMethod::contract
                             : NtkMethod::vector_products);
  const auto half = static_cast<std::int64_t>(
      ntk_plan(net.f, at, x, x, {.method = NtkMethod::contract, .tile = 10}).contract.bytes);
  EXPECT_EQ(ntk_plan(net.f, at, x, x, {.method = NtkMethod::contract, .max_memory = half}).tile,
            10);
  for (const NtkOptions& o : {NtkOptions{.tile = 40, .max_memory = half}, {.max_memory = 10}}) try {
      ntk_plan(net.f, at, x, x, o);
      ADD_FAILURE() << "was accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::memory);
      EXPECT_FALSE(e.hint().empty());
    }
  EXPECT_THROW(ntk(net.f, at, x, {.outputs = {outputs}}), Error);
  EXPECT_THROW(ntk(net.f, at, x, inputs(nets()[1], 2, 1)), Error);
  const RowFunction scalar = [](const Vars& p, const Var&) { return sum(p[0]); };
  EXPECT_THROW(ntk(scalar, at, x), Error);
  const RowFunction decisions = [&](const Vars& p, const Var& in) {
    return argmax(net.f(p, in), 1);
  };
  testing::expect_code(ErrorCode::dtype, [&] { ntk(decisions, at, x); });
}

}  // namespace
}  // namespace sonde
