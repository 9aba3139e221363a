#include <cmath>
#include <numbers>

#include "tests/cases.hpp"

namespace sonde::testing {
namespace {

std::function<Tensor(const Tensors&)> naive(double (*f)(double)) {
  return [f](const Tensors& in) {
    auto x = in[0].to_vector<double>();
    for (double& v : x) v = f(v);
    return Tensor::from<double>(x, in[0].shape());
  };
}

std::function<Tensor(const Tensors&)> naive(double (*f)(double, double)) {
  return [f](const Tensors& in) {
    auto a = in[0].to_vector<double>();
    const auto b = in[1].to_vector<double>();
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = f(a[i], b[i]);
    return Tensor::from<double>(a, in[0].shape());
  };
}

using Named1 = std::pair<const char*, Var (*)(Operand)>;
using Named2 = std::pair<const char*, Var (*)(Operand, Operand)>;

// A smooth function on [low, high], or on low <= |x| <= high.
void smooth(Cases& cases, const char* name, Var (*op)(Operand), double (*f)(double),
            double low = -1.5, double high = 1.5, Draw draw = Draw::uniform) {
  cases.push_back({name, {{{2, 3}, draw, low, high}}, unary(op), naive(f)});
}

double sigmoid_of(double x) {
  return 1 / (1 + std::exp(-x));
}
double normal_cdf(double x) {
  return std::erfc(-x / std::numbers::sqrt2) / 2;
}

void unary_rows(Cases& c) {
  smooth(c, "exp", exp, std::exp);
  smooth(c, "expm1", expm1, std::expm1);
  smooth(c, "log", log, std::log, 0.3, 2);
  smooth(c, "log1p", log1p, std::log1p, -0.5, 2);
  smooth(c, "sqrt", sqrt, std::sqrt, 0.5, 2);
  smooth(
      c, "rsqrt", rsqrt, [](double x) { return 1 / std::sqrt(x); }, 0.5, 2);
  smooth(
      c, "reciprocal", reciprocal, [](double x) { return 1 / x; }, 0.5, 2, Draw::away);
  smooth(c, "square", square, [](double x) { return x * x; });
  smooth(c, "sin", sin, std::sin);
  smooth(c, "cos", cos, std::cos);
  smooth(c, "tan", tan, std::tan, -1, 1);
  smooth(c, "sinh", sinh, std::sinh);
  smooth(c, "cosh", cosh, std::cosh);
  smooth(c, "asin", asin, std::asin, -0.7, 0.7);
  smooth(c, "acos", acos, std::acos, -0.7, 0.7);
  smooth(c, "atan", atan, std::atan);
  smooth(c, "erf", erf, std::erf);
  smooth(c, "erfc", erfc, std::erfc);
  smooth(c, "abs", abs, std::fabs, 0.5, 2, Draw::away);
  for (auto [name, op] :
       std::initializer_list<Named1>{{"exp", exp}, {"abs", abs}, {"square", square}}) {
    c.push_back({std::string(name) + "_rank0", {{{}, Draw::away, 0.5, 1}}, unary(op)});
    c.push_back({std::string(name) + "_empty", {{{3, 0}}}, unary(op)});
  }
}

// Zero derivative everywhere.
void step_rows(Cases& c) {
  auto step = [&c](const char* name, Var (*op)(Operand), double (*f)(double)) {
    c.push_back({.name = name,
                 .inputs = {{{7}, Draw::exact, 0, 0, {-1.5, -0.25, 0, 0.5, 1.5, 2.5, 2.75}}},
                 .f = unary(op),
                 .reference = naive(f),
                 .order = 0});
  };
  step("sign", sign, [](double x) -> double { return (x > 0) - (x < 0); });
  step("floor", floor, std::floor);
  step("ceil", ceil, std::ceil);
  step("round", round, std::nearbyint);
  step("trunc", trunc, std::trunc);
}

void binary_rows(Cases& c) {
  const Input positive{{2, 3}, Draw::uniform, 0.5, 2}, any{{2, 3}},
      row{{3}, Draw::uniform, 0.5, 1.5};
  c.push_back({"pow", {positive, any}, binary(pow), naive(std::pow)});
  c.push_back({"pow_broadcast", {{{2, 1}, Draw::uniform, 0.5, 2}, row}, binary(pow)});
  for (double power : {-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0})
    c.push_back({fmt::format("pow_{}", power), {positive}, [power](const Vars& x) {
                   return make_vars(add(pow(x[0], power), x[0]));
                 }});
  c.push_back({"pow_cube_at_zero", {{{3}, Draw::exact, 0, 0, {0, -1, 2}}}, [](const Vars& x) {
                 return make_vars(pow(x[0], 3.0));
               }});
  c.push_back({"maximum",
               {{{2, 3}, Draw::distinct}, {{2, 3}, Draw::distinct, -1.1, 2}},
               binary(maximum),
               naive(std::fmax)});
  c.push_back({"minimum",
               {{{2, 3}, Draw::distinct}, {{2, 3}, Draw::distinct, -1.1, 2}},
               binary(minimum),
               naive(std::fmin)});
  // At a tie both operands take half, in every mode; differences do not exist.
  c.push_back({"maximum_scalar", {{{5}, Draw::away, 0.5, 2}}, [](const Vars& x) {
                 return make_vars(maximum(x[0], 0.1));
               }});
  c.push_back({"minimum_broadcast",
               {{{2, 1}, Draw::distinct}, {{3}, Draw::distinct, -1.1, 2}},
               binary(minimum)});
  c.push_back({"atan2",
               {{{2, 3}, Draw::away, 0.5, 2}, {{2, 3}, Draw::away, 0.5, 2}},
               binary(atan2),
               naive(std::atan2)});
  const Input numerator{{4}, Draw::exact, 0, 0, {5.3, -5.3, 2.2, -0.4}},
      denominator{{4}, Draw::exact, 0, 0, {2, 1.5, -0.9, 0.7}};
  c.push_back({"fmod", {numerator, denominator}, binary(fmod), naive(std::fmod)});
  c.push_back(
      {"remainder", {numerator, denominator}, binary(remainder), naive([](double a, double b) {
         return a - b * std::floor(a / b);
       })});
  const Input column{{2, 1}, Draw::exact, 0, 0, {5.3, -5.3}};
  c.push_back({"fmod_broadcast", {column, denominator}, binary(fmod)});
  c.push_back({"remainder_broadcast", {column, denominator}, binary(remainder)});
  c.push_back({"clamp",
               {{{6}, Draw::exact, 0, 0, {-3, -1.5, -0.5, 0.5, 1.5, 3}}},
               [](const Vars& x) { return make_vars(mul(clamp(x[0], -1, 2), x[0])); }});
}

void activation_rows(Cases& c) {
  smooth(c, "tanh", tanh, std::tanh);
  smooth(c, "sigmoid", sigmoid, sigmoid_of);
  smooth(c, "silu", silu, [](double x) { return x * sigmoid_of(x); });
  smooth(c, "gelu", gelu, [](double x) { return x * normal_cdf(x); });
  smooth(c, "gelu_tanh", gelu_tanh, [](double x) {
    return x / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
  });
  smooth(
      c, "relu", relu, [](double x) { return std::fmax(x, 0); }, 0.5, 2, Draw::away);
  const Input around{{2, 3}, Draw::away, 0.5, 2};
  c.push_back(
      {"leaky_relu", {around}, [](const Vars& x) { return make_vars(leaky_relu(x[0], 0.2)); }});
  c.push_back({"elu", {around}, [](const Vars& x) { return make_vars(elu(x[0], 1.3)); }});
  c.push_back(
      {"softplus", {around}, [](const Vars& x) { return make_vars(softplus(x[0], 2, 3)); }});
  c.push_back({"relu_empty", {{{0}}}, unary(relu)});
  c.push_back({"gelu_rank0", {{{}}}, unary(gelu)});
}

void compare_rows(Cases& c) {
  const Input a{{6}, Draw::exact, 0, 0, {-1, 0, 0, 1, 2, 2}},
      b{{6}, Draw::exact, 0, 0, {0, -1, 0, 1, 2, 3}};
  for (auto [name, op] : std::initializer_list<Named2>{{"eq", eq},
                                                       {"ne", ne},
                                                       {"lt", lt},
                                                       {"le", le},
                                                       {"gt", gt},
                                                       {"ge", ge},
                                                       {"logical_and", logical_and},
                                                       {"logical_or", logical_or},
                                                       {"logical_xor", logical_xor}})
    c.push_back({.name = name, .inputs = {a, b}, .f = binary(op), .order = 0});
  // 1/x and 0 x / x of 0 are infinity and NaN.
  for (auto [name, op] : std::initializer_list<Named1>{{"isnan", isnan},
                                                       {"isinf", isinf},
                                                       {"isfinite", isfinite},
                                                       {"logical_not", logical_not}})
    c.push_back({.name = name,
                 .inputs = {{{4}, Draw::exact, 0, 0, {0, 1, -2, 0}}},
                 .f =
                     [op](const Vars& x) {
                       return make_vars(op(x[0]), op(reciprocal(x[0])), op(x[0] / x[0]));
                     },
                 .order = 0});
  auto choose = [](const Vars& x) { return make_vars(where(x[0], x[1], x[2])); };
  c.push_back({"where", {{{2, 3}, Draw::boolean}, {{2, 3}}, {{2, 3}}}, choose});
  c.push_back({"where_broadcast", {{{2, 1}, Draw::boolean}, {{3}}, {{}}}, choose});
  c.push_back({"where_scalar", {{{4}, Draw::boolean}, {{4}}}, [](const Vars& x) {
                 return make_vars(where(x[0], square(x[1]), 0.5));
               }});
}

}  // namespace

void math_cases(Cases& cases) {
  unary_rows(cases);
  step_rows(cases);
  binary_rows(cases);
  activation_rows(cases);
  compare_rows(cases);
}

}  // namespace sonde::testing
