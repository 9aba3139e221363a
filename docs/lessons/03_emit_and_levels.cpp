// Lesson 3: emit and levels. Why two derivatives at once need to know which of them a number
// belongs to.
#include <fmt/core.h>

#include "autograd/observe.hpp"
#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"

namespace {

// --- a toy of forward mode, and how it goes wrong
namespace toy {

struct Dual {  // value + slope * epsilon: one epsilon for everybody
  double value, slope = 0;
};
Dual operator+(Dual a, Dual b) {
  return {a.value + b.value, a.slope + b.slope};
}
Dual operator*(Dual a, Dual b) {
  return {a.value * b.value, a.slope * b.value + a.value * b.slope};
}

template <class F>
Dual derivative(F f, double x) {
  return {f(Dual{x, 1}).slope};
}

// d/dx [ x * d/dy (x + y) ]: the inner derivative is 1, so the whole is d/dx [ x * 1 ] = 1.
double nested() {
  return derivative(
             [](Dual x) {
               auto inner = [&](Dual y) { return x + y; };  // x brings its own slope along
               return x * derivative(inner, 1);
             },
             1)
      .value;
}

}  // namespace toy

// --- the same in Sonde
using namespace sonde;

Var number(double v) {
  return Tensor::scalar(v, DType::f64);
}

Var derivative(const Function& f, const Var& x) {
  return jvp(f, {x}, {number(1)}).tangents[0];
}

Var nested(const Var& x) {
  auto inner = [&](const Var& y) {
    const Var s = x + y;
    fmt::print("  inside: x has level {}, y level {}, x + y level {}\n", x.level(), y.level(),
               s.level());
    return s;
  };
  return x * derivative(inner, number(1));
}

// Prints what emit decides: which kernels run, and which rules.
class Narrator final : public Observer {
 public:
  void on_rule(const Primitive& p, Rule rule) override {
    constexpr const char* names[] = {"kernel", "jvp rule", "vjp rule", "batch rule"};
    fmt::print("  {}: {}\n", p.name(), names[static_cast<int>(rule)]);
  }
};

void one_multiplication() {
  Narrator narrator;
  ObserverScope watching(narrator);
  fmt::print("\n-- x * x alone\n");
  auto square = [](const Var& x) { return x * x; };
  const Var three = number(3);
  square(three);
  fmt::print("-- x * x inside jvp\n");
  jvp(square, {three}, {number(1)});
  fmt::print("-- x * x inside jvp inside jvp\n");
  derivative([&](const Var& x) { return derivative(square, x); }, three);
}

void mistake() {
  fmt::print("\n-- a mistake: keeping a value after its transform has ended\n");
  Var kept;
  derivative([&](const Var& x) { return kept = x * x; }, number(3));
  try {
    kept + 1.0;
  } catch (const Error& e) {
    fmt::print("{}\n", e.what());
  }
}

}  // namespace

int main() {
  fmt::print("-- d/dx [ x * d/dy (x + y) ], which is 1\ntoy:   {}\n", toy::nested());
  const double right = derivative(nested, number(1)).item();
  fmt::print("Sonde: {}\n", right);
  one_multiplication();
  mistake();
}
