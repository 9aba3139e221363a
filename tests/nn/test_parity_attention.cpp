// MultiHeadAttention against PyTorch, and against the variants that tests/parity/attention.py
// writes in PyTorch's operations.
#include "nn/attention.hpp"
#include "tests/parity/formula.hpp"

namespace sonde::testing {
namespace {

using nn::AttentionInputs;
using nn::AttentionScore;
using nn::Context;
using nn::MultiHeadAttention;
using nn::MultiHeadAttentionOptions;
using nn::QkvWeights;

constexpr std::int64_t batch = 2, queries = 3, keys = 4, width = 6, heads = 2;
const Dims x{queries, batch, width}, memory{keys, batch, width}, batch_x{batch, queries, width},
    batch_memory{batch, keys, width};

Var padding() {
  const std::int64_t hidden[] = {0, 0, 1, 1, 0, 1, 1, 0};
  return Tensor::from<std::int64_t>(hidden, {batch, keys}).to(DType::boolean);
}

// Of the formula; a query sees its own key at least.
Var hidden_keys() {
  Tensor mask = integer_values("attention.mask", {queries, queries}, 2);
  for (std::int64_t i = 0; i < queries; ++i) mask.data<std::int64_t>()[i * (queries + 1)] = 0;
  return mask.to(DType::boolean);
}

// Uniform values for a shape, or the tensor itself.
struct Input {
  Input(const Dims& s) : shape(s) {}
  Input(const Var& v) : value(v) {}
  Dims shape;
  Var value;
};

class AttentionParity : public ::testing::Test {
 protected:
  using Call = std::function<AttentionInputs(const Vars&)>;

  void compare(const std::string& key, const MultiHeadAttentionOptions& options,
               const std::vector<Input>& inputs, const Call& call) {
    MultiHeadAttention attention(width, heads, {1, 0}, options);
    fill(attention);
    Vars in;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      in.push_back(inputs[i].value
                       ? inputs[i].value
                       : Var(uniform_values(fmt::format("{}.in{}", key, i), inputs[i].shape)));
    fixture_.expect_module(
        key, attention, [&](Context& ctx, const Vars& v) { return attention.attend(ctx, call(v)); },
        in);
  }

  Fixture fixture_{"attention"};
};

AttentionInputs alone(const Vars& v) {
  return {.query = v[0]};
}
AttentionInputs masked(const Vars& v) {
  return {.query = v[0], .attn_mask = v[1]};
}
AttentionInputs with_memory(const Vars& v) {
  return {.query = v[0], .key = v[1], .value = v[1]};
}
AttentionInputs padded(const Vars& v) {
  return {.query = v[0], .key = v[1], .key_padding_mask = v[2]};
}

TEST_F(AttentionParity, Self) {
  compare("self", {}, {x}, alone);
  compare("self_batch_first", {.batch_first = true}, {batch_x}, alone);
  compare("self_no_bias", {.qkv_bias = false, .out_bias = false}, {x}, alone);
  compare("single", {}, {Dims{queries, width}}, alone);
  compare("single", {.batch_first = true}, {Dims{queries, width}}, alone);
  compare("causal", {}, {x},
          [](const Vars& v) { return AttentionInputs{.query = v[0], .is_causal = true}; });
}

TEST_F(AttentionParity, WeightsOfTheirOwnChangeNothing) {
  compare("self", {.need_weights = true}, {x}, alone);
  compare("bool_mask", {.need_weights = true}, {x, hidden_keys()}, masked);
  compare("float_mask", {.need_weights = true}, {x, Dims{queries, queries}}, masked);
  compare("causal", {.need_weights = true}, {x},
          [](const Vars& v) { return AttentionInputs{.query = v[0], .is_causal = true}; });
}

TEST_F(AttentionParity, Masks) {
  compare("bool_mask", {}, {x, hidden_keys()}, masked);
  compare("float_mask", {}, {x, Dims{queries, queries}}, masked);
  compare("head_masks", {}, {x, Dims{batch * heads, queries, queries}}, masked);
  compare("padding", {}, {x, memory, padding()}, padded);
  compare("float_padding", {}, {x, memory, Dims{batch, keys}}, padded);
  compare("padding_and_mask", {}, {x, memory, Dims{queries, keys}}, [](const Vars& v) {
    return AttentionInputs{
        .query = v[0], .key = v[1], .attn_mask = v[2], .key_padding_mask = padding()};
  });
  compare("single_padding", {},
          {Dims{queries, width}, Dims{keys, width}, Var(padding().tensor().select(0, 0))}, padded);
}

TEST_F(AttentionParity, Cross) {
  const Call three = [](const Vars& v) {
    return AttentionInputs{.query = v[0], .key = v[1], .value = v[2]};
  };
  compare("cross", {}, {x, memory}, with_memory);
  compare("cross_value", {}, {x, memory, memory}, three);
  compare("cross_sizes", {.kdim = 5, .vdim = 7}, {x, Dims{keys, batch, 5}, Dims{keys, batch, 7}},
          three);
}

TEST_F(AttentionParity, Projections) {
  compare("head_dim", {.head_dim = 5, .batch_first = true}, {batch_x}, alone);
  compare("qkv", {.weights = QkvWeights::qkv, .batch_first = true}, {batch_x}, alone);
  compare("qkv_no_bias",
          {.head_dim = 4, .weights = QkvWeights::qkv, .qkv_bias = false, .batch_first = true},
          {batch_x}, alone);
  compare("separate", {.weights = QkvWeights::separate, .out_bias = false, .batch_first = true},
          {batch_x, batch_memory}, with_memory);
  compare("no_out_proj", {.head_dim = 4, .out_proj = false, .batch_first = true}, {batch_x}, alone);
}

TEST_F(AttentionParity, Temperature) {
  compare("scale", {.scale = 0.3, .batch_first = true}, {batch_x}, alone);
  for (const bool need_weights : {false, true}) {
    compare("temperature",
            {.learned_temperature = true, .batch_first = true, .need_weights = need_weights},
            {batch_x}, alone);
    compare("locality",
            {.head_dim = 4,
             .learned_temperature = true,
             .mask_diagonal = true,
             .weights = QkvWeights::qkv,
             .qkv_bias = false,
             .batch_first = true,
             .need_weights = need_weights},
            {batch_x}, alone);
  }
  compare("locality_relu2_l1",
          {.score = AttentionScore::relu2_l1,
           .learned_temperature = true,
           .mask_diagonal = true,
           .batch_first = true},
          {batch_x}, alone);
}

TEST_F(AttentionParity, Scores) {
  for (const auto score :
       {AttentionScore::relu, AttentionScore::relu2_l1, AttentionScore::linear}) {
    const std::string name(to_string(score));
    const MultiHeadAttentionOptions options{.score = score, .batch_first = true};
    compare(name, options, {batch_x}, alone);
    compare(name + "_causal", options, {batch_x},
            [](const Vars& v) { return AttentionInputs{.query = v[0], .is_causal = true}; });
    compare(name + "_masks", options,
            {batch_x, batch_memory, Dims{batch, heads, queries, keys}, padding()},
            [](const Vars& v) {
              return AttentionInputs{
                  .query = v[0], .key = v[1], .attn_mask = v[2], .key_padding_mask = v[3]};
            });
  }
}

}  // namespace
}  // namespace sonde::testing
