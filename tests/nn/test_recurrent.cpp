// Lstm and Gru: lengths, the kernels they run, dropout, names, bad input, derivatives.
#include <gtest/gtest.h>

#include <map>

#include "nn/recurrent.hpp"
#include "tests/nn/expect_code.hpp"
#include "tests/nn/second_order.hpp"

namespace sonde::testing {
namespace {

using nn::CallOptions;
using nn::Context;
using nn::Mode;
using nn::RecurrentInputs;
using nn::RecurrentOptions;
using nn::RecurrentOutput;

constexpr std::int64_t steps = 5, batch = 3, inputs = 2, hidden = 3;

RecurrentOutput run(const nn::Recurrent& layer, const RecurrentInputs& in,
                    CallOptions options = {}) {
  Context ctx(layer, layer.parameters(), std::move(options));
  return layer.run(ctx, in);
}

double largest(const Var& x) {
  return amax(abs(x)).item();
}

Var lengths_of(std::initializer_list<std::int64_t> lengths) {
  return Tensor::from<std::int64_t>(lengths, {static_cast<std::int64_t>(lengths.size())});
}

std::map<std::string, int> kernels_of(const std::function<void()>& f) {
  struct Count final : Observer {
    std::map<std::string, int> kernels;
    void on_kernel(const Primitive& p, std::span<const Tensor>, const Vars&, std::source_location,
                   std::int64_t) override {
      ++kernels[std::string(p.name())];
    }
  } count;
  const ObserverScope scope(count);
  f();
  return count.kernels;
}

template <class Layer>
class RecurrentLayer : public ::testing::Test {
 protected:
  static constexpr bool has_cells = std::is_same_v<Layer, nn::Lstm>;

