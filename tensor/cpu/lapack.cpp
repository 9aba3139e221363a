#include "tensor/cpu/lapack.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "tensor/cpu/register.hpp"
#include "tensor/kernels/linalg.hpp"
#include "tensor/matrix_batch.hpp"
#include "tensor/parallel.hpp"

namespace sonde::cpu {
namespace {

int to_int(std::int64_t value, std::string_view op) {
  if (value > std::numeric_limits<int>::max())
    fail(ErrorCode::size, op, "{} does not fit LAPACK's integers", value);
  return static_cast<int>(value);
}

// Calls f(i) -> info for each matrix, in parallel if they are worth it; the first failure becomes
// an Error(numeric).
template <class F>
void for_each_matrix(const MatrixBatch& b, std::string_view op, std::string_view failure, F f) {
  std::vector<int> info(static_cast<std::size_t>(b.count));
  const std::int64_t work = b.matrix() * std::min(b.rows, b.cols) + 1;
  parallel_for(b.count, (1 << 18) / work + 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) info[static_cast<std::size_t>(i)] = f(i);
  });
  check_info(info, op, failure);
}

// Iterative routines may not return from a NaN.
template <class T>
bool finite(const T* p, std::int64_t n) {
  return std::all_of(p, p + n, [](T x) { return std::isfinite(x); });
}
constexpr int not_finite = -1000;

// Workspace of the size the routine asks for: call(work, lwork) with lwork = -1 writes it to
// work[0].
template <class T, class F>
Tensor workspace(F call, std::string_view op) {
  T size = 0;
  call(&size, -1);
  return Tensor::empty({to_int(static_cast<std::int64_t>(size) + 1, op)}, dtype_of<T>);
}

template <class T>
void cholesky(const Tensor& a, Tensor& l) {
  copy_into(a, l);
  const MatrixBatch b = batch_of(a);
  const int n = to_int(b.rows, "cholesky");
  for_each_matrix(b, "cholesky", failure::not_positive, [&](std::int64_t i) {
    T* m = l.data<T>() + i * b.matrix();
    int info = 0;
    const int ld = std::max(n, 1);
    Lapack<T>::potrf("U", &n, m, &ld, &info,
                     1);  // by columns the upper triangle is the lower one by rows
    for (int r = 0; r < n; ++r) std::fill(m + r * b.cols + r + 1, m + (r + 1) * b.cols, T{0});
    // The routine may not notice a NaN, which spreads down to the last element.
    return n > 0 && std::isnan(m[b.matrix() - 1]) ? n : info;
  });
}

template <class T>
void eigh(const Tensor& a, Tensor& w, Tensor& v) {
  const Tensor vectors = v.transpose(-2, -1);  // row-major memory
  copy_into(a, vectors);
  const MatrixBatch b = batch_of(a);
  const int n = to_int(b.rows, "eigh"), ld = std::max(n, 1),
            iwork_size = to_int(3 + 5 * b.rows, "eigh");
  const Tensor space = workspace<T>(
      [&](T* work, int lwork) {
        int info = 0, iwork = 0, liwork = -1;
        Lapack<T>::syevd("V", "U", &n, nullptr, &ld, nullptr, work, &lwork, &iwork, &liwork, &info,
                         1, 1);
      },
      "eigh");
  const int lwork = to_int(space.numel(), "eigh");
  for_each_matrix(b, "eigh", failure::no_eigenvalues, [&](std::int64_t i) {
    T* m = vectors.data<T>() + i * b.matrix();
    if (!finite(m, b.matrix())) return not_finite;
    const Tensor work = Tensor::empty({lwork}, dtype_of<T>),
                 iwork = Tensor::empty({iwork_size}, DType::i32);
    int info = 0;
    Lapack<T>::syevd("V", "U", &n, m, &ld, w.data<T>() + i * b.rows, work.data<T>(), &lwork,
                     iwork.data<std::int32_t>(), &iwork_size, &info, 1, 1);
    return info;
  });
}

