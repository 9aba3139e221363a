// cuBLASLt's header as its stand-in fulfils it: epilogues, which no slot asks for, and what it
// refuses. On a real device the library behind the header is out of reach of a test.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <numbers>

#include "tensor/cuda/blaslt.hpp"
#include "tests/cuda/both.hpp"

namespace sonde::cuda {
namespace {

using testing::drawn, testing::expect_close, testing::gpu, testing::there;

class CudaBlasLt : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("SONDE_TEST_GPU")) GTEST_SKIP() << "the header's other source";
  }
};

// [2,3,4] x [4,5] by columns: D' [2,5,3] of A' [2,4,3] and B' [5,4].
struct Problem {
  explicit Problem(DType dtype) {
    shape = {.dtype = dtype,
             .m = 3,
             .n = 5,
             .k = 4,
             .lda = 3,
             .ldb = 4,
             .ldd = 3,
             .batch = 2,
             .step_a = 12,
             .step_b = 0,
             .step_d = 15};
    a = drawn({2, 4, 3}, dtype, 1), b = drawn({5, 4}, dtype, 2), bias = drawn({3}, dtype, 3);
  }
  Tensor run() const {
    const Tensor on_gpu[] = {there(a), there(b), there(bias)};
    const Tensor d = Tensor::full({2, 5, 3}, NAN, shape.dtype, gpu);
    Stream& stream = stream_of(gpu);
    const bool with_bias =
        shape.epilogue == Epilogue::bias || shape.epilogue == Epilogue::gelu_bias;
    gemm(stream, shape,
         {address(stream, on_gpu[0]), address(stream, on_gpu[1]), address(stream, d),
          with_bias ? address(stream, on_gpu[2]) : nullptr});
    return d;
  }
  // f(sum, i) of every element, in f64.
  template <class F>
  Tensor expected(F f) const {
    const Tensor d = Tensor::empty({2, 5, 3}, DType::f64);
    for (std::int64_t item = 0; item < 2; ++item)
      for (std::int64_t j = 0; j < 5; ++j)
        for (std::int64_t i = 0; i < 3; ++i) {
          double sum = 0;
          for (std::int64_t p = 0; p < 4; ++p) sum += a.at({item, p, i}) * b.at({j, p});
          d.data<double>()[(item * 5 + j) * 3 + i] = f(sum, i);
        }
    return d.to(shape.dtype);
  }

  Gemm shape;
  Tensor a, b, bias;
};

double gelu_tanh(double x) {
  return x / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * std::pow(x, 3))));
}

TEST_F(CudaBlasLt, Epilogues) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    Problem p(dtype);
    const double tolerance = dtype == DType::f32 ? 1e-6 : 1.0 / 256;
    const auto bias = [&](std::int64_t i) { return p.bias.at({i}); };
    expect_close(p.expected([](double x, std::int64_t) { return x; }), p.run(), tolerance);
    p.shape.epilogue = Epilogue::bias;
    expect_close(p.expected([&](double x, std::int64_t i) { return x + bias(i); }), p.run(),
                 tolerance);
    p.shape.epilogue = Epilogue::gelu;
    expect_close(p.expected([](double x, std::int64_t) { return gelu_tanh(x); }), p.run(),
                 tolerance);
    p.shape.epilogue = Epilogue::gelu_bias;
    expect_close(p.expected([&](double x, std::int64_t i) { return gelu_tanh(x + bias(i)); }),
                 p.run(), tolerance);
  }
}

TEST_F(CudaBlasLt, RefusesWhatTheLibraryRefuses) {
  const auto refused = [](auto change) {
    Problem p(DType::f32);
    change(p.shape);
    EXPECT_THROW(p.run(), Error);
  };
  EXPECT_NO_THROW(Problem(DType::f32).run());
  refused([](Gemm& g) { g.k = 0; });
  refused([](Gemm& g) { g.lda = 2; });
  refused([](Gemm& g) { g.transposed_a = true; });
  refused([](Gemm& g) { g.ldb = 3; });
  refused([](Gemm& g) { g.ldd = 2; });
  refused([](Gemm& g) { g.step_a = -12; });
  refused([](Gemm& g) { g.step_d = 14; });
}

}  // namespace
}  // namespace sonde::cuda
