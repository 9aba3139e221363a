// Linear algebra by cuSOLVER. A row-major matrix read by columns is its transpose, so that A = LL'
// by rows is A = U'U by columns, and a factor by columns is written straight into the output.
#include "tensor/kernels/linalg.hpp"

#include <vector>

#include "tensor/cuda/linalg_kernels.hpp"
#include "tensor/cuda/register.hpp"
#include "tensor/cuda/solver.hpp"

namespace sonde::cuda {
namespace {

Tensor scratch(const Tensor& like, const Dims& shape, DType dtype) {
  return Tensor::empty(shape, dtype, like.device());
}

template <class T>
Matrices<T> stack(Stream& stream, const Tensor& t, const MatrixBatch& b) {
  return {pointer<T>(stream, t), b.count, b.rows, b.cols};
}
MatrixBatch transposed(const MatrixBatch& b) {
  return {b.count, b.cols, b.rows};
}
bool is_empty(const MatrixBatch& b) {
  return b.count == 0 || b.matrix() == 0;
}

// What became of each matrix, by each of the steps that can fail; 0 is success.
class Info {
 public:
  Info(Stream& stream, const Tensor& like, std::int64_t count, std::int64_t steps = 1)
      : stream_(stream), count_(count), on_device_(scratch(like, {steps, count}, DType::i32)) {
    check(cudaMemsetAsync(of_step(0), 0, static_cast<std::size_t>(steps * count) * sizeof(int),
                          stream.handle),
          "info");
  }
  int* of_step(std::int64_t i) const { return pointer<int>(stream_, on_device_) + i * count_; }

  /// Waits; Error(numeric) names the first matrix that failed.
  void demand_success(std::string_view op, std::string_view failure) const {
    stream_.wait(fmt::format("{}: did it succeed?", op));
    std::vector<int> info(static_cast<std::size_t>(on_device_.numel()));
    stream_.staging.download(stream_.handle, info.data(), of_step(0), info.size() * sizeof(int));
    const auto count = static_cast<std::size_t>(count_);
    for (std::size_t i = count; i < info.size(); ++i) info[i % count] |= info[i];
    check_info(std::span(info).first(count), op, failure);
  }

