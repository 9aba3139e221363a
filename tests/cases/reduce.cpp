#include <cmath>

#include "tests/cases.hpp"

namespace sonde::testing {
namespace {

using Reduce = Var (*)(Operand, const Dims&, bool);

std::function<Vars(const Vars&)> over(Reduce op, Dims axes, bool keepdim = false) {
  return [=](const Vars& x) { return make_vars(op(x[0], axes, keepdim)); };
}

// fold over the last axis of [2,3,4].
std::function<Tensor(const Tensors&)> last_axis(double start, double (*fold)(double, double)) {
  return [=](const Tensors& in) {
    const auto x = in[0].to_vector<double>();
    std::vector<double> y(6, start);
    for (std::size_t i = 0; i < x.size(); ++i) y[i / 4] = fold(y[i / 4], x[i]);
    return Tensor::from<double>(y, {2, 3});
  };
}

void every_axis(Cases& c, const std::string& name, Reduce op, Draw draw, double low, double high,
                int order) {
  const Input x{{2, 3, 4}, draw, low, high};
  auto add = [&](const char* what, const Input& in, auto f) {
    c.push_back({.name = name + what, .inputs = {in}, .f = f, .order = order});
  };
  add("_first", x, over(op, {0}));
  add("_middle", x, over(op, {1}, true));
  add("_outer", x, over(op, {0, -1}));
  add("_all", x, over(op, {}));
  add("_all_keepdim", x, over(op, {}, true));
  add("_rank0", {{}, draw, low, high}, over(op, {}));
}

void reduction_rows(Cases& c) {
  const Input x{{2, 3, 4}, Draw::distinct};
  c.push_back({"sum", {x}, over(sum, {2}), last_axis(0, [](double a, double b) { return a + b; })});
  c.push_back(
      {"prod", {x}, over(prod, {2}), last_axis(1, [](double a, double b) { return a * b; })});
  c.push_back({"amax", {x}, over(amax, {2}), last_axis(-1e9, [](double a, double b) {
                 return std::fmax(a, b);
               })});
  c.push_back({"amin", {x}, over(amin, {2}), last_axis(1e9, [](double a, double b) {
                 return std::fmin(a, b);
               })});
  every_axis(c, "sum", sum, Draw::uniform, -1, 1, 3);
  every_axis(c, "prod", prod, Draw::away, 0.5, 1.5, 3);
  every_axis(c, "amax", amax, Draw::distinct, -1, 1, 3);
  every_axis(c, "amin", amin, Draw::distinct, -1, 1, 3);
  every_axis(c, "mean", mean, Draw::uniform, -1, 1, 3);
  every_axis(c, "logsumexp", logsumexp, Draw::uniform, -1, 1, 3);
  every_axis(c, "any", any, Draw::uniform, -1, 1, 0);
  every_axis(c, "all", all, Draw::uniform, -1, 1, 0);
  for (auto [name, op] : std::initializer_list<std::pair<std::string, Reduce>>{
           {"sum", sum}, {"prod", prod}, {"any", any}}) {
    c.push_back({.name = name + "_of_nothing",
                 .inputs = {{{3, 0}}},
                 .f = over(op, {1}),
                 .order = name == "any" ? 0 : 3});
    c.push_back({.name = name + "_to_nothing",
                 .inputs = {{{3, 0}}},
                 .f = over(op, {0}),
                 .order = name == "any" ? 0 : 3});
  }
  // One, two and three zeros in a product; products of one and of an odd number of factors.
  c.push_back(
      {"prod_zeros",
       {{{4, 5}, Draw::exact, 0, 0, {1, 2, 0, 3, -1, 0, 2, 0, 3, 1, 0, 0, 0, 2, 1, 1, 2, 3, 4, 5}}},
       over(prod, {1})});
  c.push_back({"prod_one_factor", {{{3, 1}}}, over(prod, {1})});
  c.push_back({"prod_seven_factors", {{{7, 2}, Draw::away, 0.5, 1.5}}, over(prod, {0})});
}

void choice_rows(Cases& c) {
  // Ties: amax shares, max takes the first. Differences do not exist there, so only values are
  // checked.
  const Input ties{{2, 3}, Draw::exact, 0, 0, {1, 3, 3, 2, 2, 2}};
  c.push_back({.name = "argmax",
               .inputs = {ties},
               .f = [](const Vars& x) { return make_vars(argmax(x[0], 1), argmax(x[0], 0, true)); },
               .order = 0});
  c.push_back(
      {.name = "argmin",
       .inputs = {ties},
       .f = [](const Vars& x) { return make_vars(argmin(x[0], -1), argmin(x[0], 0, true)); },
       .order = 0});
  const Input x{{2, 3, 4}, Draw::distinct};
  c.push_back({"max", {x}, [](const Vars& v) {
                 return make_vars(max(v[0], 1).values, max(v[0], 1).indices);
               }});
  c.push_back({"min", {x}, [](const Vars& v) { return make_vars(min(v[0], -1, true).values); }});
}

void statistic_rows(Cases& c) {
  const Input x{{3, 4}};
  c.push_back({"deviance", {x}, [](const Vars& v) { return make_vars(deviance(v[0], {1})); }});
  c.push_back({"deviance_apart", {{{2, 3, 4}}}, [](const Vars& v) {
                 return make_vars(deviance(v[0], {0, 2}, true));
               }});
  c.push_back({"deviance_of_none", {{{3, 0}}}, [](const Vars& v) {
                 return make_vars(deviance(v[0], {1}));
               }});
  c.push_back({"var", {x}, [](const Vars& v) { return make_vars(var(v[0], {1})); }});
  c.push_back(
      {"var_biased", {x}, [](const Vars& v) { return make_vars(var(v[0], {0}, 0, true)); }});
  c.push_back({"std", {x}, [](const Vars& v) { return make_vars(sonde::std(v[0])); }});
  c.push_back({"norm", {x}, [](const Vars& v) { return make_vars(norm(v[0], 2, {1})); }});
  c.push_back({"norm_3", {{{3, 4}, Draw::away, 0.5, 1.5}}, [](const Vars& v) {
                 return make_vars(norm(v[0], 3, {1}));
               }});
  c.push_back({"norm_1", {{{3, 4}, Draw::away, 0.5, 1.5}}, [](const Vars& v) {
                 return make_vars(norm(v[0], 1));
               }});
  c.push_back({"norm_inf", {{{3, 4}, Draw::distinct, 0.5, 2}}, [](const Vars& v) {
                 return make_vars(norm(v[0], INFINITY, {0}, true));
               }});
  c.push_back({"cumsum", {{{2, 3, 4}}}, [](const Vars& v) { return make_vars(cumsum(v[0], 1)); }});
  c.push_back({"cumsum_reverse", {{{2, 5}}}, [](const Vars& v) {
                 return make_vars(cumsum(square(v[0]), -1, true));
               }});
  c.push_back(
      {"cumsum_empty", {{{2, 0}}}, [](const Vars& v) { return make_vars(cumsum(v[0], 1)); }});
}

}  // namespace

void reduce_cases(Cases& cases) {
  reduction_rows(cases);
  choice_rows(cases);
  statistic_rows(cases);
}

}  // namespace sonde::testing
