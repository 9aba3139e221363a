// Where parameters meet data, and the inner products of their derivatives by both forms, against
// reverse mode with respect to one parameter, item by item.
#include "analysis/parameter_uses.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "analysis/use_forms.hpp"
#include "autograd/observe.hpp"
#include "autograd/ops.hpp"
#include "nn/init.hpp"
#include "tests/analysis/values.hpp"

namespace sonde {
namespace {

using testing::distance;

Tensor random(const Dims& shape, std::uint64_t seed) {
  return nn::normal_init(shape, 0, 0.7, {seed, 0}, DType::f64);
}

struct Case {
  std::string name;
  std::vector<Dims> parameters;
  Tensor batch;  // items along the first axis
  ItemFunction f;
  std::vector<std::size_t> used;    // parameters of the uses, in order
  std::vector<std::size_t> others;  // the rest that matters
};

// Some function of everything that gives three outputs.
Var read_out(const Var& x) {
  const Var flat = reshape(x, {1, -1});
  return reshape(tanh(matmul(flat, random({flat.size(1), 3}, 99))), {3});
}

Tensor tokens() {
  return Tensor::from<std::int64_t>({1, 4, 1, 0, 2, 2, 4, 0, 3, 3, 1, 4}, {3, 4});
}

std::vector<Case> products() {
  return {
      {"linear",
       {{5, 4}, {5}},
       random({3, 2, 4}, 1),
       [](const Vars& p, const Vars& x) { return read_out(tanh(linear(x[0], p[0], p[1]))); },
       {0},
       {1}},
      {"one_position",
       {{5, 4}},
       random({3, 4}, 1),
       [](const Vars& p, const Vars& x) { return read_out(tanh(matmul(p[0], x[0]))); },
       {0},
       {}},
      {"transposed_weight",
       {{4, 5}},
       random({3, 2, 2, 4}, 1),
       [](const Vars& p, const Vars& x) { return read_out(tanh(matmul(x[0], p[0]))); },
       {0},
       {}},
      {"transposed_data",
       {{5, 4}},
       random({3, 4, 2}, 1),
       [](const Vars& p, const Vars& x) {
         return read_out(tanh(matmul(x[0], p[0], {.a = true, .b = true})));
       },
       {0},
       {}},
      {"weight_left",
       {{5, 4}, {4, 5}},
       random({3, 4, 2}, 1),
       [](const Vars& p, const Vars& x) {
         const Var h = tanh(matmul(p[0], x[0]));
         return read_out(matmul(p[1], transpose(h), {.b = true}));
       },
       {0, 1},
       {}},
      {"a_weight_for_each_group",
       {{2, 5, 4}},
       random({3, 2, 3, 4}, 1),
       [](const Vars& p, const Vars& x) { return read_out(tanh(matmul(x[0], p[0], {.b = true}))); },
       {0},
       {}},
      {"lstm",
       {{12, 2}, {12, 3}, {12}, {12}},
       random({3, 4, 2}, 1),
       [](const Vars& p, const Vars& x) {
         return read_out(lstm(unsqueeze(x[0], 1), {}, {p[0], p[1], p[2], p[3]}).y);
       },
       {0, 1},
       {2, 3}},
  };
}

std::vector<Case> layers() {
  return {
      {"convolution",
       {{4, 2, 3, 2}, {4}},
       random({3, 4, 6, 5}, 1),
       [](const Vars& p, const Vars& x) {
         return read_out(
             tanh(conv2d(x[0], p[0], p[1],
                         {.stride = {2, 1}, .padding = {1, 0}, .dilation = {2, 3}, .groups = 2})));
       },
       {0},
       {1}},
      {"a_filter_for_each_channel",
       {{4, 1, 3, 3}},
       random({3, 4, 3, 3}, 1),
       [](const Vars& p, const Vars& x) {
         return read_out(tanh(conv2d(unsqueeze(x[0], 0), p[0], {}, {.groups = 4})));
       },
       {0},
       {}},
      {"convolution_along_one_axis",
       {{4, 2, 3}},
       random({3, 2, 6}, 1),
       [](const Vars& p, const Vars& x) {
         return read_out(tanh(conv1d(x[0], p[0], {}, {.padding = 1})));
       },
       {0},
       {}},
      {"rows_of_a_table_by_position",
       {{5, 4}},
       random({3, 2, 4}, 1),
       [](const Vars& p, const Vars& x) {
         const Tensor places = Tensor::from<std::int64_t>({1, 3}, {2});
         return read_out(tanh(add(x[0], embedding(places, p[0]))));
       },
       {0},
       {}},
      {"lookup",
       {{5, 3}},
       tokens(),
       [](const Vars& p, const Vars& x) { return read_out(tanh(embedding(x[0], p[0]))); },
       {0},
       {}},
  };
}

std::vector<Case> several() {
  return {
      {"used_twice",
       {{4, 4}},
       random({3, 2, 4}, 1),
       [](const Vars& p, const Vars& x) {
         return read_out(linear(tanh(linear(x[0], p[0])), p[0]));
       },
       {0},
       {}},
      {"parts_of_one",
       {{6, 4}},
       random({3, 2, 4}, 1),
       [](const Vars& p, const Vars& x) {
         const Vars w = split(p[0], {3, 3}, 0);
         return read_out(concat({linear(x[0], w[0]), tanh(linear(x[0], w[1]))}, -1));
       },
       {0, 0},
       {}},
      {"parts_that_overlap",
       {{6, 4}},
       random({3, 2, 4}, 1),
       [](const Vars& p, const Vars& x) {
         return read_out(concat(
             {linear(x[0], slice(p[0], 0, 0, 3)), tanh(linear(x[0], slice(p[0], 0, 2, 6)))}, -1));
       },
       {},
       {0}},
      {"in_a_checkpoint",
       {{5, 4}},
       random({3, 2, 4}, 1),
       [](const Vars& p, const Vars& x) {
         const Function layer =
             checkpoint([](const Vars& in) { return make_vars(tanh(linear(in[0], in[1]))); });
         return read_out(layer(make_vars(x[0], p[0]))[0]);
       },
       {},
       {0}},
      {"both_ways_round",
       {{4, 4}},
       random({3, 2, 4}, 1),
       [](const Vars& p, const Vars& x) {
         return read_out(matmul(tanh(linear(x[0], p[0])), p[0]));
       },
       {},
       {0}},
      {"table_and_head",
       {{5, 3}},
       tokens(),
       [](const Vars& p, const Vars& x) {
         return read_out(linear(tanh(embedding(x[0], p[0])), p[0]));
       },
       {},
       {0}},
      {"one_row_for_all",
       {{1, 4}},
       random({3, 2, 4}, 1),
       [](const Vars& p, const Vars& x) {
         return read_out(tanh(linear(x[0], broadcast_to(p[0], {5, 4}))));
       },
       {},
       {0}},
      {"functions_of_parameters",
       {{4, 4}, {4, 4}, {1}, {2, 4}, {7}},
       random({3, 2, 4}, 1),
       [](const Vars& p, const Vars& x) {
         const Var w = matmul(p[0], p[1]), scaled = mul(exp(p[2]), add(x[0], p[3]));
         return read_out(tanh(linear(scaled, w)));
       },
       {},
       {0, 1, 2, 3}},
  };
}

std::vector<Case> all_cases() {
  std::vector<Case> all = products();
  for (const auto& more : {layers(), several()}) all.insert(all.end(), more.begin(), more.end());
  return all;
}

// [n, outputs, elements] by reverse mode, item by item.
Tensor jacobian_by_loop(const Case& c, const Vars& parameters, std::size_t parameter) {
  Vars all;
  for (std::int64_t i = 0; i < c.batch.size(0); ++i)
    all.push_back(reshape(jacobian(
                              [&](const Vars& p) {
                                Vars values = parameters;
                                values[parameter] = p[0];
                                return c.f(values, {c.batch.select(0, i)});
                              },
                              {parameters[parameter]})[0],
                          {3, -1}));
  return stack(all, 0).tensor();
}

// [n outputs, m outputs]
Tensor products_of(const Tensor& j1, const Tensor& j2) {
  return matmul(j1.reshape({-1, j1.size(2)}), j2.reshape({-1, j2.size(2)}), {.b = true}).tensor();
}

Tensor traced(const Tensor& k, std::int64_t n, std::int64_t m) {
  return sum(diagonal(reshape(k, {n, 3, m, 3}), 0, 1, 3), {2}).tensor();
}

Factors of_items(const Factors& f, std::int64_t begin, std::int64_t end) {
  return {f.input.slice(1, begin, end), f.cotangent.slice(1, begin, end)};
}

class Uses : public ::testing::TestWithParam<Case> {
 protected:
  Uses() {
    for (std::size_t i = 0; i < c_.parameters.size(); ++i)
      values_.push_back(random(c_.parameters[i], 10 + i));
  }
  const Case& c_ = GetParam();
  Vars values_;
};

TEST_P(Uses, AreFoundAndTheirInnerProductsAreThoseOfTheDerivatives) {
  const ParameterUses uses = parameter_uses(c_.f, values_, {c_.batch});
  std::vector<std::size_t> used;
  for (const Use& u : uses.uses) used.push_back(u.parameter);
  EXPECT_EQ(used, c_.used);
  EXPECT_EQ(uses.others, c_.others);
  const std::int64_t loops = counters().loop_fallbacks;
  const Derivatives d = derivatives(c_.f, values_, {c_.batch}, uses);
  EXPECT_EQ(counters().loop_fallbacks, loops);
  // Of items 0, 1, 2 with 1, 2: the sum over the uses of a parameter.
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (std::ranges::count(c_.used, i) == 0) continue;
    SCOPED_TRACE(i);
    const Tensor j = jacobian_by_loop(c_, values_, i), expected = products_of(j, j.slice(0, 1, 3));
    Var gram, grams_traced, multiplied;
    for (std::size_t k = 0; k < uses.uses.size(); ++k) {
      const Use& u = uses.uses[k];
      if (u.parameter != i) continue;
      const Factors& f = d.factors[k];
      const Factors some = of_items(f, 1, 3);
      const auto plus = [](Var& to, const Tensor& more) { to = to ? add(to, more) : Var(more); };
      plus(gram, gram_kernel(u, f, some, false));
      plus(grams_traced, gram_kernel(u, f, some, true));
      plus(multiplied, products_of(gradients(u, f), gradients(u, some)));
    }
    const double size = testing::largest(expected);
    EXPECT_GT(size, 1e-3);
    EXPECT_LT(distance(gram, expected), 1e-12 * size);
    EXPECT_LT(distance(multiplied, expected), 1e-12 * size);
    EXPECT_LT(distance(grams_traced, traced(expected, 3, 2)), 1e-12 * size);
  }
  for (std::size_t k = 0; k < uses.others.size(); ++k)
    EXPECT_LT(distance(d.others[k].tensor().reshape({3, 3, -1}),
                       jacobian_by_loop(c_, values_, uses.others[k])),
              1e-13);
}

TEST_P(Uses, CountAmongTheOthersIfAsked) {
  std::vector<std::size_t> all(values_.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  const ParameterUses uses = parameter_uses(c_.f, values_, {c_.batch}, all);
  EXPECT_TRUE(uses.uses.empty());
  EXPECT_EQ(uses.others, all);
  const Derivatives d = derivatives(c_.f, values_, {c_.batch}, uses);
  for (const std::size_t i : all)
    EXPECT_LT(distance(d.others[i].tensor().reshape({3, 3, -1}), jacobian_by_loop(c_, values_, i)),
              1e-13);
}

INSTANTIATE_TEST_SUITE_P(Of, Uses, ::testing::ValuesIn(all_cases()),
                         [](const auto& of) { return of.param.name; });

// With one output, squared norms of single items, many positions (derivatives are multiplied out)
// and few (Gram matrices).
TEST(UsesOfOneOutput, SquaredNorms) {
  for (const std::int64_t positions : {1, 40}) {
    const Tensor x = random({3, positions, 6}, 1), index = Tensor::zeros({3, 2}, DType::i64);
    const Vars values{random({5, 6}, 2)};
    const ItemFunction f = [](const Vars& p, const Vars& item) {
      return sum(tanh(linear(item[0], p[0])));
    };
    const ParameterUses uses = parameter_uses(f, values, {x});
    const Derivatives d = derivatives(f, values, {x}, uses);
    const Tensor g = gradients(uses.uses[0], d.factors[0]),
                 norms = squared_norms(uses.uses[0], d.factors[0]);
    EXPECT_LT(distance(norms, sum(mul(g, g), {1, 2})), 1e-12 * testing::largest(norms));
  }
}

}  // namespace
}  // namespace sonde
