// Matrices of bf16 are multiplied on a device, by the same operation as any other; no derivative
// goes through them.
#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"
#include "tests/cuda/both.hpp"

namespace sonde::testing {
namespace {

TEST(CudaBf16, ProductsOfEveryLayout) {
  const Tensor a = drawn({3, 6, 7}, DType::bf16, 1), b = drawn({5, 7}, DType::bf16, 2);
  const Var on_cpu = matmul(to(Var(a), DType::f32), to(Var(b), DType::f32), {.b = true});
  const Var on_gpu = matmul(Var(there(a)), Var(there(b)), {.b = true});
  expect_close(on_cpu.tensor().to(DType::bf16), on_gpu.tensor(), 1.0 / 256);
  const auto times_b = [&](const Var& x) { return matmul(x, Var(there(b)), {.b = true}); };
  expect_equal(on_gpu.tensor().to(Device{}), vmap(times_b)(Var(there(a))).tensor());
}

TEST(CudaBf16, TypedErrorsElsewhere) {
  const Tensor a = drawn({6, 7}, DType::bf16, 1), b = drawn({7, 5}, DType::bf16, 2);
  EXPECT_EQ(code_of([&] { matmul(Var(a), Var(b)); }), ErrorCode::kernel);
  EXPECT_EQ(code_of([&] { matmul(Var(there(a)), Var(there(b.to(DType::f32)))); }),
            ErrorCode::dtype);
  EXPECT_EQ(code_of([&] {
              grad([&](const Var& x) { return sum(to(matmul(x, Var(there(b))), DType::f32)); })(
                  Var(there(a)));
            }),
            ErrorCode::dtype);
}

}  // namespace
}  // namespace sonde::testing
