#include <cmath>

#include "tests/cases.hpp"

namespace sonde::testing {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double scale = 0.7;

// q [T,d], k [S,d], v [S,e]; `seen(t, s)` says which keys a query sees.
Tensor naive_attention(const Tensors& in,
                       const std::function<bool(std::int64_t, std::int64_t)>& seen) {
  const auto q = in[0].to_vector<double>(), k = in[1].to_vector<double>(),
             v = in[2].to_vector<double>();
  const std::int64_t queries = in[0].size(0), keys = in[1].size(0), d = in[0].size(1),
                     e = in[2].size(1);
  std::vector<double> o(static_cast<std::size_t>(queries * e), 0);
  for (std::int64_t t = 0; t < queries; ++t) {
    double sum = 0;
    for (std::int64_t s = 0; s < keys; ++s) {
      if (!seen(t, s)) continue;
      double score = 0;
      for (std::int64_t i = 0; i < d; ++i) score += q[t * d + i] * k[s * d + i];
      const double p = std::exp(scale * score);
      sum += p;
      for (std::int64_t i = 0; i < e; ++i) o[t * e + i] += p * v[s * e + i];
    }
    for (std::int64_t i = 0; i < e && sum > 0; ++i) o[t * e + i] /= sum;
  }
  return Tensor::from<double>(o, {queries, e});
}

}  // namespace

void attention_cases(Cases& cases) {
  auto row = [&](const std::string& name, std::vector<Input> inputs, bool causal = false) {
    cases.push_back({name, std::move(inputs), [causal](const Vars& x) {
                       const Var mask = x.size() > 3 ? x[3] : Var();
                       return make_vars(
                           scaled_dot_product_attention(x[0], x[1], x[2], mask, causal, scale));
                     }});
  };
  const Input q{{3, 2}}, k{{4, 2}}, v{{4, 3}};
  row("attention", {q, k, v});
  cases.back().reference = [](const Tensors& in) {
    return naive_attention(in, [](auto, auto) { return true; });
  };
  row("attention_causal", {q, k, v}, true);
  cases.back().reference = [](const Tensors& in) {
    return naive_attention(in, [](auto t, auto s) { return s <= t; });
  };
  row("attention_heads", {{{2, 2, 2, 2}}, {{2, 1, 2, 2}}, {{2, 2, 2, 1}}});
  row("attention_padding", {{{2, 3, 2}}, {{2, 3, 2}}, {{2, 3, 2}}, {{2, 1, 3}, Draw::boolean}});
  row("attention_hidden_rows", {q, k, v, {{3, 1}, Draw::boolean}});
  row("attention_bias", {{{2, 2, 2}}, {{2, 3, 2}}, {{2, 3, 2}}, {{2, 3}}});
  row("attention_bias_causal", {q, k, v, {{1}}}, true);
  row("attention_one", {{{1, 1}}, {{1, 1}}, {{1, 1}}});
  row("attention_no_key", {{{2, 3}}, {{0, 3}}, {{0, 2}}});
  row("attention_no_query", {{{0, 3}}, {{2, 3}}, {{2, 2}}});
  row("attention_no_head", {{{0, 2, 3}}, {{0, 2, 3}}, {{0, 2, 2}}});
  cases.push_back(
      {"attention_minus_infinity",
       {q, q, q, {{3, 3}, Draw::exact, 0, 0, {0, -inf, 1, -inf, -inf, -inf, 0, 0, -inf}}},
       [](const Vars& x) {
         return make_vars(scaled_dot_product_attention(x[0], x[1], x[2], x[3]));
       },
       {},
       0});
}

}  // namespace sonde::testing
