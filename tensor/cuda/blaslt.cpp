#include "tensor/cuda/blaslt.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <mutex>

#include "tensor/cuda/blas_status.hpp"

namespace sonde::cuda {
namespace {

constexpr std::string_view op = "matmul";

// What an algorithm may ask for; most ask for nothing.
constexpr std::uint64_t max_workspace = std::uint64_t{32} << 20;
// The batch is an axis of the grid, whose limit some algorithms pass on.
constexpr std::int64_t max_batch = 65535;

// The library's handles, which any thread may use. Never destroyed, as the streams.
cublasLtHandle_t handle_of(int device) {
  static std::mutex mutex;
  static std::map<int, cublasLtHandle_t> handles;
  std::lock_guard lock(mutex);
  cublasLtHandle_t& handle = handles[device];
  if (!handle) check(cublasLtCreate(&handle), op);
  return handle;
}

cudaDataType_t type_of(DType t) {
  return t == DType::f64 ? CUDA_R_64F : t == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F;
}
cublasComputeType_t compute_of(const Gemm& p) {
  if (p.dtype == DType::f64) return CUBLAS_COMPUTE_64F;
  return p.dtype == DType::f32 && p.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}
cublasLtEpilogue_t epilogue_of(Epilogue e) {
  constexpr cublasLtEpilogue_t all[] = {CUBLASLT_EPILOGUE_DEFAULT, CUBLASLT_EPILOGUE_BIAS,
                                        CUBLASLT_EPILOGUE_GELU, CUBLASLT_EPILOGUE_GELU_BIAS};
  return all[static_cast<int>(e)];
}

template <class T>
void set(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t attribute, const T& value) {
  check(cublasLtMatmulDescSetAttribute(desc, attribute, &value, sizeof value), op);
}
template <class T>
void set(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t attribute, const T& value) {
  check(cublasLtMatrixLayoutSetAttribute(layout, attribute, &value, sizeof value), op);
}
template <class T>
void set(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t attribute,
         const T& value) {
  check(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value), op);
}

// A matrix as it is stored.
struct Layout {
  Layout(const Gemm& p, bool transposed, std::int64_t rows, std::int64_t cols, std::int64_t ld,
         std::int64_t step) {
    if (transposed) std::swap(rows, cols);
    check(cublasLtMatrixLayoutInit(&opaque, type_of(p.dtype), static_cast<std::uint64_t>(rows),
                                   static_cast<std::uint64_t>(cols), ld),
          op);
    set(&opaque, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, static_cast<std::int32_t>(p.batch));
    set(&opaque, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, step);
  }
  cublasLtMatrixLayoutOpaque_t opaque;
};

// The problem in cuBLASLt's words, without the heap.
struct Description {
  Description(const Gemm& p, const void* bias)
      : a(p, p.transposed_a, p.m, p.k, p.lda, p.step_a),
        b(p, p.transposed_b, p.k, p.n, p.ldb, p.step_b),
        d(p, false, p.m, p.n, p.ldd, p.step_d) {
    // Factors of the sum (alpha, beta) are of the type that sums are.
    check(cublasLtMatmulDescInit(&product, compute_of(p),
                                 p.dtype == DType::f64 ? CUDA_R_64F : CUDA_R_32F),
          op);
    const std::int32_t n = CUBLAS_OP_N, t = CUBLAS_OP_T;
    set(&product, CUBLASLT_MATMUL_DESC_TRANSA, p.transposed_a ? t : n);
    set(&product, CUBLASLT_MATMUL_DESC_TRANSB, p.transposed_b ? t : n);
    set(&product, CUBLASLT_MATMUL_DESC_EPILOGUE,
        static_cast<std::uint32_t>(epilogue_of(p.epilogue)));
    if (bias) set(&product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  }
  cublasLtMatmulDescOpaque_t product;
  Layout a, b, d;
};

// Largest power of two, up to 256, that divides the address.
std::uint32_t alignment_of(const void* p) {
  const auto bits = reinterpret_cast<std::uintptr_t>(p) | 256;
  return static_cast<std::uint32_t>(bits & (~bits + 1));
}

// What the choice of an algorithm may depend on.
struct Choice {
  int device;
  Gemm problem;
  std::array<std::uint32_t, 4> alignment;  // of a, b, d and bias
  friend auto operator<=>(const Choice&, const Choice&) = default;
};
struct Algorithm {
  cublasLtMatmulAlgo_t how;
  std::size_t workspace;
};

Algorithm ask_heuristic(const Choice& c, Description& description) {
  cublasLtMatmulPreferenceOpaque_t preference;
  check(cublasLtMatmulPreferenceInit(&preference), op);
  set(&preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, max_workspace);
  // Of a product cut along k, the parts are added in the compute type and in a fixed order.
  set(&preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  set(&preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, c.alignment[0]);
  set(&preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, c.alignment[1]);
  set(&preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, c.alignment[2]);
  set(&preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, c.alignment[2]);
  cublasLtMatmulHeuristicResult_t result{};
  int found = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
      handle_of(c.device), &description.product, &description.a.opaque, &description.b.opaque,
      &description.d.opaque, &description.d.opaque, &preference, 1, &result, &found);
  const Gemm& p = c.problem;
  if (status != CUBLAS_STATUS_SUCCESS || found == 0)
    fail(ErrorCode::backend, op, "cuBLASLt has no algorithm for {} [{},{}] x [{},{}], batch {}: {}",
         p.dtype, p.m, p.k, p.k, p.n, p.batch, cublasLtGetStatusName(status));
  return {result.algo, result.workspaceSize};
}

// Asked once for each problem. Two threads may both ask; they get the same answer.
Algorithm algorithm_for(const Choice& choice, Description& description) {
  static std::mutex mutex;
  static std::map<Choice, Algorithm> known;
  {
    std::lock_guard lock(mutex);
    if (const auto it = known.find(choice); it != known.end()) return it->second;
  }
  const Algorithm found = ask_heuristic(choice, description);
  std::lock_guard lock(mutex);
  return known.emplace(choice, found).first->second;
}

void run(Stream& stream, const Gemm& p, const GemmPointers& at) {
  Description description(p, at.bias);
  const Algorithm algorithm = algorithm_for(
      {stream.device,
       p,
       {alignment_of(at.a), alignment_of(at.b), alignment_of(at.d), alignment_of(at.bias)}},
      description);
  Tensor workspace;
  if (algorithm.workspace > 0)
    workspace = Tensor::empty({static_cast<std::int64_t>(algorithm.workspace)}, DType::u8,
                              {DeviceType::cuda, static_cast<std::int8_t>(stream.device)});
  const float one = 1, zero = 0;
  const double wide_one = 1, wide_zero = 0;
  const bool wide = p.dtype == DType::f64;
  const void *alpha = wide ? static_cast<const void*>(&wide_one) : &one,
             *beta = wide ? static_cast<const void*>(&wide_zero) : &zero;
  check(cublasLtMatmul(handle_of(stream.device), &description.product, alpha, at.a,
                       &description.a.opaque, at.b, &description.b.opaque, beta, at.d,
                       &description.d.opaque, at.d, &description.d.opaque, &algorithm.how,
                       address(stream, workspace), algorithm.workspace, stream.handle),
        op);
}

}  // namespace

void gemm(Stream& stream, const Gemm& problem, const GemmPointers& at) {
  for (const std::int64_t size : {problem.m, problem.n, problem.k})
    if (size > std::numeric_limits<std::int32_t>::max())
      fail(ErrorCode::size, op, "{} does not fit cuBLASLt's integers", size);
  const std::int64_t width = size_of(problem.dtype);
  for (std::int64_t first = 0; first < problem.batch; first += max_batch) {
    Gemm part = problem;
    part.batch = std::min(max_batch, problem.batch - first);
    const auto move = [&](std::int64_t step) { return first * step * width; };
    run(stream, part,
        {static_cast<const std::byte*>(at.a) + move(problem.step_a),
         static_cast<const std::byte*>(at.b) + move(problem.step_b),
         static_cast<std::byte*>(at.d) + move(problem.step_d), at.bias});
  }
}

}  // namespace sonde::cuda