  static std::unique_ptr<Layer> make(const RecurrentOptions& options) {
    auto layer = std::make_unique<Layer>(inputs, hidden, philox::Key{1, 0}, options);
    fill(*layer);
    return layer;
  }
};

using Layers = ::testing::Types<nn::Lstm, nn::Gru>;
TYPED_TEST_SUITE(RecurrentLayer, Layers);

// A padded batch is what its sequences are one by one; what lies beyond their ends is not looked
// at.
TYPED_TEST(RecurrentLayer, LengthsAreSequencesOneByOne) {
  const auto layer = this->make({.num_layers = 2, .bidirectional = true});
  const std::int64_t ends[] = {3, 5, 1};
  Tensor data = uniform_values("x", {steps, batch, inputs});
  for (std::int64_t b = 0; b < batch; ++b)
    for (std::int64_t t = ends[b]; t < steps; ++t)
      for (std::int64_t i = 0; i < inputs; ++i)
        data.data<double>()[(t * batch + b) * inputs + i] = NAN;
  const Var x = data;
  const Var h0 = uniform_values("h", {4, batch, hidden}), c0 = uniform_values("c", h0.shape());
  auto state = [&](const Var& h, const Var& c) {
    return nn::RecurrentState{h, this->has_cells ? c : Var()};
  };
  const RecurrentOutput all =
      run(*layer, {.x = x, .initial = state(h0, c0), .lengths = lengths_of({3, 5, 1})});
  for (std::int64_t b = 0; b < batch; ++b) {
    const RecurrentOutput one = run(*layer, {.x = slice(select(x, 1, b), 0, 0, ends[b]),
                                             .initial = state(select(h0, 1, b), select(c0, 1, b))});
    const Var y = select(all.y, 1, b);
    EXPECT_LE(largest(sub(slice(y, 0, 0, ends[b]), one.y)), 1e-14);
    EXPECT_LE(largest(sub(select(all.state.h, 1, b), one.state.h)), 1e-14);
    if (this->has_cells) {
      EXPECT_LE(largest(sub(select(all.state.c, 1, b), one.state.c)), 1e-14);
    }
    if (ends[b] < steps) {
      EXPECT_EQ(largest(slice(y, 0, ends[b], steps)), 0);
    }
  }
}

TYPED_TEST(RecurrentLayer, NothingBeyondALengthHasAGradient) {
  const auto layer = this->make({.bidirectional = true});
  const Var x = uniform_values("x", {steps, 1, inputs});
  const Function loss = [&](const Vars& v) {
    Context ctx(*layer, layer->parameters());
    return detail::curved(layer->run(ctx, {.x = v[0], .lengths = lengths_of({2})}).y);
  };
  const Var g = grad(loss)(make_vars(x))[0];
  EXPECT_GT(largest(slice(g, 0, 0, 2)), 1e-3);
  EXPECT_EQ(largest(slice(g, 0, 2, steps)), 0);
}

TYPED_TEST(RecurrentLayer, SinglePrecisionFollowsDouble) {
  const auto wide = this->make({.num_layers = 2, .bidirectional = true}),
             narrow = this->make({.num_layers = 2, .bidirectional = true});
  narrow->convert(DType::f32);
  const Var x = uniform_values("x", {steps, batch, inputs}), lengths = lengths_of({3, 5, 1});
  const RecurrentOutput a = run(*wide, {.x = x, .lengths = lengths});
  const RecurrentOutput b = run(*narrow, {.x = to(x, DType::f32), .lengths = lengths});
  EXPECT_EQ(b.y.dtype(), DType::f32);
  EXPECT_LE(largest(sub(to(b.y, DType::f64), a.y)), 1e-6);
  EXPECT_LE(largest(sub(to(b.state.h, DType::f64), a.state.h)), 1e-6);
}

// One fused kernel a layer and direction for the LSTM; one product for all inputs and one a step
// for the GRU, whose steps are cut by one primitive.
TYPED_TEST(RecurrentLayer, Kernels) {
  const auto layer = this->make({.num_layers = 2, .bidirectional = true});
  const Var x = uniform_values("x", {steps, batch, inputs});
  auto kernels = kernels_of([&] { run(*layer, {.x = x}); });
  if (this->has_cells) {
    EXPECT_EQ(kernels["lstm"], 4);
    EXPECT_EQ(kernels["matmul"], 0);
  } else {
    EXPECT_EQ(kernels["matmul"], 4 * (1 + steps));
    EXPECT_EQ(kernels["unstack"], 4 * 2);
    EXPECT_EQ(kernels["stack"], 4 + 1);
    EXPECT_EQ(kernels["slice"], 2 * 2);  // x and y of the reverse directions, flipped
  }
}

TYPED_TEST(RecurrentLayer, DropoutIsBetweenLayers) {
  const auto all = this->make({.num_layers = 2, .dropout = 1});
  const CallOptions training{.mode = Mode::train, .key = random_key(1)};
  const Var x = uniform_values("x", {steps, batch, inputs}), zero = mul(x, 0.0);
  EXPECT_EQ(largest(sub(run(*all, {.x = x}, training).y, run(*all, {.x = zero}, training).y)), 0);
  EXPECT_GT(largest(sub(run(*all, {.x = x}).y, run(*all, {.x = zero}).y)), 1e-3);
  const auto one = this->make({.dropout = 1});  // has no gap
  EXPECT_EQ(largest(sub(run(*one, {.x = x}, training).y, run(*one, {.x = x}).y)), 0);
  // Two gaps draw differently: with the same draw the third layer would see what the second does.
  const auto some = this->make({.num_layers = 3, .dropout = 0.5});
  Vars masks;
  const nn::Tap tap = [&](const std::string& path, Var v) {
    if (path.ends_with(".out")) masks.push_back(eq(v, 0.0));
    return v;
  };
  run(*some, {.x = x}, {.mode = Mode::train, .key = random_key(1), .tap = &tap});
  ASSERT_EQ(masks.size(), 2u);
  EXPECT_GT(sum(logical_xor(masks[0], masks[1])).item(), 0);
}

TYPED_TEST(RecurrentLayer, NamesAndInitialValues) {
  const TypeParam layer(2, 4, {1, 0}, {.num_layers = 2, .bidirectional = true});
  const std::string rows = this->has_cells ? "16" : "12";
  std::string expected, names;
  for (const char* suffix : {"_l0", "_l0_reverse", "_l1", "_l1_reverse"}) {
    const char* in = std::string_view(suffix).starts_with("_l0") ? "2" : "8";
    expected +=
        fmt::format("weight_ih{}[{},{}] weight_hh{}[{},4] ", suffix, rows, in, suffix, rows);
    expected += fmt::format("bias_ih{}[{}] bias_hh{}[{}] ", suffix, rows, suffix, rows);
  }
  double bound = 0;
  for (const auto& p : layer.named_parameters()) {
    names += fmt::format("{}{} ", p.path, sonde::to_string(p.handle->value.shape()));
    bound = std::max(bound, largest(p.handle->value));
  }
  EXPECT_EQ(names, expected);
  EXPECT_LE(bound, 0.5);
  EXPECT_GT(bound, 0.49);
  EXPECT_EQ(layer.description(),
            fmt::format("{}(2, 4, 2 layers, bidirectional)", this->has_cells ? "Lstm" : "Gru"));
}

TYPED_TEST(RecurrentLayer, TapsSeeStates) {
  const auto layer = this->make({});
  std::map<std::string, Dims> seen;
  const nn::Tap look = [&](const std::string& path, Var v) {
    seen[path] = v.shape();
    return v;
  };
  run(*layer, {.x = uniform_values("x", {steps, batch, inputs})}, {.tap = &look});
  const Dims state{1, batch, hidden};
  std::map<std::string, Dims> expected{
      {"in", {steps, batch, inputs}}, {"out", {steps, batch, hidden}}, {"h", state}};
  if (this->has_cells) expected["c"] = state;
  EXPECT_EQ(seen, expected);
}

TYPED_TEST(RecurrentLayer, BadInputIsAnError) {
  const TypeParam layer(inputs, hidden, {});
  auto with = [&](const RecurrentInputs& in) { return [&layer, in] { run(layer, in); }; };
  const Var x = Tensor::ones({steps, batch, inputs});
  expect_code(ErrorCode::shape, with({.x = Tensor::ones({steps})}));
  expect_code(ErrorCode::shape, with({.x = Tensor::ones({steps, batch, 5})}));
  expect_code(ErrorCode::shape, with({.x = Tensor::ones({0, batch, inputs})}));
  expect_code(ErrorCode::shape,
              with({.x = x, .initial = {.h = Tensor::ones({1, batch, 1}), .c = {}}}));
  expect_code(
      ErrorCode::shape,
      with({.x = x, .initial = {.h = Tensor::ones({1, batch, hidden}, DType::f64), .c = {}}}));
  expect_code(
      this->has_cells ? ErrorCode::shape : ErrorCode::value,
      with({.x = x,
            .initial = {.h = {}, .c = Tensor::ones({1, this->has_cells ? 1 : batch, hidden})}}));
  for (const Var& lengths : {lengths_of({1, 0, 2}), lengths_of({1, -1, 2}), lengths_of({1, 6, 2})})
    expect_code(ErrorCode::value, with({.x = x, .lengths = lengths}));
  expect_code(ErrorCode::shape, with({.x = x, .lengths = lengths_of({1, 2})}));
  expect_code(ErrorCode::shape, with({.x = x, .lengths = Tensor::ones({batch})}));
  for (const std::int64_t length : {0, 6}) {  // in a lane
    auto lanes = vmap([&](const Vars& v) { return run(layer, {.x = v[0], .lengths = v[1]}).y; });
    expect_code(ErrorCode::axis, [&] {
      lanes(make_vars(Tensor::ones({2, steps, 1, inputs}),
                      Tensor::from<std::int64_t>({2, length}, {2, 1})));
    });
  }
  expect_code(ErrorCode::value, [] { TypeParam(0, 2, {}); });
  expect_code(ErrorCode::value, [] { TypeParam(2, 0, {}); });
  expect_code(ErrorCode::value, [] { TypeParam(2, 2, {}, {.num_layers = 0}); });
  expect_code(ErrorCode::value, [] { TypeParam(2, 2, {}, {.num_layers = 2, .dropout = -1}); });
}

TYPED_TEST(RecurrentLayer, SecondDerivatives) {
  for (const std::int64_t layers : {1, 2}) {
    const auto layer = this->make({.num_layers = layers, .bidirectional = layers == 2});
    const std::int64_t cells = layers == 2 ? 4 : 1;
    const Subject subject{
        *layer, [&](Context& ctx, const Vars& v) {
          RecurrentInputs in{.x = v[0]};
          in.initial.h = v[1];
          if (this->has_cells) in.initial.c = v[2];
          if (v.size() > 3) in.lengths = v[3];
          const RecurrentOutput out = layer->run(ctx, in);
          return concat(
              make_vars(reshape(out.y, {-1}), reshape(out.state.h, {-1}),
                        this->has_cells ? reshape(out.state.c, {-1}) : reshape(v[2], {-1})),
              0);
        }};
    const Dims state{cells, batch, hidden}, one{2, cells, 1, hidden};
    const Vars in = make_vars(uniform_values("x", {steps, batch, inputs}),
                              uniform_values("h", state), uniform_values("c", state));
    const Vars samples = make_vars(uniform_values("x", {2, steps, 1, inputs}),
                                   uniform_values("h", one), uniform_values("c", one));
    expect_hvp_modes_agree(subject, in);
    expect_per_sample_gradients(subject, samples);
    Vars with_lengths = in, samples_with_lengths = samples;
    with_lengths.push_back(lengths_of({2, 5, 1}));
    samples_with_lengths.push_back(unsqueeze(lengths_of({3, 4}), 1));
    expect_hvp_modes_agree(subject, with_lengths);
    expect_per_sample_gradients(subject, samples_with_lengths);
  }
}

}  // namespace
}  // namespace sonde::testing
