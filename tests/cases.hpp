/// @file
/// The table of primitives: one row (or a few) per primitive, from which tests/suite generates
/// every check. Rows are data; the suite walks them with code that is not a template.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "autograd/ops.hpp"

namespace sonde::testing {

/// How the values of an input are drawn.
enum class Draw {
  uniform,   ///< reals, uniform in [low, high]
  distinct,  ///< reals, evenly spread over [low, high] in random order: no ties, no kinks between
             ///< near values
  away,      ///< reals, |x| uniform in [low, high], random sign: away from a kink at 0
  index,     ///< i64, uniform in {low, ..., high - 1}
  boolean,   ///< bool, a fair coin
  key,       ///< a random i64[2] key (shape is ignored)
  exact      ///< the values given, in the float type under test
};

struct Input {
  Dims shape;
  Draw draw = Draw::uniform;
  double low = -1.5, high = 1.5;
  std::vector<double> values{};  ///< for Draw::exact
};

struct Case {
  std::string name;  ///< "add_broadcast": the test's name
  std::vector<Input> inputs;
  std::function<Vars(const Vars&)> f;  ///< calls the op(s)
  /// Forward reference in float64: a naive computation of the first output from float64 inputs.
  /// Optional.
  std::function<Tensor(const Tensors&)> reference{};
  int order = 3;  ///< highest order of derivative checked; 0 for integer outputs and the like
  double tolerance = 1;  ///< multiplies the suite's tolerances (ill-conditioned rows; say why)
  bool f32 = true;       ///< also in float32
};

using Cases = std::vector<Case>;

// One function per family, in tests/cases/<family>.cpp.
void arithmetic_cases(Cases& cases);
void attention_cases(Cases& cases);
void conv_cases(Cases& cases);
void linalg_cases(Cases& cases);
void matmul_cases(Cases& cases);
void lstm_cases(Cases& cases);
void math_cases(Cases& cases);
void norm_cases(Cases& cases);
void pool_cases(Cases& cases);
void reduce_cases(Cases& cases);
void softmax_cases(Cases& cases);
void index_cases(Cases& cases);
void random_cases(Cases& cases);
void transform_cases(Cases& cases);
void view_cases(Cases& cases);

inline Cases all_cases() {
  Cases cases;
  arithmetic_cases(cases);
  attention_cases(cases);
  conv_cases(cases);
  linalg_cases(cases);
  matmul_cases(cases);
  lstm_cases(cases);
  math_cases(cases);
  norm_cases(cases);
  pool_cases(cases);
  reduce_cases(cases);
  softmax_cases(cases);
  index_cases(cases);
  random_cases(cases);
  transform_cases(cases);
  view_cases(cases);
  return cases;
}

/// A row for a function of one Var.
inline std::function<Vars(const Vars&)> unary(Var (*op)(Operand)) {
  return [op](const Vars& x) { return make_vars(op(x[0])); };
}
/// A row for a function of two Vars.
inline std::function<Vars(const Vars&)> binary(Var (*op)(Operand, Operand)) {
  return [op](const Vars& x) { return make_vars(op(x[0], x[1])); };
}

}  // namespace sonde::testing
