// Stands in for tensor/cuda/blaslt.cpp where kernels are simulated: plain loops on the host, and
// the conditions that cuBLASLt puts on its problems.
#include "tensor/cuda/blaslt.hpp"

#include <bit>
#include <cmath>
#include <numbers>

#include "tests/cuda/libraries/host_work.hpp"

namespace sonde::cuda {
namespace {

void demand(bool holds, std::string_view what) {
  if (!holds) fail(ErrorCode::backend, "matmul", "cuBLASLt's stand-in: {}", what);
}

void check_problem(const Gemm& p, const GemmPointers& at) {
  const auto rows = [](bool transposed, std::int64_t r, std::int64_t c) {
    return transposed ? c : r;
  };
  demand(p.m >= 1 && p.n >= 1 && p.k >= 1 && p.batch >= 1, "a size is 0");
  demand(p.lda >= rows(p.transposed_a, p.m, p.k), "lda is too small");
  demand(p.ldb >= rows(p.transposed_b, p.k, p.n), "ldb is too small");
  demand(p.ldd >= p.m, "ldd is too small");
  demand(p.step_a >= 0 && p.step_b >= 0 && p.step_d >= 0, "a step is negative");
  const bool behind = p.step_d >= (p.n - 1) * p.ldd + p.m;
  const bool beside = p.step_d >= p.m && p.ldd >= p.step_d * (p.batch - 1) + p.m;
  demand(p.batch == 1 || behind || beside, "matrices of D overlap");
  demand(at.a && at.b && at.d, "a matrix is null");
  const bool bias = p.epilogue == Epilogue::bias || p.epilogue == Epilogue::gelu_bias;
  demand(bias == (at.bias != nullptr), "bias and epilogue do not fit together");
  demand(p.epilogue == Epilogue::none || p.dtype != DType::f64, "f64 has no epilogues");
}

// To 10 bits of mantissa, ties to even.
float to_tf32(float x) {
  if (!std::isfinite(x)) return x;
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return std::bit_cast<float>((bits + 0xFFF + (bits >> 13 & 1)) & ~0x1FFFU);
}
double value_of(double x, bool) {
  return x;
}
double value_of(float x, bool tf32) {
  return tf32 ? to_tf32(x) : x;
}
double value_of(bf16_t x, bool) {
  return to_float(x);
}
void write(double value, double& to) {
  to = value;
}
void write(double value, float& to) {
  to = static_cast<float>(value);
}
void write(double value, bf16_t& to) {
  to = to_bf16(static_cast<float>(value));
}

double gelu_by_tanh(double x) {
  const double inner = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return x / 2 * (1 + std::tanh(inner));
}

template <class T>
void multiply(const Gemm& p, const GemmPointers& at) {
  const auto *a = static_cast<const T*>(at.a), *b = static_cast<const T*>(at.b),
             *bias = static_cast<const T*>(at.bias);
  auto* d = static_cast<T*>(at.d);
  const bool gelu = p.epilogue == Epilogue::gelu || p.epilogue == Epilogue::gelu_bias;
  for (std::int64_t item = 0; item < p.batch; ++item, a += p.step_a, b += p.step_b, d += p.step_d)
    for (std::int64_t j = 0; j < p.n; ++j)
      for (std::int64_t i = 0; i < p.m; ++i) {
        double sum = 0;
        for (std::int64_t x = 0; x < p.k; ++x)
          sum += value_of(a[p.transposed_a ? x + i * p.lda : i + x * p.lda], p.tf32) *
                 value_of(b[p.transposed_b ? j + x * p.ldb : x + j * p.ldb], p.tf32);
        if (bias) sum += value_of(bias[i], false);
        write(gelu ? gelu_by_tanh(sum) : sum, d[i + j * p.ldd]);
      }
}

}  // namespace

void gemm(Stream& stream, const Gemm& problem, const GemmPointers& at) {
  check_problem(problem, at);
  const auto run = problem.dtype == DType::f64    ? &multiply<double>
                   : problem.dtype == DType::bf16 ? &multiply<bf16_t>
                                                  : &multiply<float>;
  put_on(stream, [=] { run(problem, at); });
}

}  // namespace sonde::cuda
