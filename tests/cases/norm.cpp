#include <cmath>

#include "tests/cases.hpp"

namespace sonde::testing {
namespace {

// Layer or RMS norm of rows with weight and, for layer norm, bias.
std::function<Tensor(const Tensors&)> naive_rows(bool center, double eps) {
  return [=](const Tensors& in) {
    std::vector<double> v = in[0].to_vector<double>(), w = in[1].to_vector<double>(), b(w.size());
    if (center) b = in[2].to_vector<double>();
    const std::size_t n = w.size();
    for (std::size_t at = 0; at < v.size(); at += n) {
      double mean = 0, var = 0;
      for (std::size_t i = 0; i < n && center; ++i) mean += v[at + i] / static_cast<double>(n);
      for (std::size_t i = 0; i < n; ++i)
        var += (v[at + i] - mean) * (v[at + i] - mean) / static_cast<double>(n);
      for (std::size_t i = 0; i < n; ++i)
        v[at + i] = (v[at + i] - mean) / std::sqrt(var + eps) * w[i] + b[i];
    }
    return Tensor::from<double>(v, in[0].shape());
  };
}

}  // namespace

void norm_cases(Cases& cases) {
  constexpr double eps = 0.1;
  auto row = [&](const std::string& name, std::vector<Input> inputs,
                 std::function<Var(const Vars&)> f,
                 std::function<Tensor(const Tensors&)> reference = {}) {
    cases.push_back({name, std::move(inputs), [f](const Vars& x) { return make_vars(f(x)); },
                     std::move(reference)});
  };
  row(
      "layer_norm", {{{3, 5}}, {{5}}, {{5}}},
      [](const Vars& x) { return layer_norm(x[0], {5}, x[1], x[2], eps); }, naive_rows(true, eps));
  row("layer_norm_two_axes", {{{2, 2, 3}}, {{2, 3}}}, [](const Vars& x) {
    return layer_norm(x[0], {2, 3}, x[1], {}, eps);
  });
  row("layer_norm_bias", {{{2, 3}}, {{3}}},
      [](const Vars& x) { return layer_norm(x[0], {3}, {}, x[1], eps); });
  row("layer_norm_plain", {{{2, 4}}},
      [](const Vars& x) { return layer_norm(x[0], {4}, {}, {}, eps); });
  row("layer_norm_constant", {{{2, 3}, Draw::exact, 0, 0, {1, 1, 1, -2, -2, -2}}, {{3}}},
      [](const Vars& x) { return layer_norm(x[0], {3}, x[1], {}, eps); });
  row("layer_norm_empty", {{{0, 3}}, {{3}}},
      [](const Vars& x) { return layer_norm(x[0], {3}, x[1], {}, eps); });
  row("layer_norm_of_nothing", {{{2, 0}}},
      [](const Vars& x) { return layer_norm(x[0], {0}, {}, {}, eps); });
  row(
      "rms_norm", {{{3, 5}}, {{5}}}, [](const Vars& x) { return rms_norm(x[0], {5}, x[1], eps); },
      naive_rows(false, eps));
  row("rms_norm_plain", {{{2, 3}}}, [](const Vars& x) { return rms_norm(x[0], {3}, {}, eps); });
  row("group_norm", {{{2, 4, 3}}, {{4}}, {{4}}},
      [](const Vars& x) { return group_norm(x[0], 2, x[1], x[2], eps); });
  row("group_norm_rank2", {{{2, 4}}, {{4}}},
      [](const Vars& x) { return group_norm(x[0], 2, x[1], {}, eps); });
  row("instance_norm", {{{2, 2, 3}}},
      [](const Vars& x) { return group_norm(x[0], 2, {}, {}, eps); });
  row("batch_norm_train", {{{3, 2, 2}}, {{2}}, {{2}}},
      [](const Vars& x) { return batch_norm_train(x[0], x[1], x[2], eps).y; });
  row("batch_norm_train_plain", {{{4, 2}}},
      [](const Vars& x) { return batch_norm_train(x[0], {}, {}, eps).y; });
  row("batch_norm", {{{2, 2, 3}}, {{2}}, {{2}, Draw::uniform, 0.5, 2}, {{2}}, {{2}}},
      [](const Vars& x) { return batch_norm(x[0], x[1], x[2], x[3], x[4], eps); });
  cases.push_back({"batch_norm_statistics",
                   {{{5, 3}}},
                   [](const Vars& x) {
                     const BatchNormTrained out = batch_norm_train(x[0], {}, {}, eps);
                     return make_vars(out.mean, out.var);
                   },
                   {},
                   0});
}

}  // namespace sonde::testing
