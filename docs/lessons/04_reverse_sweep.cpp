// Lesson 4: the reverse sweep. What reverse mode writes down, what it keeps, and how it walks back.
#include <fmt/core.h>

#include "autograd/ops.hpp"
#include "autograd/profile.hpp"
#include "autograd/transforms.hpp"

using namespace sonde;

namespace {

// z = sum(y * y) + sum(y) with y = a * b: the value y is used three times.
Var f(const Vars& in) {
  const Var y = in[0] * in[1];
  const Var squares = sum(y * y);
  return squares + sum(y);
}

// How a saved value is held: with its data, or as a ghost that knows only shape and type.
std::string held(const Vars& values) {
  std::string text;
  for (const Var& v : values) {
    const bool ghost = v.get()->kind == ValueKind::ghost;
    text += fmt::format(" {}{}", to_string(v.spec()), ghost ? " ghost" : " kept");
  }
  return text;
}

void show_tape(const Tape& tape) {
  for (std::size_t i = 0; i < tape.size(); ++i) {
    const Node& node = tape[i];
    if (!node.primitive) {
      fmt::print("node {}: an input of the function\n", i);
      continue;
    }
    std::string from;
    for (const Parent& parent : node.parents) from += fmt::format(" {}", parent.node);
    fmt::print("node {}: {:4} of nodes{:4} | in:{} | out:{}\n", i, node.primitive->name(), from,
               held(node.in), held(node.out));
  }
}

// Which vjp rules run, in which order.
class Sweep final : public Observer {
 public:
  void on_rule(const Primitive& p, Rule rule) override {
    if (rule == Rule::vjp) order += fmt::format(" {}", p.name());
  }
  std::string order;
};

std::string text(const Var& v) {
  return to_string(v.tensor());
}

}  // namespace

int main() {
  Tensor a = Tensor::from<double>({1, 2}, {2});
  const Var b = Tensor::from<double>({3, 4}, {2});
  const VjpResult r = vjp(f, {a, b});

  fmt::print("-- the tape of z = sum(y * y) + sum(y), y = a * b\n");
  show_tape(r.pullback.tape());

  fmt::print("\n-- the sweep\n");
  const Var one = Tensor::scalar(1, DType::f64);
  Sweep sweep;
  {
    ObserverScope watching(sweep);
    const Vars grads = r.pullback({one});
    fmt::print("dz/da = (2 y + 1) b = {}\ndz/db = (2 y + 1) a = {}\n", text(grads[0]),
               text(grads[1]));
  }
  fmt::print("vjp rules in order:{}\n", sweep.order);

  fmt::print("\n-- a pullback can be kept: other cotangents, no new forward pass\n");
  fmt::print("from 10: dz/da = {}\n", text(r.pullback({10.0 * one})[0]));

  fmt::print("\n-- the same tape as a picture (paste it into a Graphviz viewer)\n{}",
             dot_graph(r.pullback.tape()));

  fmt::print("\n-- a mistake: changing a tensor that was saved\n");
  a.mutable_data<double>()[0] = 100;
  try {
    r.pullback({one});
  } catch (const Error& e) {
    fmt::print("{}\n", e.what());
  }
}
