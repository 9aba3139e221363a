#include <cmath>

#include "tests/cases.hpp"

namespace sonde::testing {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

// Rows of the last axis.
Tensor naive_softmax(const Tensor& x, bool log) {
  std::vector<double> v = x.to_vector<double>();
  const auto n = static_cast<std::size_t>(x.shape().back());
  for (std::size_t at = 0; at < v.size(); at += n) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += std::exp(v[at + i]);
    for (std::size_t i = 0; i < n; ++i)
      v[at + i] = log ? v[at + i] - std::log(sum) : std::exp(v[at + i]) / sum;
  }
  return Tensor::from<double>(v, x.shape());
}

// Mean over the rows whose target is not 0 (the ignored class of the row below).
Tensor naive_cross_entropy(const Tensor& x, const Tensor& target) {
  const std::vector<double> p = naive_softmax(x, true).to_vector<double>(),
                            t = target.to_vector<double>();
  double loss = 0, count = 0;
  for (std::size_t r = 0; r < t.size(); ++r) {
    if (t[r] == 0) continue;
    loss -= p[r * static_cast<std::size_t>(x.size(1)) + static_cast<std::size_t>(t[r])];
    ++count;
  }
  return Tensor::scalar(loss / count, DType::f64);
}

}  // namespace

void softmax_cases(Cases& cases) {
  for (bool log : {false, true}) {
    const std::string name = log ? "log_softmax" : "softmax";
    auto op = [log](const Var& x, int dim) { return log ? log_softmax(x, dim) : softmax(x, dim); };
    auto row = [&](const std::string& suffix, const Input& x, int dim, bool reference = false) {
      Case c{name + suffix, {x}, [op, dim](const Vars& v) { return make_vars(op(v[0], dim)); }};
      if (reference) c.reference = [log](const Tensors& in) { return naive_softmax(in[0], log); };
      cases.push_back(std::move(c));
    };
    row("", {{2, 5}}, -1, true);
    row("_long", {{1, 19}}, 1, true);
    row("_middle", {{2, 3, 2}}, 1);
    row("_one_class", {{3, 1}}, 1);
    row("_empty", {{0, 3}}, 1);
    row("_no_class", {{2, 0}}, 1);
    row("_constant", {{2, 3}, Draw::exact, 0, 0, {1, 1, 1, -2, -2, -2}}, 1, true);
  }
  cases.push_back({"softmax_masked",
                   {{{1, 3}, Draw::exact, 0, 0, {0.5, -inf, 1}}},
                   [](const Vars& x) { return make_vars(softmax(x[0], 1)); },
                   {},
                   0});
  auto entropy = [&](const std::string& name, std::vector<Input> inputs, Reduction reduction,
                     std::int64_t ignored, double smoothing) {
    Case c{name, std::move(inputs), [=](const Vars& v) {
             return make_vars(cross_entropy(v[0], v[1], reduction, ignored, smoothing));
           }};
    cases.push_back(std::move(c));
  };
  const Input classes{{4}, Draw::index, 0, 3}, pixels{{2, 3}, Draw::index, 0, 3},
      some{{4}, Draw::index, 1, 3};
  entropy("cross_entropy", {{{4, 3}}, some}, Reduction::mean, 0, 0);
  cases.back().reference = [](const Tensors& in) { return naive_cross_entropy(in[0], in[1]); };
  entropy("cross_entropy_none", {{{4, 3}}, classes}, Reduction::none, 1, 0);
  entropy("cross_entropy_smooth", {{{4, 3}}, classes}, Reduction::sum, 2, 0.2);
  entropy("cross_entropy_pixels", {{{2, 3, 3}}, pixels}, Reduction::sum, -100, 0.1);
  entropy("cross_entropy_one_sample", {{{3}}, {{}, Draw::index, 0, 3}}, Reduction::mean, -100, 0);
  entropy("cross_entropy_empty", {{{0, 3}}, {{0}, Draw::index, 0, 3}}, Reduction::sum, -100, 0);
  entropy("cross_entropy_probabilities", {{{2, 3}}, {{2, 3}, Draw::uniform, 0.1, 1}},
          Reduction::mean, -100, 0.1);
}

}  // namespace sonde::testing
