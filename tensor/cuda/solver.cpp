#include "tensor/cuda/solver.hpp"

#include <algorithm>

#include "tensor/cuda/solver_handles.hpp"

namespace sonde::cuda {
namespace {

// The routines that have a name for each element type.
template <class T>
struct Named;
template <>
struct Named<float> {
  static constexpr auto potrf_batched = &cusolverDnSpotrfBatched;
  static constexpr auto orgqr_size = &cusolverDnSorgqr_bufferSize;
  static constexpr auto orgqr = &cusolverDnSorgqr;
  static constexpr auto getrf_batched = &cublasSgetrfBatched;
  static constexpr auto getrs_batched = &cublasSgetrsBatched;
  static constexpr auto trsm = &cublasStrsm_64;
  static constexpr auto trsm_batched = &cublasStrsmBatched_64;
};
template <>
struct Named<double> {
  static constexpr auto potrf_batched = &cusolverDnDpotrfBatched;
  static constexpr auto orgqr_size = &cusolverDnDorgqr_bufferSize;
  static constexpr auto orgqr = &cusolverDnDorgqr;
  static constexpr auto getrf_batched = &cublasDgetrfBatched;
  static constexpr auto getrs_batched = &cublasDgetrsBatched;
  static constexpr auto trsm = &cublasDtrsm_64;
  static constexpr auto trsm_batched = &cublasDtrsmBatched_64;
};

// One matrix of this size and more keeps a device busy: batches go matrix by matrix.
constexpr std::int64_t large = 128;
template <class T>
bool is_batch(const Matrices<T>& a) {
  return a.count > 1 && a.cols < large;
}

template <class T>
T** table(Stream& stream, const Tensor& addresses) {
  return static_cast<T**>(address(stream, addresses));
}

}  // namespace

template <class T>
void Solver<T>::potrf(Stream& stream, Matrices<T> a, int* info) {
  constexpr std::string_view op = "cholesky";
  const SolverHandles& h = handles_of(stream);
  const std::int64_t n = a.rows;
  if (is_batch(a)) {
    const Tensor all = addresses(stream, a.data, a.count, a.numel());
    const int size = to_int(n, op);
    return check(Named<T>::potrf_batched(h.solver, CUBLAS_FILL_MODE_UPPER, size,
                                         table<T>(stream, all), size, info, to_int(a.count, op)),
                 op);
  }
  std::size_t device = 0, host = 0;
  check(cusolverDnXpotrf_bufferSize(h.solver, h.params, CUBLAS_FILL_MODE_UPPER, n, data_type<T>,
                                    a.data, n, data_type<T>, &device, &host),
        op);
  Workspace work(stream, device, host);
  for (std::int64_t i = 0; i < a.count; ++i) {
    check(cusolverDnXpotrf(h.solver, h.params, CUBLAS_FILL_MODE_UPPER, n, data_type<T>, a.matrix(i),
                           n, data_type<T>, work.device(), work.device_bytes(), work.host(),
                           work.host_bytes(), info + i),
          op);
    work.used(op);
  }
}

template <class T>
void Solver<T>::syevd(Stream& stream, Matrices<T> a, T* w, int* info) {
  constexpr std::string_view op = "eigh";
  const SolverHandles& h = handles_of(stream);
  const std::int64_t n = a.rows;
  std::size_t device = 0, host = 0;
#if CUSOLVER_VERSION >= 11701  // older ones do matrix by matrix
  // Beyond 32768 matrices the routine refuses.
  constexpr std::int64_t most = 1 << 14;
  for (std::int64_t i = 0; is_batch(a) && i < a.count; i += most) {
    const std::int64_t count = std::min(most, a.count - i);
    check(cusolverDnXsyevBatched_bufferSize(
              h.solver, h.params, CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_UPPER, n, data_type<T>,
              a.matrix(i), n, data_type<T>, w + i * n, data_type<T>, &device, &host, count),
          op);
    Workspace work(stream, device, host);
    check(cusolverDnXsyevBatched(
              h.solver, h.params, CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_UPPER, n, data_type<T>,
              a.matrix(i), n, data_type<T>, w + i * n, data_type<T>, work.device(),
              work.device_bytes(), work.host(), work.host_bytes(), info + i, count),
          op);
    work.used(op);
  }
  if (is_batch(a)) return;
#endif
  check(cusolverDnXsyevd_bufferSize(h.solver, h.params, CUSOLVER_EIG_MODE_VECTOR,
                                    CUBLAS_FILL_MODE_UPPER, n, data_type<T>, a.data, n,
                                    data_type<T>, w, data_type<T>, &device, &host),
        op);
  Workspace work(stream, device, host);
  for (std::int64_t i = 0; i < a.count; ++i) {
    check(cusolverDnXsyevd(h.solver, h.params, CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_UPPER, n,
                           data_type<T>, a.matrix(i), n, data_type<T>, w + i * n, data_type<T>,
                           work.device(), work.device_bytes(), work.host(), work.host_bytes(),
                           info + i),
          op);
    work.used(op);
  }
}

template <class T>
void Solver<T>::gesvd(Stream& stream, Matrices<T> a, T* u, T* s, T* vt, int* info) {
  constexpr std::string_view op = "svd";
  const SolverHandles& h = handles_of(stream);
  const std::int64_t m = a.rows, n = a.cols;
  std::size_t device = 0, host = 0;
  check(cusolverDnXgesvd_bufferSize(h.solver, h.params, 'S', 'S', m, n, data_type<T>, a.data, m,
                                    data_type<T>, s, data_type<T>, u, m, data_type<T>, vt, n,
                                    data_type<T>, &device, &host),
        op);
  Workspace work(stream, device, host);
  for (std::int64_t i = 0; i < a.count; ++i) {
    check(cusolverDnXgesvd(h.solver, h.params, 'S', 'S', m, n, data_type<T>, a.matrix(i), m,
                           data_type<T>, s + i * n, data_type<T>, u + i * m * n, m, data_type<T>,
                           vt + i * n * n, n, data_type<T>, work.device(), work.device_bytes(),
                           work.host(), work.host_bytes(), info + i),
          op);
    work.used(op);
  }
}

template <class T>
void Solver<T>::geqrf(Stream& stream, Matrices<T> a, T* tau) {
  constexpr std::string_view op = "qr";
  const SolverHandles& h = handles_of(stream);
  const std::int64_t m = a.rows, n = a.cols;
  std::size_t device = 0, host = 0;
  check(cusolverDnXgeqrf_bufferSize(h.solver, h.params, m, n, data_type<T>, a.data, m, data_type<T>,
                                    tau, data_type<T>, &device, &host),
        op);
  Workspace work(stream, device, host);
  const Tensor info = scratch(stream, {1}, DType::i32);
  for (std::int64_t i = 0; i < a.count; ++i) {
    check(cusolverDnXgeqrf(h.solver, h.params, m, n, data_type<T>, a.matrix(i), m, data_type<T>,
                           tau + i * n, data_type<T>, work.device(), work.device_bytes(),
                           work.host(), work.host_bytes(), pointer<int>(stream, info)),
          op);
    work.used(op);
  }
}

template <class T>
void Solver<T>::orgqr(Stream& stream, Matrices<T> a, const T* tau) {
  constexpr std::string_view op = "qr";
  const SolverHandles& h = handles_of(stream);
  const int m = to_int(a.rows, op), n = to_int(a.cols, op);
  int length = 0;
  check(Named<T>::orgqr_size(h.solver, m, n, n, a.data, m, tau, &length), op);
  const Tensor work = scratch(stream, {length}, dtype_of<T>),
               info = scratch(stream, {1}, DType::i32);
  for (std::int64_t i = 0; i < a.count; ++i)
    check(Named<T>::orgqr(h.solver, m, n, n, a.matrix(i), m, tau + i * n, pointer<T>(stream, work),
                          length, pointer<int>(stream, info)),
          op);
}

template <class T>
Tensor Solver<T>::getrf(Stream& stream, Matrices<T> a, int* info) {
  constexpr std::string_view op = "lu";
  const SolverHandles& h = handles_of(stream);
  const std::int64_t n = a.rows;
  Tensor pivots = scratch(stream, {a.count, n}, is_batch(a) ? DType::i32 : DType::i64);
  if (is_batch(a)) {
    const Tensor all = addresses(stream, a.data, a.count, a.numel());
    const int size = to_int(n, op);
    check(Named<T>::getrf_batched(h.blas, size, table<T>(stream, all), size,
                                  pointer<int>(stream, pivots), info, to_int(a.count, op)),
          op);
    return pivots;
  }
  std::size_t device = 0, host = 0;
  check(cusolverDnXgetrf_bufferSize(h.solver, h.params, n, n, data_type<T>, a.data, n, data_type<T>,
                                    &device, &host),
        op);
  Workspace work(stream, device, host);
  for (std::int64_t i = 0; i < a.count; ++i) {
    check(
        cusolverDnXgetrf(h.solver, h.params, n, n, data_type<T>, a.matrix(i), n,
                         pointer<std::int64_t>(stream, pivots) + i * n, data_type<T>, work.device(),
                         work.device_bytes(), work.host(), work.host_bytes(), info + i),
        op);
    work.used(op);
  }
  return pivots;
}

template <class T>
void Solver<T>::getrs(Stream& stream, bool transposed, Matrices<T> lu, const Tensor& pivots,
                      Matrices<T> b) {
  constexpr std::string_view op = "solve";
  const SolverHandles& h = handles_of(stream);
  const std::int64_t n = lu.rows;
  const cublasOperation_t form = transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  if (pivots.dtype() == DType::i32) {
    const Tensor factors = addresses(stream, lu.data, lu.count, lu.numel()),
                 sides = addresses(stream, b.data, b.count, b.numel());
    const int size = to_int(n, op);
    int wrong = 0;
    return check(
        Named<T>::getrs_batched(h.blas, form, size, to_int(b.cols, op), table<T>(stream, factors),
                                size, pointer<int>(stream, pivots), table<T>(stream, sides), size,
                                &wrong, to_int(lu.count, op)),
        op);
  }
  const Tensor info = scratch(stream, {1}, DType::i32);
  for (std::int64_t i = 0; i < lu.count; ++i)
    check(cusolverDnXgetrs(h.solver, h.params, form, n, b.cols, data_type<T>, lu.matrix(i), n,
                           pointer<std::int64_t>(stream, pivots) + i * n, data_type<T>, b.matrix(i),
                           n, pointer<int>(stream, info)),
          op);
}

template <class T>
void Solver<T>::trsm(Stream& stream, ColumnTriangle t, Matrices<T> a, Matrices<T> b) {
  constexpr std::string_view op = "triangular_solve";
  const SolverHandles& h = handles_of(stream);
  const cublasFillMode_t fill = t.upper ? CUBLAS_FILL_MODE_UPPER : CUBLAS_FILL_MODE_LOWER;
  const cublasOperation_t form = t.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasDiagType_t diagonal = t.unit ? CUBLAS_DIAG_UNIT : CUBLAS_DIAG_NON_UNIT;
  const T one = 1;
  if (is_batch(a)) {
    const Tensor triangles = addresses(stream, a.data, a.count, a.numel()),
                 sides = addresses(stream, b.data, b.count, b.numel());
    return check(Named<T>::trsm_batched(h.blas, CUBLAS_SIDE_RIGHT, fill, form, diagonal, b.rows,
                                        b.cols, &one, table<T>(stream, triangles), a.rows,
                                        table<T>(stream, sides), b.rows, b.count),
                 op);
  }
  for (std::int64_t i = 0; i < a.count; ++i)
    check(Named<T>::trsm(h.blas, CUBLAS_SIDE_RIGHT, fill, form, diagonal, b.rows, b.cols, &one,
                         a.matrix(i), a.rows, b.matrix(i), b.rows),
          op);
}

template struct Solver<float>;
template struct Solver<double>;

}  // namespace sonde::cuda
