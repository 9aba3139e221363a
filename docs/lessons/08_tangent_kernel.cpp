// Lesson 8: the tangent kernel of a tiny transformer.
#include <fmt/core.h>

#include <cmath>

#include "analysis/kernel.hpp"
#include "analysis/kernel_track.hpp"
#include "autograd/ops.hpp"
#include "nn/embedding.hpp"
#include "nn/init.hpp"
#include "nn/transformer.hpp"

using namespace sonde;

namespace {

Tensor normal_tensor(const Dims& shape, std::uint64_t seed) {
  return normal(random_key(seed), shape, 0, 1, DType::f64).tensor();
}

double size(const Var& a) {
  return norm(a).item();
}

void compare(const char* what, const Var& a, const Var& b) {
  fmt::print("{:34} |K| = {:7.4g}, the same to 12 digits: {}\n", what, size(b),
             size(a - b) <= 1e-12 * size(b));
}

// --- two layers, by hand

// f(x) = v tanh(W x) / sqrt(m), with weights W [m, d] and v [1, m].
Var two_layers(const Vars& p, const Var& x) {
  return linear(tanh(linear(x, p[0])), p[1]) / std::sqrt(static_cast<double>(p[0].size(0)));
}

Point two_layer_point(std::int64_t width, std::int64_t inputs, std::uint64_t seed) {
  return Point::of({"W", "v"},
                   {normal_tensor({width, inputs}, seed), normal_tensor({1, width}, seed + 1)});
}

void by_hand() {
  const Tensor x = normal_tensor({5, 3}, 3);
  const Point at = two_layer_point(4, 3, 1);
  const Var h = tanh(linear(x, at.values[0])), slope = at.values[1] * (1.0 - h * h);
  const Var from_v = matmul(h, h, {.b = true}) / 4.0,
            from_w = matmul(slope, slope, {.b = true}) * matmul(x, x, {.b = true}) / 4.0;
  const Tensor machine = ntk(two_layers, at, x, {.trace = true});
  compare("by hand: of v and of W", from_v + from_w, machine);
  compare("of v alone: the conjugate kernel", gram(h.tensor(), h.tensor()) / 4.0, from_v);
  fmt::print("of the trace, v has {:.0f} %, W {:.0f} %\n",
             100 * sum(diagonal(from_v)).item() / sum(diagonal(Var(machine))).item(),
             100 * sum(diagonal(from_w)).item() / sum(diagonal(Var(machine))).item());
}

// --- a tiny transformer

constexpr std::int64_t words = 5, places = 6;

class TinyTransformer final : public nn::Module {
 public:
  explicit TinyTransformer(std::int64_t width, std::uint64_t seed = 1)
      : table_(words, width, {seed, 1}),
        block_(
            width, 2, {seed, 2},
            {.dim_feedforward = 2 * width, .dropout = 0, .batch_first = true, .norm_first = true}),
        head_(width, 2, {seed, 3}) {
    positions_ = parameter("positions", nn::normal_init({places, width}, 0, 1, {seed, 4}));
    child("table", table_);
    child("block", block_);
    child("head", head_);
    convert(DType::f64);
  }
  Var forward(nn::Context& ctx, Var x) const override {  // [n, places] words to [n, 2]
    return head_(ctx, mean(block_(ctx, table_(ctx, x) + ctx[positions_]), {1}));
  }