 private:
  Stream& stream_;
  std::int64_t count_;
  Tensor on_device_;
};

template <class T>
void cholesky(const Tensor& a, Tensor& l) {
  const MatrixBatch b = batch_of(a);
  if (is_empty(b)) return;
  copy_into(a, l);
  Stream& stream = stream_of(l.device());
  const Info info(stream, l, b.count);
  Solver<T>::potrf(stream, stack<T>(stream, l, b), info.of_step(0));
  MatrixKernels<T>::finish_cholesky(stream, b, pointer<T>(stream, l), info.of_step(0));
  info.demand_success("cholesky", failure::not_positive);
}

template <class T>
void eigh(const Tensor& a, Tensor& w, Tensor& v) {
  const MatrixBatch b = batch_of(a);
  if (is_empty(b)) return;
  const Tensor vectors = v.transpose(-2, -1);  // row-major memory
  copy_into(a, vectors);
  Stream& stream = stream_of(v.device());
  const Info info(stream, v, b.count, 2);
  const Matrices<T> matrices = stack<T>(stream, vectors, b);
  MatrixKernels<T>::clear_unless_finite(stream, b, matrices.data, info.of_step(0));
  Solver<T>::syevd(stream, matrices, pointer<T>(stream, w), info.of_step(1));
  info.demand_success("eigh", failure::no_eigenvalues);
}

// The routine wants at least as many rows as columns. Read by columns, a wide row-major A = U S V'
// is the tall V S U', whose factors by columns are vt and u by rows. A tall A is copied to lie by
// columns, and so are its factors.
template <class T>
void svd(const Tensor& a, Tensor& u, Tensor& s, Tensor& vt) {
  const MatrixBatch b = batch_of(a);
  if (is_empty(b)) return;
  const bool tall = b.rows > b.cols;
  const Tensor work = work_copy(tall ? a.transpose(-2, -1) : a);
  const auto by_columns = [&](const Tensor& t) {
    return tall ? scratch(t, t.transpose(-2, -1).shape(), t.dtype()) : Tensor(t);
  };
  const Tensor left = by_columns(u), right = by_columns(vt);
  Stream& stream = stream_of(u.device());
  const Info info(stream, u, b.count, 2);
  const Matrices<T> matrices = stack<T>(stream, work, tall ? b : transposed(b));
  MatrixKernels<T>::clear_unless_finite(stream, b, matrices.data, info.of_step(0));
  Solver<T>::gesvd(stream, matrices, pointer<T>(stream, tall ? left : right), pointer<T>(stream, s),
                   pointer<T>(stream, tall ? right : left), info.of_step(1));
  info.demand_success("svd", failure::no_singular_values);
  if (tall) copy_into(left.transpose(-2, -1), u), copy_into(right.transpose(-2, -1), vt);
}

template <class T>
void qr(const Tensor& a, Tensor& q, Tensor& r) {
  const MatrixBatch b = batch_of(a);
  if (is_empty(b)) return;
  const Tensor columns = q.transpose(-2, -1);  // row-major memory: q by columns
  copy_into(a.transpose(-2, -1), columns);
  Stream& stream = stream_of(q.device());
  const Tensor tau = scratch(q, {b.count, b.cols}, dtype_of<T>);
  const Matrices<T> matrices = stack<T>(stream, columns, b);
  Solver<T>::geqrf(stream, matrices, pointer<T>(stream, tau));
  MatrixKernels<T>::take_upper(stream, b, matrices.data, pointer<T>(stream, r));
  Solver<T>::orgqr(stream, matrices, pointer<T>(stream, tau));
}

// By columns op(A) X = B reads X' op(A)' = B'.
template <class T>
void triangular_solve(const Tensor& a, const Tensor& b, kernels::Triangle t, Tensor& x) {
  const MatrixBatch systems = batch_of(a), sides = batch_of(x);
  if (is_empty(sides)) return;
  copy_into(b, x);
  const Tensor triangles = a.contiguous();
  Stream& stream = stream_of(x.device());
  const Info info(stream, x, systems.count);
  const Matrices<T> matrices = stack<T>(stream, triangles, systems);
  if (!t.unit)
    MatrixKernels<T>::find_zero_diagonal(stream, systems, matrices.data, info.of_step(0));
  Solver<T>::trsm(stream, {.upper = t.lower, .transposed = t.transposed, .unit = t.unit}, matrices,
                  stack<T>(stream, x, transposed(sides)));
  if (!t.unit) info.demand_success("triangular_solve", failure::zero_on_diagonal);
}

template <class T>
void solve(const Tensor& a, const Tensor& b, bool is_transposed, Tensor& x) {
  const MatrixBatch systems = batch_of(a), sides = batch_of(x);
  if (is_empty(systems)) return;
  const Tensor lu = work_copy(a), columns = x.transpose(-2, -1);
  copy_into(b.transpose(-2, -1), columns);
  Stream& stream = stream_of(x.device());
  const Info info(stream, x, systems.count);
  const Matrices<T> factors = stack<T>(stream, lu, systems);
  const Tensor pivots = Solver<T>::getrf(stream, factors, info.of_step(0));
  if (!is_empty(sides))
    Solver<T>::getrs(stream, !is_transposed, factors, pivots, stack<T>(stream, columns, sides));
  info.demand_success("solve", failure::singular);
}

// By columns A' X' = 1.
template <class T>
void inverse(const Tensor& a, Tensor& x) {
  const MatrixBatch b = batch_of(a);
  if (is_empty(b)) return;
  const Tensor lu = work_copy(a);
  Stream& stream = stream_of(x.device());
  const Info info(stream, x, b.count);
  const Matrices<T> factors = stack<T>(stream, lu, b), sides = stack<T>(stream, x, b);
  const Tensor pivots = Solver<T>::getrf(stream, factors, info.of_step(0));
  MatrixKernels<T>::write_identity(stream, b, sides.data);
  Solver<T>::getrs(stream, false, factors, pivots, sides);
  info.demand_success("inv", failure::singular);
}

// Calls f(stream, factors) with the factors of A', which have the determinant of A. A pivot of 0
// is a determinant of 0, no failure, so nothing waits.
template <class T, class F>
void with_factors(const Tensor& a, const MatrixBatch& b, F f) {
  const Tensor lu = work_copy(a);
  Stream& stream = stream_of(a.device());
  const Info info(stream, a, b.count);
  const Matrices<T> factors = stack<T>(stream, lu, b);
  const Tensor pivots = Solver<T>::getrf(stream, factors, info.of_step(0));
  f(stream, LuFactors<T>{factors.data, pivots, info.of_step(0)});
}

void fill(const Tensor& t, double value) {
  copy_into(Tensor::scalar(value, DType::f64), t);
}

template <class T>
void slogdet(const Tensor& a, Tensor& sign, Tensor& logabsdet) {
  const MatrixBatch b = batch_of(a);
  if (b.count == 0) return;
  if (b.rows == 0) return fill(sign, 1), fill(logabsdet, 0);
  with_factors<T>(a, b, [&](Stream& stream, const LuFactors<T>& lu) {
    MatrixKernels<T>::slogdet_of(stream, b, lu, pointer<T>(stream, sign),
                                 pointer<T>(stream, logabsdet));
  });
}

template <class T>
void det(const Tensor& a, Tensor& out) {
  const MatrixBatch b = batch_of(a);
  if (b.count == 0) return;
  if (b.rows == 0) return fill(out, 1);
  with_factors<T>(a, b, [&](Stream& stream, const LuFactors<T>& lu) {
    MatrixKernels<T>::det_of(stream, b, lu, pointer<T>(stream, out));
  });
}

template <class T>
void register_type() {
  constexpr DType dtype = dtype_of<T>;
  constexpr DeviceType cuda = DeviceType::cuda;
  kernels::cholesky.add(cuda, {dtype}, &cholesky<T>);
  kernels::eigh.add(cuda, {dtype}, &eigh<T>);
  kernels::svd.add(cuda, {dtype}, &svd<T>);
  kernels::qr.add(cuda, {dtype}, &qr<T>);
  kernels::triangular_solve.add(cuda, {dtype}, &triangular_solve<T>);
  kernels::solve.add(cuda, {dtype}, &solve<T>);
  kernels::inverse.add(cuda, {dtype}, &inverse<T>);
  kernels::slogdet.add(cuda, {dtype}, &slogdet<T>);
  kernels::det.add(cuda, {dtype}, &det<T>);
}

}  // namespace

void register_linalg() {
  register_type<float>();
  register_type<double>();
}

}  // namespace sonde::cuda
