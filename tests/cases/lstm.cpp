#include <cmath>

#include "tests/cases.hpp"

namespace sonde::testing {
namespace {

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

// x [T,B,I], h, c [B,H], w_ih, w_hh, b_ih, b_hh: y [T,B,H] by the definition.
Tensor naive_lstm(const Tensors& in) {
  const std::int64_t steps = in[0].size(0), batch = in[0].size(1), inputs = in[0].size(2),
                     units = in[1].size(1);
  std::vector<std::vector<double>> v;
  for (const Tensor& t : in) v.push_back(t.to_vector<double>());
  std::vector<double> y, h = v[1], c = v[2];
  for (std::int64_t t = 0; t < steps; ++t) {
    std::vector<double> next(h.size());
    for (std::int64_t b = 0; b < batch; ++b) {
      std::vector<double> a(static_cast<std::size_t>(4 * units));
      for (std::int64_t j = 0; j < 4 * units; ++j) {
        a[j] = v[5][j] + v[6][j];
        for (std::int64_t k = 0; k < inputs; ++k)
          a[j] += v[3][j * inputs + k] * v[0][(t * batch + b) * inputs + k];
        for (std::int64_t k = 0; k < units; ++k) a[j] += v[4][j * units + k] * h[b * units + k];
      }
      for (std::int64_t u = 0; u < units; ++u) {
        double& cell = c[b * units + u];
        cell = sigmoid(a[units + u]) * cell + sigmoid(a[u]) * std::tanh(a[2 * units + u]);
        next[b * units + u] = sigmoid(a[3 * units + u]) * std::tanh(cell);
      }
    }
    h = next;
    y.insert(y.end(), h.begin(), h.end());
  }
  return Tensor::from<double>(y, {steps, batch, units});
}

}  // namespace

void lstm_cases(Cases& cases) {
  auto sequence = [](const Vars& x) {
    const LstmSequence out = lstm(x[0], {x[1], x[2]}, {x[3], x[4], x[5], x[6]});
    return make_vars(out.y, out.state.h, out.state.c);
  };
  auto inputs = [](std::int64_t steps, std::int64_t batch, std::int64_t width, std::int64_t units) {
    return std::vector<Input>{
        {{steps, batch, width}}, {{batch, units}}, {{batch, units}}, {{4 * units, width}},
        {{4 * units, units}},    {{4 * units}},    {{4 * units}}};
  };
  cases.push_back({"lstm", inputs(3, 2, 2, 2), sequence, naive_lstm});
  cases.push_back({"lstm_one_step", inputs(1, 1, 1, 1), sequence});
  cases.push_back({"lstm_no_step", inputs(0, 2, 1, 2), sequence});
  cases.push_back({"lstm_no_batch", inputs(2, 0, 2, 1), sequence});
  cases.push_back({"lstm_from_zeros", {{{2, 2, 1}}, {{8, 1}}, {{8, 2}}}, [](const Vars& x) {
                     return make_vars(lstm(x[0], {}, {x[1], x[2], {}, {}}).y);
                   }});
  cases.push_back({"lstm_cell",
                   {{{2, 3}}, {{2, 2}}, {{2, 2}}, {{8, 3}}, {{8, 2}}, {{8}}, {{8}}},
                   [](const Vars& x) {
                     const LstmState out = lstm_cell(x[0], {x[1], x[2]}, {x[3], x[4], x[5], x[6]});
                     return make_vars(out.h, out.c);
                   }});
}

}  // namespace sonde::testing