 private:
  nn::Handle positions_;
  nn::Embedding table_;
  nn::TransformerEncoderLayer block_;
  nn::Linear head_;
};

Tensor sentences(std::int64_t n) {
  return to(floor(uniform(random_key(5), {n, places}, 0, words, DType::f64)), DType::i64).tensor();
}

// Does the first word come back? Is the last one later in the table?
Tensor answers(const Tensor& x) {
  const Var first = x.slice(1, 0, 1), rest = x.slice(1, 1, places),
            last = x.slice(1, places - 1, places);
  const Var back = amax(to(eq(rest, first), DType::f64), {1}, true);
  return (concat({back, to(gt(last, first), DType::f64)}, 1) * 2.0 - 1.0).tensor();
}

void by_every_method() {
  const TinyTransformer net(8);
  const ParameterPoint at(net);
  const Tensor x = sentences(6), loop = ntk(rows_of(at), at, x, {.method = NtkMethod::contract});
  for (const NtkMethod method : {NtkMethod::vector_products, NtkMethod::structured})
    compare(to_string(method).c_str(), ntk(rows_of(at), at, x, {.method = method}), loop);
  Var total;
  for (const char* part :
       {"table.*", "positions", "block.self_attn.*", "block.linear*", "block.norm*", "head.*"}) {
    const ParameterPoint some(net, part);
    const Var k = ntk(rows_of(some), some, x);
    total = total ? total + k : k;
    fmt::print("  {:18} {:5} parameters, {:4.1f} % of the trace\n", part, some.space.size(),
               100 * sum(diagonal(Var(kernel_matrix(k.tensor())))).item() /
                   sum(diagonal(Var(kernel_matrix(loop)))).item());
  }
  compare("their sum", total, loop);
  for (const auto& [name, form] :
       ntk_plan(rows_of(at), at, x, x, {.method = NtkMethod::structured}).forms)
    if (at.space.block(name).shape.rank() == 2) fmt::print("  {:31} {}\n", name, to_string(form));
}

// --- training, predicted

struct Run {
  RowFunction f;
  Point at;
  Tensor x, y;
};

// Gradient descent on the squared error 1/2 |f - y|^2.
Vars descend(const Run& run, Vars values, double rate, int steps) {
  const Function slope = grad([&](const Vars& p) {
    const Var error = run.f(p, run.x) - run.y;
    return sum(error * error) / 2.0;
  });
  for (int s = 0; s < steps; ++s) {
    const Vars g = slope(values);
    for (std::size_t i = 0; i < g.size(); ++i) values[i] = values[i] - rate * g[i];
  }
  return values;
}

Tensor flat(const Tensor& outputs) {
  return outputs.reshape({outputs.numel()});
}

struct Comparison {
  double to_learn, left, predicted, apart, drift;
};

// At `times` over the kernel's greatest eigenvalue, in steps of a fiftieth of it.
std::vector<Comparison> compared(const Run& run, const Tensor& kernel,
                                 const std::vector<int>& times) {
  const Tensor initial = flat(run.f(run.at.values, run.x).tensor()), y = flat(run.y);
  const GradientFlow flow(kernel, y, initial);
  const double rate = 0.02 / kernel_spectrum(kernel).values.at({0});
  KernelTrack track(run.f, run.at.space, run.x);
  track.observe(0, run.at.values);
  std::vector<Comparison> all;
  Vars values = run.at.values;
  int done = 0;
  for (const int time : times) {
    values = descend(run, values, rate, 50 * (time - done));
    done = time;
    const Var real = flat(run.f(values, run.x).tensor()), predicted = flow.train(50 * time * rate);
    all.push_back({size(initial - Var(y)), size(real - y), size(predicted - y),
                   size(real - predicted), track.observe(time, values).drift});
  }
  return all;
}

Tensor kernel_of(const Run& run) {
  return kernel_matrix(ntk(run.f, run.at, run.x));
}

void predict(const Run& run, const Tensor& kernel) {
  const std::vector<int> times{1, 4, 16};
  const std::vector<Comparison> all = compared(run, kernel, times);
  fmt::print("time  0: to learn {:.3f}\n", all[0].to_learn);
  for (std::size_t i = 0; i < times.size(); ++i)
    fmt::print(
        "time {:2}: left {:.3f}, predicted {:.3f}; outputs apart {:.3f}; kernel drift {:.2f}\n",
        times[i], all[i].left, all[i].predicted, all[i].apart, all[i].drift);
}

Run transformer_run(const TinyTransformer& net) {
  const ParameterPoint at(net);
  const Tensor x = sentences(8);
  return {rows_of(at), {at.space, at.values}, x, answers(x)};
}

Run two_layer_run(std::int64_t width, std::uint64_t seed) {
  return {two_layers, two_layer_point(width, 3, seed), normal_tensor({5, 3}, 3),
          normal_tensor({5, 1}, 4)};
}

// Means over four networks.
template <class MakeRun>
void over_widths(const char* what, const std::vector<std::int64_t>& widths, const MakeRun& make) {
  constexpr int networks = 4;
  for (const std::int64_t width : widths) {
    double drift = 0, apart = 0;
    for (std::uint64_t seed = 0; seed < networks; ++seed) {
      const auto owner = make(width, 10 * (seed + 1));
      const Run run = owner();
      const Comparison c = compared(run, kernel_of(run), {16})[0];
      drift += c.drift / networks;
      apart += c.apart / networks;
    }
    fmt::print("{:11}, width {:4}: kernel drift {:.4f}, outputs apart {:.4f}\n", what, width, drift,
               apart);
  }
}

void wider() {
  over_widths("two layers", {16, 64, 256, 1024}, [](std::int64_t width, std::uint64_t seed) {
    return [=] { return two_layer_run(width, seed); };
  });
  over_widths("transformer", {8, 16, 32}, [](std::int64_t width, std::uint64_t seed) {
    return [net = std::make_shared<TinyTransformer>(width, seed)] { return transformer_run(*net); };
  });
}

// The kernel calls steps too long that are more than 2 over its greatest eigenvalue.
void steps_too_long() {
  const Run run = two_layer_run(64, 10);
  const auto after = [&](double rate, int steps) {
    return Run{run.f, {run.at.space, descend(run, run.at.values, rate, steps)}, run.x, run.y};
  };
  const auto left = [](const Run& r) { return size(r.f(r.at.values, r.x) - r.y); };
  const auto greatest = [](const Run& r) { return kernel_spectrum(kernel_of(r)).values.at({0}); };
  for (const double step : {1.9, 2.1, 3.0, 4.0}) {
    const double rate = step / greatest(run);
    const Run end = after(rate, 400);
    fmt::print("rate times eigenvalue {:.1f}: left {:.2f}, after 10 steps {:.2f}, after 400 ", step,
               left(run), left(after(rate, 10)));
    fmt::print("below 0.001: {}; rate times eigenvalue {:.1f}\n", left(end) < 1e-3,
               rate * greatest(end));
  }
}

}  // namespace

int main() {
  fmt::print("-- two layers\n");
  by_hand();
  fmt::print("\n-- a transformer, by three methods and by parts\n");
  by_every_method();
  const TinyTransformer net(8);
  fmt::print("\n-- what it learns, and what its kernel said it would\n");
  predict(transformer_run(net), kernel_of(transformer_run(net)));
  fmt::print("\n-- wider and wider\n");
  wider();
  fmt::print("\n-- a mistake: steps that are too long\n");
  steps_too_long();
}
