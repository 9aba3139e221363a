// Lesson 5: vmap, and a gradient for every sample.
#include <fmt/core.h>

#include <map>

#include "autograd/observe.hpp"
#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"

using namespace sonde;

namespace {

// The squared error of a linear model on ONE sample: (<w, x> - y)^2. There is no batch axis
// anywhere.
Var loss(const Vars& in) {
  const Var &w = in[0], &x = in[1], &y = in[2];
  const Var error = sum(w * x) - y;
  return error * error;
}

// Counts kernels by operation.
class Counter final : public Observer {
 public:
  void on_kernel(const Primitive& p, std::span<const Tensor>, const Vars&, std::source_location,
                 std::int64_t) override {
    ++calls_[std::string(p.name())];
    ++total_;
  }
  std::string text() const {
    std::string line = fmt::format("{:4} kernels:", total_);
    for (const auto& [name, n] : calls_) line += fmt::format(" {} {}", n, name);
    return line;
  }

 private:
  std::map<std::string, int> calls_;
  int total_ = 0;
};

Var counted(const char* what, const std::function<Var()>& run) {
  Counter counter;
  ObserverScope watching(counter);
  Var result = run();
  fmt::print("{:12}{}\n", what, counter.text());
  return result;
}

// Equal up to rounding: kernels may add the same terms in another order.
bool equal(const Var& a, const Var& b) {
  const Var d = a - b;
  return sum(d * d).item() <= 1e-28 * sum(a * a).item();
}

}  // namespace

int main() {
  constexpr std::int64_t samples = 64, features = 3;
  const Var w = Tensor::from<double>({1, -2, 0.5}, {features});
  const Var x =
      Tensor::arange(samples * features, DType::f64, -1, 0.01).reshape({samples, features});
  const Var y = Tensor::arange(samples, DType::f64, 0, 0.1);
  const Function gradient = grad(loss, {0});  // with respect to w

  fmt::print("-- the gradient of the loss, for one sample and for each\n");
  std::vector<Vars> sample;  // cut out beforehand, so that only the gradients are counted
  for (std::int64_t i = 0; i < samples; ++i)
    sample.push_back({w, select(x, 0, i), select(y, 0, i)});
  counted("one sample", [&] { return gradient(sample[5])[0]; });
  Vars rows;
  counted("a loop", [&] {
    for (const Vars& s : sample) rows.push_back(gradient(s)[0]);
    return rows[0];
  });
  const Function per_sample =
      vmap(gradient, {.in_axes = {std::nullopt, 0, 0}});  // w is shared; x and y have lanes
  const Var all = counted("vmap", [&] { return per_sample({w, x, y})[0]; });
  fmt::print("shape {}; sample 5: {}\n", to_string(all.shape()),
             to_string(select(all, 0, 5).tensor()));
  fmt::print("vmap equals the loop: {}; fallbacks to a loop: {}\n", equal(all, stack(rows, 0)),
             counters().loop_fallbacks.load());

  fmt::print("\n-- transforms nest the other way round too\n");
  const Function mean_loss = [](const Vars& in) {
    return sum(vmap(loss, {.in_axes = {std::nullopt, 0, 0}})(in)[0]) / static_cast<double>(samples);
  };
  const Var mean_gradient = grad(mean_loss, {0})({w, x, y})[0];
  fmt::print("gradient of the mean: {}\nmean of gradients:    {}\n",
             to_string(mean_gradient.tensor()),
             to_string((sum(all, {0}) / static_cast<double>(samples)).tensor()));
  const Var squares = sum(all * all, {1});
  fmt::print("squared norm of the last sample's gradient: {:.6g}\n",
             squares.tensor().at({samples - 1}));

  fmt::print("\n-- a mistake: a branch on a value that differs between lanes\n");
  try {
    vmap([](const Var& v) { return v.item() > 0 ? v : -v; })(w);
  } catch (const Error& e) {
    fmt::print("{}\n", e.what());
  }
}
