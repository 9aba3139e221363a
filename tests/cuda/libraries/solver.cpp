// Stands in for tensor/cuda/solver.cpp where kernels are simulated: the CPU's kernels, matrix by
// matrix, and plain loops for the factorisations that those do not show.
#include "tensor/cuda/solver.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tensor/kernels/linalg.hpp"
#include "tests/cuda/libraries/host_work.hpp"
#include "tests/cuda/libraries/solver.hpp"

namespace sonde::cuda {

std::atomic<std::int64_t> fails_to_converge{-1};

namespace {

// What cuSOLVER leaves where it promises nothing.
template <class T>
constexpr T nothing = std::numeric_limits<T>::quiet_NaN();

// A matrix by columns as the transpose of a tensor by rows.
template <class T>
Tensor read(const T* by_columns, std::int64_t rows, std::int64_t cols) {
  return Tensor::from(std::span(by_columns, static_cast<std::size_t>(rows * cols)), {cols, rows})
      .transpose(0, 1);
}
template <class T>
void write(const Tensor& t, T* by_columns) {
  const Tensor columns = (t.rank() == 2 ? t.transpose(0, 1) : t).contiguous();
  std::copy_n(columns.data<T>(), columns.numel(), by_columns);
}

// Element (i, j) of a matrix by columns.
template <class T>
struct ByColumns {
  T* data;
  std::int64_t rows;
  T& operator()(std::int64_t i, std::int64_t j) const { return data[i + j * rows]; }
};

// Whether an iteration is to be taken for one that did not converge.
int convergence(std::int64_t matrix) {
  return fails_to_converge.load() == matrix ? 7 : 0;
}

// 0 if the kernel finds nothing wrong with its matrix.
template <class F>
int info_of(F run) {
  try {
    run();
    return 0;
  } catch (const Error&) {
    return 1;
  }
}

// Householder's reflections, as LAPACK's geqr2.
template <class T>
void householder(ByColumns<T> a, std::int64_t m, std::int64_t n, T* tau) {
  for (std::int64_t k = 0; k < n; ++k) {
    double below = 0;
    for (std::int64_t i = k + 1; i < m; ++i) below += double{a(i, k)} * a(i, k);
    if (below == 0) {
      tau[k] = 0;
      continue;
    }
    const double alpha = a(k, k), beta = -std::copysign(std::sqrt(alpha * alpha + below), alpha);
    tau[k] = static_cast<T>((beta - alpha) / beta);
    for (std::int64_t i = k + 1; i < m; ++i) a(i, k) = static_cast<T>(a(i, k) / (alpha - beta));
    a(k, k) = static_cast<T>(beta);
    for (std::int64_t j = k + 1; j < n; ++j) {
      double dot = a(k, j);
      for (std::int64_t i = k + 1; i < m; ++i) dot += double{a(i, k)} * a(i, j);
      a(k, j) -= static_cast<T>(tau[k] * dot);
      for (std::int64_t i = k + 1; i < m; ++i) a(i, j) -= static_cast<T>(tau[k] * dot * a(i, k));
    }
  }
}

// Q from the reflections, last one first.
template <class T>
void collect(ByColumns<T> a, std::int64_t m, std::int64_t n, const T* tau) {
  for (std::int64_t k = n; k-- > 0;) {
    for (std::int64_t j = k + 1; j < n; ++j) {
      double dot = 0;
      for (std::int64_t i = k + 1; i < m; ++i) dot += double{a(i, k)} * a(i, j);
      a(k, j) = static_cast<T>(-tau[k] * dot);
      for (std::int64_t i = k + 1; i < m; ++i) a(i, j) -= static_cast<T>(tau[k] * dot * a(i, k));
    }
    for (std::int64_t i = k + 1; i < m; ++i) a(i, k) *= -tau[k];
    a(k, k) = 1 - tau[k];
    for (std::int64_t i = 0; i < k; ++i) a(i, k) = 0;
  }
}

// Gaussian elimination with partial pivoting. Behind a pivot of 0, nothing is defined.
template <class T, class P>
int eliminate(ByColumns<T> a, std::int64_t n, P* exchanged) {
  int info = 0;
  for (std::int64_t k = 0; k < n; ++k) {
    std::int64_t best = k;
    for (std::int64_t i = k + 1; i < n; ++i)
      if (std::abs(a(i, k)) > std::abs(a(best, k))) best = i;
    exchanged[k] = static_cast<P>(best + 1);
    for (std::int64_t j = 0; j < n; ++j) std::swap(a(k, j), a(best, j));
    if (info == 0 && a(k, k) == 0) info = static_cast<int>(k + 1);
    if (info != 0 && k >= info) a(k, k) = nothing<T>;
    if (info != 0) continue;
    for (std::int64_t i = k + 1; i < n; ++i) {
      a(i, k) /= a(k, k);
      for (std::int64_t j = k + 1; j < n; ++j) a(i, j) -= a(i, k) * a(k, j);
    }
  }
  return info;
}

// Solves with L and U (or U' and L'), and exchanges rows as P says.
template <class T, class P>
void substitute(ByColumns<T> lu, std::int64_t n, const P* exchanged, bool transposed, T* x) {
  const auto exchange = [&](std::int64_t k) {
    std::swap(x[k], x[static_cast<std::int64_t>(exchanged[k]) - 1]);
  };
  const auto at = [&](std::int64_t i, std::int64_t j) { return transposed ? lu(j, i) : lu(i, j); };
  for (std::int64_t k = 0; k < n && !transposed; ++k) exchange(k);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < i; ++j) x[i] -= at(i, j) * x[j];
    if (transposed) x[i] /= lu(i, i);
  }
  for (std::int64_t i = n; i-- > 0;) {
    for (std::int64_t j = i + 1; j < n; ++j) x[i] -= at(i, j) * x[j];
    if (!transposed) x[i] /= lu(i, i);
  }
  for (std::int64_t k = n; k-- > 0 && transposed;) exchange(k);
}

