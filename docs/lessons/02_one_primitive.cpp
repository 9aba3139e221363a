// Lesson 2: one primitive. Everything Sonde knows about an operation stands in one class.
#include <fmt/core.h>

#include <cmath>

#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"

using namespace sonde;

namespace {

// y = 1 / (1 + exp(-x)), element by element. Its derivative is y (1 - y): the output is enough.
class Logistic : public Named<Logistic> {
 public:
  static constexpr std::string_view id = "logistic";

  // Shapes, types, and every error a user can make; no data is touched.
  void infer(std::span<const Var> in, Specs& out) const override {
    if (in[0].dtype() != DType::f64)
      fail_hint(ErrorCode::dtype, id, "convert with to(x, DType::f64)", "{} is not f64",
                in[0].spec());
    out.push_back(in[0].spec());
  }
  // The kernel. It sees plain tensors, of any strides.
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    const Tensor x = in[0].contiguous();
    Tensor y = Tensor::empty(out[0].shape, DType::f64);
    for (std::int64_t i = 0; i < x.numel(); ++i)
      y.data<double>()[i] = 1 / (1 + std::exp(-x.data<double>()[i]));
    return make_vars(std::move(y));
  }
  // Forward mode: tangents of the inputs in, tangents of the outputs out.
  Vars jvp(const Vars&, const Vars& out, const Vars& tangents) const override {
    return {tangents[0] * slope(out[0])};
  }
  // Reverse mode: cotangents of the outputs in, cotangents of the inputs out.
  Vars vjp(const Vars&, const Vars& out, const Vars& cotangents, Needs) const override {
    return {cotangents[0] * slope(out[0])};
  }
  // vmap: n lanes at once. An elementwise operation does not care where the lanes are.
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t) const override {
    return {emit(self(), in), {axes[0]}};
  }
  // What reverse mode keeps for vjp: the output, not the input.
  Saves saves() const override { return Saves::only_outputs(); }

 private:
  static Var slope(const Var& y) { return y * (1.0 - y); }
};

// Three mistakes on purpose.
struct WrongVjp : Logistic {
  Vars vjp(const Vars&, const Vars& out, const Vars& cotangents, Needs) const override {
    return {cotangents[0] * out[0]};  // forgets (1 - y)
  }
};
struct WrongBoth final : WrongVjp {
  Vars jvp(const Vars&, const Vars& out, const Vars& tangents) const override {
    return {tangents[0] * out[0]};
  }
};
struct WrongBatch final : Logistic {
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t) const override {
    return {emit(self(), in), {1 - axes[0]}};  // says that the lanes are elsewhere
  }
};

// The operation as a function of Vars.
template <class P>
Function function_of() {
  return [p = PrimitivePtr(make_ref<P>())](const Var& x) { return emit1(p, {x}); };
}

bool close(double a, double b) {
  return std::abs(a - b) < 1e-6;
}
Var data(std::vector<double> values, const Dims& shape) {
  return Tensor::from<double>(values, shape);
}
double dot(const Var& a, const Var& b) {
  return sum(a * b).item();
}

// <u, J v> = <J'u, v>: jvp and vjp are transposes of each other.
bool adjoint(const Function& f, const Var& x, const Var& v, const Var& u) {
  return close(dot(u, jvp(f, {x}, {v}).tangents[0]), dot(vjp(f, {x}).pullback({u})[0], v));
}
// J v is the slope of f along v.
bool differences(const Function& f, const Var& x, const Var& v, const Var& u) {
  const double h = 1e-5;
  return close(dot(u, jvp(f, {x}, {v}).tangents[0]), dot(u, f(x + v * h) - f(x - v * h)) / (2 * h));
}
// vmap is a loop: lane 1 of the result is f of lane 1.
bool like_a_loop(const Function& f, const Var& x) {
  return close(dot(select(vmap(f)(x), 0, 1), data({1, 2}, {2})),
               dot(f(select(x, 0, 1)), data({1, 2}, {2})));
}

}  // namespace

int main() {
  const Var x = data({0, 1, -1, 2}, {2, 2}), v = data({1, 2, 3, 4}, {2, 2}),
            u = data({1, -1, 2, 5}, {2, 2});
  const Function f = function_of<Logistic>();
  const Var zero = data({0}, {});
  fmt::print("f(x) = {}\n", to_string(f(x).tensor()));
  fmt::print("f'(0) = {}, f''(0) = {}, f'''(0) = {}\n\n", grad(f)(zero).item(),
             grad(grad(f))(zero).item(), grad(grad(grad(f)))(zero).item());

  fmt::print("{:34}{:10}{:14}{}\n", "", "adjoint", "differences", "loop");
  auto verdict = [](bool fine) { return fine ? "passes" : "FAILS"; };
  auto row = [&](const char* name, const Function& g) {
    fmt::print("{:34}{:10}{:14}{}\n", name, verdict(adjoint(g, x, v, u)),
               verdict(differences(g, x, v, u)), verdict(like_a_loop(g, x)));
  };
  row("right", f);
  row("vjp without (1 - y)", function_of<WrongVjp>());
  row("jvp and vjp both without (1 - y)", function_of<WrongBoth>());
  row("batch puts the lanes elsewhere", function_of<WrongBatch>());
  try {
    f(Tensor::ones({3}, DType::f32));
  } catch (const Error& e) {
    fmt::print("\n{}\n", e.what());
  }
}
