#include "tensor/cpu/blas.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "tensor/error.hpp"

#ifdef SONDE_BLAS_STATIC
extern "C" void gotoblas_init();  // OpenBLAS's constructor: idempotent, declared in no header of it
#endif

namespace sonde::cpu {
namespace {

// OpenBLAS 0.3.21 knows CPUs by model number and takes a model younger than itself for a Prescott
// (SSE3, a quarter of the speed). CPUID says what the CPU can do; where OpenBLAS does know the
// model, its own choice is of the same level.
const char* core_of_this_cpu() {
#if defined(__x86_64__)
  __builtin_cpu_init();  // needed in constructors
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
  if (avx512) return "SkylakeX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return __builtin_cpu_is("amd") ? "Zen" : "Haswell";
  }
#endif
  return "";
}

// Steps of speed: 0 up to SSE4.2, 1 AVX, 2 AVX2, 3 AVX-512.
int level(std::string_view core) {
  for (std::string_view name : {"SkylakeX", "Cooperlake", "SapphireRapids"}) {
    if (core == name) return 3;
  }
  for (std::string_view name : {"Haswell", "Zen", "Excavator"}) {
    if (core == name) return 2;
  }
  for (std::string_view name : {"Sandybridge", "Bulldozer", "Piledriver", "Steamroller"}) {
    if (core == name) return 1;
  }
  return 0;
}

// Sets an environment variable that the user has not set, for the life of this object.
class DefaultEnvironment {
 public:
  DefaultEnvironment(const char* name, const char* value) : name_(name) {
    set_here_ = *value != '\0' && std::getenv(name) == nullptr && setenv(name, value, 0) == 0;
  }
  ~DefaultEnvironment() {
    if (set_here_) unsetenv(name_);
  }
  DefaultEnvironment(const DefaultEnvironment&) = delete;
  DefaultEnvironment& operator=(const DefaultEnvironment&) = delete;

 private:
  const char* name_;
  bool set_here_;
};

// OpenBLAS reads its environment once, when it starts, which its own constructor does when the
// library is loaded. This constructor has a priority and so runs before it. It must stand in the
// file of the cblas calls: alone in its object, a static link would drop it without a word.
__attribute__((constructor(101))) void start_openblas() {
#ifdef SONDE_BLAS_STATIC
  const DefaultEnvironment core("OPENBLAS_CORETYPE", core_of_this_cpu());
  const DefaultEnvironment threads("OPENBLAS_NUM_THREADS", "1");  // no pool of its own
  gotoblas_init();
#endif
  openblas_set_num_threads(1);
}

blasint narrow(std::int64_t value) {
  if (value < 0 || value > std::numeric_limits<blasint>::max()) {
    fail(ErrorCode::size, "matmul", "{} does not fit BLAS's integers", value);
  }
  return static_cast<blasint>(value);
}

CBLAS_TRANSPOSE op(bool trans) {
  return trans ? CblasTrans : CblasNoTrans;
}

template <class T, class Gemm>
void checked_gemm(Gemm gemm, bool trans_a, bool trans_b, std::int64_t m, std::int64_t n,
                  std::int64_t k, T alpha, const T* a, std::int64_t lda, const T* b,
                  std::int64_t ldb, T beta, T* c, std::int64_t ldc) {
  if (m == 0 || n == 0) return;
  const auto ld = [](std::int64_t distance) { return narrow(std::max<std::int64_t>(distance, 1)); };
  gemm(CblasRowMajor, op(trans_a), op(trans_b), narrow(m), narrow(n), narrow(k), alpha, a, ld(lda),
       b, ld(ldb), beta, c, ld(ldc));
}

}  // namespace

void blas_gemm(bool trans_a, bool trans_b, std::int64_t m, std::int64_t n, std::int64_t k,
               float alpha, const float* a, std::int64_t lda, const float* b, std::int64_t ldb,
               float beta, float* c, std::int64_t ldc) {
  checked_gemm(cblas_sgemm, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void blas_gemm(bool trans_a, bool trans_b, std::int64_t m, std::int64_t n, std::int64_t k,
               double alpha, const double* a, std::int64_t lda, const double* b, std::int64_t ldb,
               double beta, double* c, std::int64_t ldc) {
  checked_gemm(cblas_dgemm, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

std::string_view blas_core() {
  return openblas_get_corename();
}
std::string_view blas_core_expected() {
  return core_of_this_cpu();
}
std::string_view blas_config() {
  return openblas_get_config();
}

std::string blas_warning(std::string_view core, std::string_view expected, int parallel) {
  if (parallel == 0) {
    return "this OpenBLAS is the serial build, whose products are wrong when several threads "
           "multiply at once; install libopenblas-pthread-dev";
  }
  if (level(core) < level(expected)) {
    return fmt::format("OpenBLAS runs its {} kernels on a CPU fit for {}; set OPENBLAS_CORETYPE={}",
                       core, expected, expected);
  }
  return {};
}

std::string blas_warning() {
  return blas_warning(blas_core(), blas_core_expected(), openblas_get_parallel());
}

}  // namespace sonde::cpu
