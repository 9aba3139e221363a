/// @file
/// The Fortran routines of LAPACK and BLAS that Sonde calls, and their choice by element type.
/// Matrices are column-major; the last arguments are the lengths of the strings, as gfortran passes
/// them.
#pragma once

#include <cstddef>

extern "C" {
void spotrf_(const char* uplo, const int* n, float* a, const int* lda, int* info, std::size_t);
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info, std::size_t);
void ssyevd_(const char* job, const char* uplo, const int* n, float* a, const int* lda, float* w,
             float* work, const int* lwork, int* iwork, const int* liwork, int* info, std::size_t,
             std::size_t);
void dsyevd_(const char* job, const char* uplo, const int* n, double* a, const int* lda, double* w,
             double* work, const int* lwork, int* iwork, const int* liwork, int* info, std::size_t,
             std::size_t);
void sgesdd_(const char* job, const int* m, const int* n, float* a, const int* lda, float* s,
             float* u, const int* ldu, float* vt, const int* ldvt, float* work, const int* lwork,
             int* iwork, int* info, std::size_t);
void dgesdd_(const char* job, const int* m, const int* n, double* a, const int* lda, double* s,
             double* u, const int* ldu, double* vt, const int* ldvt, double* work, const int* lwork,
             int* iwork, int* info, std::size_t);
void sgeqrf_(const int* m, const int* n, float* a, const int* lda, float* tau, float* work,
             const int* lwork, int* info);
void dgeqrf_(const int* m, const int* n, double* a, const int* lda, double* tau, double* work,
             const int* lwork, int* info);
void sorgqr_(const int* m, const int* n, const int* k, float* a, const int* lda, const float* tau,
             float* work, const int* lwork, int* info);
void dorgqr_(const int* m, const int* n, const int* k, double* a, const int* lda, const double* tau,
             double* work, const int* lwork, int* info);
void sgetrf_(const int* m, const int* n, float* a, const int* lda, int* pivots, int* info);
void dgetrf_(const int* m, const int* n, double* a, const int* lda, int* pivots, int* info);
void sgetrs_(const char* trans, const int* n, const int* nrhs, const float* a, const int* lda,
             const int* pivots, float* b, const int* ldb, int* info, std::size_t);
void dgetrs_(const char* trans, const int* n, const int* nrhs, const double* a, const int* lda,
             const int* pivots, double* b, const int* ldb, int* info, std::size_t);
void sgetri_(const int* n, float* a, const int* lda, const int* pivots, float* work,
             const int* lwork, int* info);
void dgetri_(const int* n, double* a, const int* lda, const int* pivots, double* work,
             const int* lwork, int* info);
void strsm_(const char* side, const char* uplo, const char* trans, const char* diag, const int* m,
            const int* n, const float* alpha, const float* a, const int* lda, float* b,
            const int* ldb, std::size_t, std::size_t, std::size_t, std::size_t);
void dtrsm_(const char* side, const char* uplo, const char* trans, const char* diag, const int* m,
            const int* n, const double* alpha, const double* a, const int* lda, double* b,
            const int* ldb, std::size_t, std::size_t, std::size_t, std::size_t);
}

namespace sonde::cpu {

template <class T>
struct Lapack;
template <>
struct Lapack<float> {
  static constexpr auto potrf = &spotrf_;
  static constexpr auto syevd = &ssyevd_;
  static constexpr auto gesdd = &sgesdd_;
  static constexpr auto geqrf = &sgeqrf_;
  static constexpr auto orgqr = &sorgqr_;
  static constexpr auto getrf = &sgetrf_;
  static constexpr auto getrs = &sgetrs_;
  static constexpr auto getri = &sgetri_;
  static constexpr auto trsm = &strsm_;
};
template <>
struct Lapack<double> {
  static constexpr auto potrf = &dpotrf_;
  static constexpr auto syevd = &dsyevd_;
  static constexpr auto gesdd = &dgesdd_;
  static constexpr auto geqrf = &dgeqrf_;
  static constexpr auto orgqr = &dorgqr_;
  static constexpr auto getrf = &dgetrf_;
  static constexpr auto getrs = &dgetrs_;
  static constexpr auto getri = &dgetri_;
  static constexpr auto trsm = &dtrsm_;
};

}  // namespace sonde::cpu
