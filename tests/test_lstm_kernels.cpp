// The LSTM over time against plain loops in double.
#include <gtest/gtest.h>

#include "tensor/kernels/lstm.hpp"
#include "tests/row_reference.hpp"

namespace sonde {
namespace {

using test::expect_close;
using test::random_tensor;
using test::tolerance;
using Values = std::vector<double>;
const Device cpu{};

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

struct Sizes {
  std::int64_t steps, lanes, batch, inputs, units;
};

kernels::LstmInputs random_inputs(const Sizes& n, DType t) {
  return {random_tensor({n.steps, n.lanes, n.batch, n.inputs}, t, 1),
          random_tensor({n.lanes, n.batch, n.units}, t, 2),
          random_tensor({n.lanes, n.batch, n.units}, t, 3),
          random_tensor({n.lanes, 4 * n.units, n.inputs}, t, 4),
          random_tensor({n.lanes, 4 * n.units, n.units}, t, 5),
          random_tensor({n.lanes, 4 * n.units}, t, 6)};
}

struct Sequence {
  Values y, h, c;
};

// Everything row-major in double; h and c start as h0 and c0.
Sequence naive_lstm(const Sizes& n, const Values& x, Values h, Values c, const Values& w_ih,
                    const Values& w_hh, const Values& bias) {
  Sequence out;
  const std::int64_t gates = 4 * n.units;
  for (std::int64_t t = 0; t < n.steps; ++t) {
    Values next(h.size());
    for (std::int64_t row = 0; row < n.lanes * n.batch; ++row) {
      const std::int64_t lane = row / n.batch;
      Values a(gates);
      for (std::int64_t j = 0; j < gates; ++j) {
        a[j] = bias[lane * gates + j];
        for (std::int64_t k = 0; k < n.inputs; ++k)
          a[j] += w_ih[(lane * gates + j) * n.inputs + k] *
                  x[(t * n.lanes * n.batch + row) * n.inputs + k];
        for (std::int64_t k = 0; k < n.units; ++k)
          a[j] += w_hh[(lane * gates + j) * n.units + k] * h[row * n.units + k];
      }
      for (std::int64_t u = 0; u < n.units; ++u) {
        double& cell = c[row * n.units + u];
        cell = sigmoid(a[n.units + u]) * cell + sigmoid(a[u]) * std::tanh(a[2 * n.units + u]);
        next[row * n.units + u] = sigmoid(a[3 * n.units + u]) * std::tanh(cell);
      }
    }
    h = next;
    out.y.insert(out.y.end(), h.begin(), h.end());
  }
  out.h = h;
  out.c = c;
  return out;
}

Sequence naive_lstm(const Sizes& n, const kernels::LstmInputs& in) {
  return naive_lstm(n, in.x.to_vector<double>(), in.h0.to_vector<double>(),
                    in.c0.to_vector<double>(), in.w_ih.to_vector<double>(),
                    in.w_hh.to_vector<double>(), in.bias.to_vector<double>());
}

const std::vector<Sizes> all_sizes = {{1, 1, 1, 1, 1},   {3, 1, 2, 5, 7},  {4, 3, 2, 3, 16},
                                      {2, 1, 37, 4, 19}, {5, 2, 1, 8, 33}, {0, 1, 2, 3, 4},
                                      {3, 1, 0, 2, 5},   {2, 1, 3, 0, 4}};

TEST(Lstm, ForwardAgreesWithLoops) {
  for (DType t : {DType::f32, DType::f64})
    for (const Sizes& n : all_sizes) {
      const kernels::LstmInputs in = random_inputs(n, t);
      const Sequence expected = naive_lstm(n, in);
      for (bool keep : {false, true}) {
        const kernels::LstmOutputs out = kernels::lstm.find(cpu, t)(in, keep);
        expect_close(out.y, expected.y, tolerance(t));
        expect_close(out.h, expected.h, tolerance(t));
        expect_close(out.c, expected.c, tolerance(t));
        EXPECT_EQ(static_cast<bool>(out.gates), keep);
      }
    }
}

// <u, J' w> by central differences of <w, f(in + h u)> in double.
TEST(Lstm, BackwardAgreesWithDifferences) {
  for (const Sizes& n : all_sizes) {
    const kernels::LstmInputs in = random_inputs(n, DType::f64);
    const auto forward = kernels::lstm.find(cpu, DType::f64);
    const kernels::LstmOutputs out = forward(in, true);
    const kernels::LstmCotangents ct{random_tensor(out.y.shape(), DType::f64, 7),
                                     random_tensor(out.h.shape(), DType::f64, 8),
                                     random_tensor(out.c.shape(), DType::f64, 9)};
    const kernels::LstmInputs grad = kernels::lstm_grad.find(cpu, DType::f64)(in, out, ct);
    auto fields = [](const kernels::LstmInputs& i) {
      return std::array<Tensor, 6>{i.x, i.h0, i.c0, i.w_ih, i.w_hh, i.bias};
    };
    auto weighted = [&](const std::array<Values, 6>& v) {
      const Sequence s = naive_lstm(n, v[0], v[1], v[2], v[3], v[4], v[5]);
      double sum = 0;
      const Values *got[] = {&s.y, &s.h, &s.c},
                   w[] = {ct.y.to_vector<double>(), ct.h.to_vector<double>(),
                          ct.c.to_vector<double>()};
      for (int k = 0; k < 3; ++k)
        for (std::size_t i = 0; i < w[k].size(); ++i) sum += w[k][i] * (*got[k])[i];
      return sum;
    };
    std::array<Values, 6> at;
    for (int k = 0; k < 6; ++k) at[k] = fields(in)[k].to_vector<double>();
    for (int k = 0; k < 6; ++k) {
      EXPECT_EQ(fields(grad)[k].shape(), fields(in)[k].shape());
      const Values u = random_tensor({static_cast<std::int64_t>(at[k].size())}, DType::f64, 10 + k)
                           .to_vector<double>();
      const Values g = fields(grad)[k].to_vector<double>();
      double expected = 0, got = 0;
      for (std::size_t i = 0; i < u.size(); ++i) got += u[i] * g[i];
      for (double h : {1e-5, -1e-5}) {
        std::array<Values, 6> moved = at;
        for (std::size_t i = 0; i < u.size(); ++i) moved[k][i] += h * u[i];
        expected += weighted(moved) / (2 * h);
      }
      EXPECT_NEAR(got, expected, 1e-7 * (1 + std::abs(expected)))
          << "input " << k << ", lanes " << n.lanes << ", steps " << n.steps << ", batch "
          << n.batch;
    }
  }
}

TEST(Lstm, SharedWeightsAreTheSameAsOneSetPerLane) {
  const Sizes n{3, 4, 5, 6, 7};
  kernels::LstmInputs own = random_inputs(n, DType::f64), shared = own;
  for (Tensor kernels::LstmInputs::*w :
       {&kernels::LstmInputs::w_ih, &kernels::LstmInputs::w_hh, &kernels::LstmInputs::bias}) {
    shared.*w = (own.*w).slice(0, 0, 1).expand((own.*w).shape());
    own.*w = (shared.*w).contiguous();
  }
  const auto forward = kernels::lstm.find(cpu, DType::f64);
  const auto a = forward(own, true), b = forward(shared, true);
  expect_close(a.y, b.y, 0);
  const kernels::LstmCotangents ct{a.y, a.h, a.c};
  const auto backward = kernels::lstm_grad.find(cpu, DType::f64);
  const auto g = backward(own, a, ct), s = backward(shared, b, ct);
  expect_close(g.x, s.x, 1e-14);
  expect_close(g.w_ih, s.w_ih, 1e-14);
  expect_close(g.w_hh, s.w_hh, 1e-14);
  expect_close(g.bias, s.bias, 1e-14);
}

TEST(Lstm, SameBitsForAnyThreads) {
  const Sizes n{6, 1, 70, 24, 40};
  const kernels::LstmInputs in = random_inputs(n, DType::f32);
  auto grad = [&] {
    const auto out = kernels::lstm.find(cpu, DType::f32)(in, true);
    return kernels::lstm_grad.find(cpu, DType::f32)(in, out, {out.y, out.h, out.c});
  };
  test::expect_same_for_any_threads([&] { return grad().x; });
  test::expect_same_for_any_threads([&] { return grad().w_hh; });
  test::expect_same_for_any_threads([&] { return grad().bias; });
}

TEST(LstmCell, OneStepOfTheSequence) {
  for (DType t : {DType::f32, DType::f64})
    for (std::int64_t units : {1, 5, 16, 37}) {
      const Tensor a = random_tensor({3, 4 * units}, t, 1), c = random_tensor({3, units}, t, 2);
      const auto out = kernels::lstm_cell.find(cpu, t)(a, c);
      const Values none, av = a.to_vector<double>();
      for (std::int64_t row = 0; row < 3; ++row) {
        const Values bias(av.begin() + row * 4 * units, av.begin() + (row + 1) * 4 * units);
        const Sequence s = naive_lstm({1, 1, 1, 0, units}, none, Values(units, 0),
                                      c.select(0, row).to_vector<double>(), none,
                                      Values(4 * units * units, 0), bias);
        expect_close(out[0].select(0, row), s.h, tolerance(t));
        expect_close(out[1].select(0, row), s.c, tolerance(t));
      }
    }
}

}  // namespace
}  // namespace sonde
