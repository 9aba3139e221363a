#include "tests/cases.hpp"

namespace sonde::testing {
namespace {

// f(a, b) element by element, for operands of one shape.
std::function<Tensor(const Tensors&)> elementwise(double (*f)(double, double)) {
  return [f](const Tensors& in) {
    const auto a = in[0].to_vector<double>(), b = in[1].to_vector<double>();
    std::vector<double> y;
    for (std::size_t i = 0; i < a.size(); ++i) y.push_back(f(a[i], b[i]));
    return Tensor::from<double>(y, in[0].shape());
  };
}

void binary_rows(Cases& cases, const std::string& name, Var (*op)(Operand, Operand),
                 double (*f)(double, double), Draw second) {
  const Input scalar{{}, second, 0.5, 2};
  cases.push_back({name, {{{2, 3}}, {{2, 3}, second, 0.5, 2}}, binary(op), elementwise(f)});
  cases.push_back({name + "_broadcast", {{{4, 1, 3}}, {{2, 1}, second, 0.5, 2}}, binary(op)});
  cases.push_back({name + "_scalar", {{{3}}, scalar}, binary(op)});
  cases.push_back({name + "_rank0", {{{}}, scalar}, binary(op), elementwise(f)});
  cases.push_back({name + "_empty", {{{0, 3}}, {{1, 3}, second, 0.5, 2}}, binary(op)});
  cases.push_back({name + "_aliased", {{{5}, Draw::away, 0.5, 2}}, [op](const Vars& x) {
                     return make_vars(op(x[0], x[0]));
                   }});
}

}  // namespace

void arithmetic_cases(Cases& cases) {
  cases.push_back({"neg", {{{2, 3}}}, unary(neg)});
  cases.push_back({"neg_rank0", {{{}}}, unary(neg)});
  binary_rows(
      cases, "add", add, [](double a, double b) { return a + b; }, Draw::uniform);
  binary_rows(
      cases, "sub", sub, [](double a, double b) { return a - b; }, Draw::uniform);
  binary_rows(
      cases, "mul", mul, [](double a, double b) { return a * b; }, Draw::uniform);
  binary_rows(
      cases, "div", div, [](double a, double b) { return a / b; }, Draw::away);
  cases.push_back({"cast", {{{2, 3}}}, [](const Vars& x) {
                     return make_vars(mul(to(to(x[0], DType::f64), x[0].dtype()), x[0]));
                   }});
  cases.push_back(
      {.name = "cast_to_f32",
       .inputs = {{{2, 3}}},
       .f = [](const Vars& x) { return make_vars(to(to(x[0], DType::f32), x[0].dtype())); },
       .order = 0});
  cases.push_back({"to_device", {{{2, 3}}}, [](const Vars& x) {
                     const Var there_and_back = to(to(x[0], Device{}), x[0].device());
                     return make_vars(mul(there_and_back, x[0]));
                   }});
  cases.push_back({"stop_gradient",
                   {{{3}}},
                   [](const Vars& x) { return make_vars(mul(stop_gradient(mul(x[0], 2.0)), 1.5)); },
                   {},
                   0});
}

}  // namespace sonde::testing