// By columns the row-major A is A' = V S U': LAPACK's "U" is vt by rows, its "VT" is u by rows.
template <class T>
void svd(const Tensor& a, Tensor& u, Tensor& s, Tensor& vt) {
  const Tensor copy = work_copy(a);
  const MatrixBatch b = batch_of(a);
  const std::int64_t k = std::min(b.rows, b.cols);
  if (k == 0) return;
  const int m = to_int(b.cols, "svd"), n = to_int(b.rows, "svd"), kk = static_cast<int>(k);
  const Tensor space = workspace<T>(
      [&](T* work, int lwork) {
        int info = 0;
        Lapack<T>::gesdd("S", &m, &n, nullptr, &m, nullptr, nullptr, &m, nullptr, &kk, work, &lwork,
                         nullptr, &info, 1);
      },
      "svd");
  const int lwork = to_int(space.numel(), "svd");
  for_each_matrix(b, "svd", failure::no_singular_values, [&](std::int64_t i) {
    T* matrix = copy.data<T>() + i * b.matrix();
    if (!finite(matrix, b.matrix())) return not_finite;
    const Tensor work = Tensor::empty({lwork}, dtype_of<T>),
                 iwork = Tensor::empty({8 * k}, DType::i32);
    int info = 0;
    Lapack<T>::gesdd("S", &m, &n, matrix, &m, s.data<T>() + i * k, vt.data<T>() + i * k * b.cols,
                     &m, u.data<T>() + i * k * b.rows, &kk, work.data<T>(), &lwork,
                     iwork.data<std::int32_t>(), &info, 1);
    return info;
  });
}

template <class T>
void qr(const Tensor& a, Tensor& q, Tensor& r) {
  const Tensor columns = q.transpose(-2, -1);  // row-major memory: q by columns
  copy_into(a.transpose(-2, -1), columns);
  const MatrixBatch b = batch_of(a);
  const int m = to_int(b.rows, "qr"), n = to_int(b.cols, "qr"), ld = std::max(m, 1);
  const auto size = [&](auto routine) { return workspace<T>(routine, "qr").numel(); };
  int info = 0;
  const int lwork =
      to_int(std::max(size([&](T* work, int l) {
                        Lapack<T>::geqrf(&m, &n, nullptr, &ld, nullptr, work, &l, &info);
                      }),
                      size([&](T* work, int l) {
                        Lapack<T>::orgqr(&m, &n, &n, nullptr, &ld, nullptr, work, &l, &info);
                      })),
             "qr");
  for_each_matrix(b, "qr", "could not be factored", [&](std::int64_t i) {
    T *matrix = columns.data<T>() + i * b.matrix(), *upper = r.data<T>() + i * b.cols * b.cols;
    const Tensor work = Tensor::empty({lwork + b.cols}, dtype_of<T>);
    T *space = work.data<T>(), *tau = space + lwork;
    int failed = 0;
    Lapack<T>::geqrf(&m, &n, matrix, &ld, tau, space, &lwork, &failed);
    for (std::int64_t row = 0; row < b.cols; ++row)
      for (std::int64_t col = 0; col < b.cols; ++col)
        upper[row * b.cols + col] = col < row ? T{0} : matrix[col * b.rows + row];
    if (failed == 0) Lapack<T>::orgqr(&m, &n, &n, matrix, &ld, tau, space, &lwork, &failed);
    return failed;
  });
}

// By columns op(A) X = B reads X' op(A)' = B'.
template <class T>
void triangular_solve(const Tensor& a, const Tensor& b, kernels::Triangle t, Tensor& x) {
  copy_into(b, x);
  const Tensor matrices = a.contiguous();
  const MatrixBatch systems = batch_of(a), sides = batch_of(x);
  const int n = to_int(sides.rows, "triangular_solve"), k = to_int(sides.cols, "triangular_solve");
  if (n == 0 || k == 0) return;
  for_each_matrix(sides, "triangular_solve", failure::zero_on_diagonal, [&](std::int64_t i) {
    const T* m = matrices.data<T>() + i * systems.matrix();
    for (int d = 0; d < n && !t.unit; ++d)
      if (m[d * (std::int64_t{n} + 1)] == T{0}) return d + 1;
    const T one = 1;
    Lapack<T>::trsm("R", t.lower ? "U" : "L", t.transposed ? "T" : "N", t.unit ? "U" : "N", &k, &n,
                    &one, m, &n, x.data<T>() + i * sides.matrix(), &k, 1, 1, 1, 1);
    return 0;
  });
}

// LU of A' (A read by columns); `pivots` has room for n.
template <class T>
int factor(T* matrix, int n, int* pivots) {
  int info = 0;
  const int ld = std::max(n, 1);
  Lapack<T>::getrf(&n, &n, matrix, &ld, pivots, &info);
  return info;
}