// Batches have pivots of the other type, as in the library.
template <class F>
void with_pivot_type(DType t, void* pivots, F f) {
  t == DType::i32 ? f(static_cast<std::int32_t*>(pivots)) : f(static_cast<std::int64_t*>(pivots));
}

}  // namespace

template <class T>
void Solver<T>::potrf(Stream& stream, Matrices<T> a, int* info) {
  put_on(stream, [=] {
    for (std::int64_t i = 0; i < a.count; ++i) {
      Tensor l = Tensor::zeros({a.rows, a.rows}, dtype_of<T>);
      // By rows the upper triangle is the lower one.
      const Tensor by_rows = read(a.matrix(i), a.rows, a.rows).transpose(0, 1);
      const int failed = info_of([&] { kernels::cholesky.find({}, dtype_of<T>)(by_rows, l); });
      info[i] = std::isnan(l.at({a.rows - 1, a.rows - 1})) ? 0 : failed;  // it may not notice
      write(l.transpose(0, 1), a.matrix(i));
      const ByColumns<T> at{a.matrix(i), a.rows};
      for (std::int64_t col = 0; col < a.rows; ++col)
        for (std::int64_t row = col + 1; row < a.rows; ++row) at(row, col) = nothing<T>;
    }
  });
}

template <class T>
void Solver<T>::syevd(Stream& stream, Matrices<T> a, T* w, int* info) {
  put_on(stream, [=] {
    for (std::int64_t i = 0; i < a.count; ++i) {
      const std::int64_t n = a.rows;
      Tensor values = Tensor::zeros({n}, dtype_of<T>),
             vectors = Tensor::zeros({n, n}, dtype_of<T>).transpose(0, 1);
      const Tensor by_rows = read(a.matrix(i), n, n).transpose(0, 1);
      info[i] = info_of([&] { kernels::eigh.find({}, dtype_of<T>)(by_rows, values, vectors); }) |
                convergence(i);
      write(values, w + i * n);
      write(vectors, a.matrix(i));
    }
  });
}

