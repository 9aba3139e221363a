// Cards whose blocks have less shared memory than those of today.
#include "simulator/simulator.hpp"
#include "tensor/kernels/attention.hpp"
#include "tests/cuda/both.hpp"

namespace sonde::testing {
namespace {

TEST(CudaOldCards, AttentionTakesSmallerTiles) {
  simulator::set_shared_memory(std::size_t{64} << 10);  // Turing
  for (DType t : {DType::f32, DType::f64}) {
    const double tolerance = t == DType::f32 ? 1e-5 : 1e-12;
    const Tensor q = drawn({1, 9, 100}, t, 1), k = drawn({1, 70, 100}, t, 2),
                 v = drawn({1, 70, 128}, t, 3), ct = drawn({1, 9, 128}, t, 4);
    const kernels::Attention attributes{0.1, false};
    const Tensor o = kernels::attention.find(Device{}, t)(q, k, v, {}, attributes);
    expect_close(o, kernels::attention.find(gpu, t)(there(q), there(k), there(v), {}, attributes),
                 tolerance);
    const auto expected =
        kernels::attention_grad.find(Device{}, t)({q, k, v, {}, o}, ct, attributes, true);
    const auto grads = kernels::attention_grad.find(gpu, t)(
        {there(q), there(k), there(v), {}, there(o)}, there(ct), attributes, true);
    for (std::size_t i = 0; i < 4; ++i) expect_close(expected[i], grads[i], tolerance);
  }
  simulator::set_shared_memory(std::size_t{227} << 10);
}

}  // namespace
}  // namespace sonde::testing