template <class T>
void solve(const Tensor& a, const Tensor& b, bool transposed, Tensor& x) {
  const Tensor lu = work_copy(a), columns = x.transpose(-2, -1);
  copy_into(b.transpose(-2, -1), columns);
  const MatrixBatch systems = batch_of(a), sides = batch_of(x);
  const int n = to_int(sides.rows, "solve"), k = to_int(sides.cols, "solve"), ld = std::max(n, 1);
  for_each_matrix(systems, "solve", failure::singular, [&](std::int64_t i) {
    const Tensor pivots = Tensor::empty({systems.rows}, DType::i32);
    int info = factor(lu.data<T>() + i * systems.matrix(), n, pivots.data<std::int32_t>());
    if (info == 0)
      Lapack<T>::getrs(transposed ? "N" : "T", &n, &k, lu.data<T>() + i * systems.matrix(), &ld,
                       pivots.data<std::int32_t>(), columns.data<T>() + i * sides.matrix(), &ld,
                       &info, 1);
    return info;
  });
}

template <class T>
void inverse(const Tensor& a, Tensor& x) {
  copy_into(a, x);
  const MatrixBatch b = batch_of(a);
  const int n = to_int(b.rows, "inv"), ld = std::max(n, 1);
  int info = 0;
  const int lwork = to_int(
      workspace<T>(
          [&](T* work, int l) { Lapack<T>::getri(&n, nullptr, &ld, nullptr, work, &l, &info); },
          "inv")
          .numel(),
      "inv");
  for_each_matrix(b, "inv", failure::singular, [&](std::int64_t i) {
    const Tensor pivots = Tensor::empty({b.rows}, DType::i32),
                 work = Tensor::empty({lwork}, dtype_of<T>);
    T* m = x.data<T>() + i * b.matrix();
    int failed = factor(m, n, pivots.data<std::int32_t>());
    if (failed == 0)
      Lapack<T>::getri(&n, m, &ld, pivots.data<std::int32_t>(), work.data<T>(), &lwork, &failed);
    return failed;
  });
}

// Calls f(i, pivot, n, odd) for each matrix: pivot(r) is the r-th element of U's diagonal, `odd`
// tells whether the rows were exchanged an odd number of times.
template <class T, class F>
void with_pivots(const Tensor& a, std::string_view op, F f) {
  const Tensor lu = work_copy(a);
  const MatrixBatch b = batch_of(a);
  const int n = to_int(b.rows, op);
  for_each_matrix(b, op, "could not be factored", [&](std::int64_t i) {
    const Tensor pivots = Tensor::empty({b.rows}, DType::i32);
    T* m = lu.data<T>() + i * b.matrix();
    factor(m, n, pivots.data<std::int32_t>());  // a zero pivot is a zero determinant, no failure
    bool odd = false;
    for (int r = 0; r < n; ++r) odd ^= pivots.data<std::int32_t>()[r] != r + 1;
    f(
        i, [m, n](int r) { return m[r * (std::int64_t{n} + 1)]; }, n, odd);
    return 0;
  });
}

template <class T>
void slogdet(const Tensor& a, Tensor& sign, Tensor& logabsdet) {
  with_pivots<T>(a, "slogdet", [&](std::int64_t i, auto pivot, int n, bool odd) {
    T s = odd ? T{-1} : T{1}, log = 0;
    for (int r = 0; r < n; ++r) {
      const T p = pivot(r);
      s *= p > 0 ? T{1} : p < 0 ? T{-1} : p;  // keeps 0 and NaN
      log += std::log(std::abs(p));
    }
    sign.data<T>()[i] = s;
    logabsdet.data<T>()[i] = log;
  });
}

template <class T>
void det(const Tensor& a, Tensor& out) {
  with_pivots<T>(a, "det", [&](std::int64_t i, auto pivot, int n, bool odd) {
    T product = odd ? T{-1} : T{1};
    for (int r = 0; r < n; ++r) product *= pivot(r);
    out.data<T>()[i] = product;
  });
}

template <class T>
void register_type() {
  constexpr DType dtype = dtype_of<T>;
  kernels::cholesky.add(DeviceType::cpu, {dtype}, &cholesky<T>);
  kernels::eigh.add(DeviceType::cpu, {dtype}, &eigh<T>);
  kernels::svd.add(DeviceType::cpu, {dtype}, &svd<T>);
  kernels::qr.add(DeviceType::cpu, {dtype}, &qr<T>);
  kernels::triangular_solve.add(DeviceType::cpu, {dtype}, &triangular_solve<T>);
  kernels::solve.add(DeviceType::cpu, {dtype}, &solve<T>);
  kernels::inverse.add(DeviceType::cpu, {dtype}, &inverse<T>);
  kernels::slogdet.add(DeviceType::cpu, {dtype}, &slogdet<T>);
  kernels::det.add(DeviceType::cpu, {dtype}, &det<T>);
}

}  // namespace

void register_linalg() {
  register_type<float>();
  register_type<double>();
}

}  // namespace sonde::cpu
