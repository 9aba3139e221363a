/// @file
/// Matrix products through OpenBLAS, one thread each: Sonde runs its own threads around them.
/// LAPACK's routines come from the same library; their Fortran declarations stand in
/// tensor/cpu/lapack.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sonde::cpu {

/// C = alpha * op(A) op(B) + beta * C for row-major matrices: op(A) is [m, k], op(B) [k, n], C [m,
/// n]; `ld*` are the distances between rows as stored. With beta == 0, C is not read. May be called
/// from several threads at once. Error(size) if an argument exceeds BLAS's 32-bit integers.
void blas_gemm(bool trans_a, bool trans_b, std::int64_t m, std::int64_t n, std::int64_t k,
               float alpha, const float* a, std::int64_t lda, const float* b, std::int64_t ldb,
               float beta, float* c, std::int64_t ldc);
void blas_gemm(bool trans_a, bool trans_b, std::int64_t m, std::int64_t n, std::int64_t k,
               double alpha, const double* a, std::int64_t lda, const double* b, std::int64_t ldb,
               double beta, double* c, std::int64_t ldc);

/// The kernel set that OpenBLAS runs, by its own name: "SkylakeX", "Haswell", "Zen", ...
std::string_view blas_core();
/// The kernel set that fits this CPU's instructions; empty if the CPU has no AVX2 (then OpenBLAS's
/// choice stands).
std::string_view blas_core_expected();
/// OpenBLAS's description of its own build, with the version.
std::string_view blas_config();

/// What is wrong with the BLAS in use, as one line with the cure; empty if nothing is. Sonde's
/// libraries never print: programs do.
std::string blas_warning();
/// The same for given facts, for tests: a core's name, the expected one, and
/// openblas_get_parallel() (0 = serial).
std::string blas_warning(std::string_view core, std::string_view expected, int parallel);

}  // namespace sonde::cpu
