// The LSTM on the device, one step and over time, against the CPU's kernels.
#include "tensor/kernels/lstm.hpp"
#include "tests/cuda/both.hpp"

namespace sonde::testing {
namespace {

double tolerance(DType t) {
  return t == DType::f32 ? 1e-5 : 1e-12;
}

struct Sizes {
  std::int64_t steps, lanes, batch, inputs, units;
};

kernels::LstmInputs random_inputs(const Sizes& n, DType t) {
  return {drawn({n.steps, n.lanes, n.batch, n.inputs}, t, 1),
          drawn({n.lanes, n.batch, n.units}, t, 2),
          drawn({n.lanes, n.batch, n.units}, t, 3),
          drawn({n.lanes, 4 * n.units, n.inputs}, t, 4),
          drawn({n.lanes, 4 * n.units, n.units}, t, 5),
          drawn({n.lanes, 4 * n.units}, t, 6)};
}
kernels::LstmInputs there(const kernels::LstmInputs& in) {
  return {testing::there(in.x),    testing::there(in.h0),   testing::there(in.c0),
          testing::there(in.w_ih), testing::there(in.w_hh), testing::there(in.bias)};
}

std::array<Tensor, 5> all_of(const kernels::LstmOutputs& o) {
  return {o.y, o.h, o.c, o.gates, o.cells};
}
std::array<Tensor, 6> all_of(const kernels::LstmInputs& g) {
  return {g.x, g.h0, g.c0, g.w_ih, g.w_hh, g.bias};
}

kernels::LstmOutputs forward(const kernels::LstmInputs& in, bool keep) {
  return kernels::lstm.find(in.x.device(), in.x.dtype())(in, keep);
}
kernels::LstmInputs backward(const kernels::LstmInputs& in, const kernels::LstmOutputs& out,
                             const kernels::LstmCotangents& ct) {
  return kernels::lstm_grad.find(in.x.device(), in.x.dtype())(in, out, ct);
}

// Gives the CPU's outputs, from which both then go back.
kernels::LstmOutputs check_forward(const kernels::LstmInputs& in, bool keep) {
  const double tol = tolerance(in.x.dtype());
  const kernels::LstmOutputs out = forward(in, keep);
  const auto expected = all_of(out), results = all_of(forward(there(in), keep));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(static_cast<bool>(expected[i]), static_cast<bool>(results[i]));
    if (expected[i] && results[i]) expect_close(expected[i], results[i], tol);
  }
  return out;
}

void check_backward(const kernels::LstmInputs& in, const kernels::LstmOutputs& out,
                    const kernels::LstmCotangents& ct) {
  const auto expected = all_of(backward(in, out, ct));
  const kernels::LstmOutputs device{testing::there(out.y), testing::there(out.h),
                                    testing::there(out.c), testing::there(out.gates),
                                    testing::there(out.cells)};
  const auto grads = all_of(backward(
      there(in), device, {testing::there(ct.y), testing::there(ct.h), testing::there(ct.c)}));
  for (std::size_t i = 0; i < expected.size(); ++i)
    expect_close(expected[i], grads[i], tolerance(in.x.dtype()));
}

kernels::LstmCotangents random_cotangents(const kernels::LstmOutputs& out) {
  const DType t = out.y.dtype();
  return {drawn(out.y.shape(), t, 7), drawn(out.h.shape(), t, 8), drawn(out.c.shape(), t, 9)};
}

void check(const kernels::LstmInputs& in) {
  check_forward(in, false);
  const kernels::LstmOutputs out = check_forward(in, true);
  check_backward(in, out, random_cotangents(out));
}

class CudaLstm : public ::testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(Types, CudaLstm, ::testing::Values(DType::f32, DType::f64),
                         [](const auto& p) { return std::string(to_string(p.param)); });

TEST_P(CudaLstm, Sizes) {
  for (const Sizes& n : {Sizes{1, 1, 1, 1, 1}, Sizes{3, 1, 2, 5, 7}, Sizes{4, 3, 2, 3, 16},
                         Sizes{2, 1, 37, 4, 19}, Sizes{5, 2, 1, 8, 33}, Sizes{2, 1, 16, 4, 65}})
    check(random_inputs(n, GetParam()));
}

TEST_P(CudaLstm, ZeroSizes) {
  for (const Sizes& n : {Sizes{0, 1, 2, 3, 4}, Sizes{3, 1, 0, 2, 5}, Sizes{2, 1, 3, 0, 4},
                         Sizes{2, 0, 3, 2, 4}, Sizes{2, 1, 3, 2, 0}})
    check(random_inputs(n, GetParam()));
}

// Enough blocks for tiles of 32 and of 64 rows; several slices of the weights.
TEST_P(CudaLstm, LargerTiles) {
  for (const Sizes& n :
       {Sizes{2, 64, 33, 2, 13}, Sizes{2, 128, 17, 2, 18}, Sizes{2, 33, 40, 2, 70}})
    check(random_inputs(n, GetParam()));
}

TEST_P(CudaLstm, WeightsSharedByLanes) {
  const Sizes n{3, 3, 5, 4, 6};
  kernels::LstmInputs in = random_inputs(n, GetParam());
  in.w_ih = drawn({1, 4 * n.units, n.inputs}, GetParam(), 4).expand(in.w_ih.shape());
  check(in);
  in.w_hh = drawn({1, 4 * n.units, n.units}, GetParam(), 5).expand(in.w_hh.shape());
  check(in);
  in.bias = drawn({1, 4 * n.units}, GetParam(), 6).expand(in.bias.shape());
  check(in);
}

TEST_P(CudaLstm, Strides) {
  const DType t = GetParam();
  const Sizes n{3, 2, 5, 4, 6};
  kernels::LstmInputs in = random_inputs(n, t);
  in.x = drawn({5, 3, 2, 4}, t, 1).permute({1, 2, 0, 3});  // batch first
  in.h0 = drawn({2, 5, 12}, t, 2).slice(2, 0, 12, 2);
  in.c0 = in.c0.flip({1});
  in.w_ih = drawn({2, 4, 24}, t, 4).transpose(1, 2);
  in.w_hh = drawn({2, 6, 24}, t, 5).transpose(1, 2);
  const kernels::LstmOutputs out = check_forward(in, true);
  kernels::LstmCotangents ct = random_cotangents(out);
  ct.y = ct.y.flip({0, 3});
  ct.h = drawn({1}, t, 8).expand(out.h.shape());  // as the sum's
  ct.c = ct.c.flip({2});
  check_backward(in, out, ct);
}

TEST_P(CudaLstm, SameBitsEachTime) {
  const kernels::LstmInputs in = random_inputs({4, 2, 20, 5, 30}, GetParam());
  const kernels::LstmInputs device = there(in);
  const kernels::LstmOutputs out = forward(device, true);
  const kernels::LstmCotangents host = random_cotangents(forward(in, true));
  const kernels::LstmCotangents ct{testing::there(host.y), testing::there(host.h),
                                   testing::there(host.c)};
  const auto outputs = all_of(out);
  const auto grads = all_of(backward(device, out, ct));
  for (int i = 0; i < 2; ++i) {
    const auto outputs_again = all_of(forward(device, true));
    for (std::size_t j = 0; j < outputs.size(); ++j)
      expect_equal(outputs[j].to(Device{}), outputs_again[j]);
    const auto grads_again = all_of(backward(device, out, ct));
    for (std::size_t j = 0; j < grads.size(); ++j)
      expect_equal(grads[j].to(Device{}), grads_again[j]);
  }
}

TEST_P(CudaLstm, OneStep) {
  const DType t = GetParam();
  const auto cell = kernels::lstm_cell.find(gpu, t);
  const auto cell_grad = kernels::lstm_cell_grad.find(gpu, t);
  for (const Dims& shape : {Dims{7}, Dims{3, 5}, Dims{2, 3, 300}, Dims{0, 4}, Dims{3, 0}}) {
    Dims wide = shape;
    wide[wide.rank() - 1] *= 4;
    const Tensor a = drawn(wide, t, 1), c = drawn(shape, t, 2).flip({0});
    const auto out = kernels::lstm_cell.find(Device{}, t)(a, c);
    const auto results = cell(testing::there(a), testing::there(c));
    for (std::size_t i = 0; i < 3; ++i) expect_close(out[i], results[i], tolerance(t));
    const Tensor dh = drawn(shape, t, 3), dc = drawn({1}, t, 4).expand(shape);
    const auto expected = kernels::lstm_cell_grad.find(Device{}, t)({out[2], c, out[1]}, dh, dc);
    const auto grads =
        cell_grad({testing::there(out[2]), testing::there(c), testing::there(out[1])},
                  testing::there(dh), testing::there(dc));
    for (std::size_t i = 0; i < 2; ++i) expect_close(expected[i], grads[i], tolerance(t));
  }
}

TEST_P(CudaLstm, LargePreActivationsSaturate) {
  const DType t = GetParam();
  const Tensor a = Tensor::from<double>({-1000, 1000, -90, 90, 1000, -1000, 0, 40}, {2, 4}).to(t);
  const Tensor c = Tensor::from<double>({2, -3}, {2, 1}).to(t);
  const auto expected = kernels::lstm_cell.find(Device{}, t)(a, c);
  const auto results = kernels::lstm_cell.find(gpu, t)(testing::there(a), testing::there(c));
  for (std::size_t i = 0; i < 3; ++i) expect_close(expected[i], results[i], tolerance(t));
}

}  // namespace
}  // namespace sonde::testing