template <class T>
void Solver<T>::gesvd(Stream& stream, Matrices<T> a, T* u, T* s, T* vt, int* info) {
  put_on(stream, [=] {
    const std::int64_t m = a.rows, n = a.cols;
    for (std::int64_t i = 0; i < a.count; ++i) {
      Tensor left = Tensor::zeros({m, n}, dtype_of<T>), values = Tensor::zeros({n}, dtype_of<T>),
             right = Tensor::zeros({n, n}, dtype_of<T>);
      const Tensor matrix = read(a.matrix(i), m, n);
      info[i] = info_of([&] { kernels::svd.find({}, dtype_of<T>)(matrix, left, values, right); }) |
                convergence(i);
      write(left, u + i * m * n);
      write(values, s + i * n);
      write(right, vt + i * n * n);
      std::fill_n(a.matrix(i), m * n, nothing<T>);
    }
  });
}

template <class T>
void Solver<T>::geqrf(Stream& stream, Matrices<T> a, T* tau) {
  put_on(stream, [=] {
    for (std::int64_t i = 0; i < a.count; ++i)
      householder<T>({a.matrix(i), a.rows}, a.rows, a.cols, tau + i * a.cols);
  });
}
template <class T>
void Solver<T>::orgqr(Stream& stream, Matrices<T> a, const T* tau) {
  put_on(stream, [=] {
    for (std::int64_t i = 0; i < a.count; ++i)
      collect<T>({a.matrix(i), a.rows}, a.rows, a.cols, tau + i * a.cols);
  });
}

template <class T>
Tensor Solver<T>::getrf(Stream& stream, Matrices<T> a, int* info) {
  const DType dtype = a.count > 1 ? DType::i32 : DType::i64;
  const Tensor pivots = Tensor::empty({a.count, a.rows}, dtype, {DeviceType::cuda, 0});
  void* at = address(stream, pivots);
  put_on(stream, [=] {
    with_pivot_type(dtype, at, [&](auto* exchanged) {
      for (std::int64_t i = 0; i < a.count; ++i)
        info[i] = eliminate<T>({a.matrix(i), a.rows}, a.rows, exchanged + i * a.rows);
    });
  });
  return pivots;
}
template <class T>
void Solver<T>::getrs(Stream& stream, bool transposed, Matrices<T> lu, const Tensor& pivots,
                      Matrices<T> b) {
  void* at = address(stream, pivots);
  put_on(stream, [=, dtype = pivots.dtype()] {
    with_pivot_type(dtype, at, [&](const auto* exchanged) {
      for (std::int64_t i = 0; i < lu.count; ++i)
        for (std::int64_t j = 0; j < b.cols; ++j)
          substitute<T>({lu.matrix(i), lu.rows}, lu.rows, exchanged + i * lu.rows, transposed,
                        b.matrix(i) + j * b.rows);
    });
  });
}

// X op(A) = B is op(A)' X' = B'.
template <class T>
void Solver<T>::trsm(Stream& stream, ColumnTriangle t, Matrices<T> a, Matrices<T> b) {
  put_on(stream, [=] {
    for (std::int64_t i = 0; i < a.count; ++i) {
      const Tensor triangle = read(a.matrix(i), a.rows, a.rows),
                   side = read(b.matrix(i), b.rows, b.cols).transpose(0, 1);
      Tensor x = Tensor::zeros(side.shape(), dtype_of<T>);
      const kernels::Triangle attributes{!t.upper, !t.transposed, t.unit};
      const int info = info_of(
          [&] { kernels::triangular_solve.find({}, dtype_of<T>)(triangle, side, attributes, x); });
      write(info == 0 ? x.transpose(0, 1) : Tensor::full(side.shape(), nothing<T>, dtype_of<T>),
            b.matrix(i));
    }
  });
}

template struct Solver<float>;
template struct Solver<double>;

}  // namespace sonde::cuda
