// Lstm and Gru against PyTorch, packed sequences included.
#include "autograd/ops.hpp"
#include "nn/recurrent.hpp"
#include "tests/parity/formula.hpp"

namespace sonde::testing {
namespace {

using nn::Context;
using nn::RecurrentInputs;
using nn::RecurrentOptions;

constexpr std::int64_t steps = 4, batch = 3, inputs = 3, hidden = 2;

// Outputs and final states in one row, as tests/parity/recurrent.py has them.
Var row(const nn::RecurrentOutput& out) {
  Vars all = make_vars(reshape(out.y, {-1}), reshape(out.state.h, {-1}));
  if (out.state.c) all.push_back(reshape(out.state.c, {-1}));
  return concat(all, 0);
}

template <class Layer>
class RecurrentParity : public ::testing::Test {
 protected:
  static constexpr bool has_cells = std::is_same_v<Layer, nn::Lstm>;

  void compare(const std::string& name, const Dims& x, const Dims& state,
               const RecurrentOptions& options, const Var& lengths = {}) {
    const std::string key = (has_cells ? "lstm_" : "gru_") + name;
    Layer layer(inputs, hidden, {1, 0}, options);
    fill(layer);
    Vars in = make_vars(uniform_values(key + ".in0", x));
    if (!state.empty())
      for (int i = 1; i <= (has_cells ? 2 : 1); ++i)
        in.push_back(uniform_values(fmt::format("{}.in{}", key, i), state));
    fixture_.expect_module(
        key, layer,
        [&](Context& ctx, const Vars& v) {
          RecurrentInputs call{.x = v[0], .lengths = lengths};
          if (v.size() > 1) call.initial.h = v[1];
          if (v.size() > 2) call.initial.c = v[2];
          return row(layer.run(ctx, call));
        },
        in);
  }

  Fixture fixture_{"recurrent"};
};

using Layers = ::testing::Types<nn::Lstm, nn::Gru>;
TYPED_TEST_SUITE(RecurrentParity, Layers);

const Dims x{steps, batch, inputs}, x_batch_first{batch, steps, inputs};

TYPED_TEST(RecurrentParity, OneLayer) {
  this->compare("plain", x, {}, {});
  this->compare("no_bias", x, {}, {.bias = false});
  this->compare("batch_first", x_batch_first, {}, {.batch_first = true});
  this->compare("initial", x, {1, batch, hidden}, {});
  this->compare("bidirectional", x, {}, {.bidirectional = true});
  for (const bool batch_first : {false, true})
    this->compare("single", {steps, inputs}, {2, hidden},
                  {.batch_first = batch_first, .bidirectional = true});
}

TYPED_TEST(RecurrentParity, SeveralLayers) {
  this->compare("layers", x, {3, batch, hidden}, {.num_layers = 3});
  this->compare("deep", x, {4, batch, hidden}, {.num_layers = 2, .bidirectional = true});
}

TYPED_TEST(RecurrentParity, Lengths) {
  const Var lengths = Tensor::from<std::int64_t>({2, 4, 1}, {batch});
  this->compare("lengths", x, {1, batch, hidden}, {}, lengths);
  this->compare("deep_lengths", x, {}, {.num_layers = 2, .bidirectional = true}, lengths);
  this->compare("all", x_batch_first, {4, batch, hidden},
                {.num_layers = 2, .bias = false, .batch_first = true, .bidirectional = true},
                to(lengths, DType::i32));
}

TYPED_TEST(RecurrentParity, FullLengthsChangeNothing) {
  const Var lengths = Tensor::from<std::int64_t>({steps, steps, steps}, {batch});
  this->compare("deep", x, {4, batch, hidden}, {.num_layers = 2, .bidirectional = true}, lengths);
}

}  // namespace
}  // namespace sonde::testing
