// Normalisation where each statistic belongs to one contiguous row: layer and RMS norm.
// Two passes over a row that lies in the cache: the mean, then the squared deviations from it.
#include <cmath>

#include "tensor/cpu/normalize.hpp"
#include "tensor/cpu/rows.hpp"
#include "tensor/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/normalize_rows.cpp"
#include "hwy/foreach_target.h"
#include "tensor/cpu/row_simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {
namespace {

template <class T>
using Row = AlongRow<hn::ScalableTag<T>>;

template <class T>
void normalize_row(const T* x, const T* weight, const T* bias, T* y, T& mean, T& rstd,
                   std::int64_t size, double eps, bool center) {
  const hn::ScalableTag<T> d;
  const Row<T> row(d, size);
  const double n = static_cast<double>(std::max<std::int64_t>(size, 1));
  const auto zero = hn::Zero(d);
  mean = 0;
  if (center && size > 0) {
    const auto pivot =
        hn::Set(d, x[0]);  // of numbers far from zero, the differences keep their digits
    mean = static_cast<T>(x[0] + row.sum([&](std::int64_t i, auto whole) HWY_ATTR {
      return hn::Sub(row.load(x, i, whole, pivot), pivot);
    }) / n);
  }
  const auto shift = hn::Set(d, mean);
  const double squares = row.sum([&](std::int64_t i, auto whole) HWY_ATTR {
    const auto v = hn::Sub(row.load(x, i, whole, shift), shift);
    return hn::Mul(v, v);
  });
  rstd = static_cast<T>(1 / std::sqrt(squares / n + eps));
  const auto scale = hn::Set(d, rstd), one = hn::Set(d, T(1));
  row.each([&](std::int64_t i, auto whole) HWY_ATTR {
    auto v = hn::Mul(hn::Sub(row.load(x, i, whole, zero), shift), scale);
    const auto w = weight ? row.load(weight, i, whole, zero) : one;
    const auto b = bias ? row.load(bias, i, whole, zero) : zero;
    row.store(hn::MulAdd(v, w, b), y, i, whole);
  });
}

// dx = rstd (g - <g> - xhat <g xhat>), g = ct weight. dweight += ct xhat and dbias += ct unless
// null.
template <class T>
void normalize_grad_row(const T* x, const T* weight, T mean, T scale, T rstd, const T* ct, T* dx,
                        T* dweight, T* dbias, std::int64_t size, bool center) {
  const hn::ScalableTag<T> d;
  const Row<T> row(d, size);
  const auto zero = hn::Zero(d), one = hn::Set(d, T(1));
  const auto mu = hn::Set(d, mean), by = hn::Set(d, scale);
  auto normal = [&](std::int64_t i, auto whole)
                    HWY_ATTR { return hn::Mul(hn::Sub(row.load(x, i, whole, mu), mu), by); };
  auto seed = [&](std::int64_t i, auto whole) HWY_ATTR {
    const auto w = weight ? row.load(weight, i, whole, zero) : one;
    return hn::Mul(row.load(ct, i, whole, zero), w);
  };
  auto sum = zero, dot = zero;
  row.each([&](std::int64_t i, auto whole) HWY_ATTR {
    const auto xhat = normal(i, whole), g = seed(i, whole);
    sum = hn::Add(sum, g);
    dot = hn::MulAdd(g, xhat, dot);
    if (dweight == nullptr) return;
    const auto c = row.load(ct, i, whole, zero);
    row.store(hn::MulAdd(c, xhat, row.load(dweight, i, whole, zero)), dweight, i, whole);
    row.store(hn::Add(c, row.load(dbias, i, whole, zero)), dbias, i, whole);
  });
  const auto inverse = hn::Set(d, T(1) / static_cast<T>(size)), factor = hn::Set(d, rstd);
  const auto g_mean = center ? hn::Mul(row.total(sum), inverse) : zero;
  const auto dot_mean = hn::Mul(row.total(dot), inverse);
  row.each([&](std::int64_t i, auto whole) HWY_ATTR {
    const auto v = hn::Sub(seed(i, whole), g_mean);
    row.store(hn::Mul(factor, hn::NegMulAdd(normal(i, whole), dot_mean, v)), dx, i, whole);
  });
}

// A row's place: row r of all belongs to lane r / (outer groups) and to group r % groups.
template <class T>
void forward_rows(const NormalizeForwardArgs<T>& a, std::int64_t begin, std::int64_t end) {
  const NormalizeSizes& s = a.sizes;
  for (std::int64_t r = begin; r < end; ++r) {
    const std::int64_t lane = r / (s.outer * s.groups), within = r % s.groups * s.inner;
    normalize_row(a.x + r * s.inner, a.weight ? a.weight + lane * a.weight_lane + within : nullptr,
                  a.bias ? a.bias + lane * a.bias_lane + within : nullptr, a.y + r * s.inner,
                  a.mean[r], a.rstd[r], s.inner, a.eps, a.center);
  }
}

template <class T>
void backward_rows(const NormalizeBackwardArgs<T>& a, T* dweight, T* dbias, std::int64_t begin,
                   std::int64_t end) {
  const NormalizeSizes& s = a.sizes;
  for (std::int64_t r = begin; r < end; ++r) {
    const std::int64_t lane = r / (s.outer * s.groups), within = r % s.groups * s.inner;
    normalize_grad_row(a.x + r * s.inner,
                       a.weight ? a.weight + lane * a.weight_lane + within : nullptr,
                       a.mean ? a.mean[r] : T(0), a.mean ? a.rstd[r] : T(1), a.rstd[r],
                       a.ct + r * s.inner, a.dx + r * s.inner, dweight ? dweight + within : nullptr,
                       dbias ? dbias + within : nullptr, s.inner, a.center);
  }
}

NormalizeRowKernels<float> kernels_f32() {
  return {&forward_rows<float>, &backward_rows<float>};
}
NormalizeRowKernels<double> kernels_f64() {
  return {&forward_rows<double>, &backward_rows<double>};
}

}  // namespace
}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {
namespace {

HWY_EXPORT(kernels_f32);
HWY_EXPORT(kernels_f64);

template <class T>
NormalizeRowKernels<T> kernels_for() {
  if constexpr (std::is_same_v<T, float>)
    return HWY_DYNAMIC_DISPATCH(kernels_f32)();
  else
    return HWY_DYNAMIC_DISPATCH(kernels_f64)();
}

template <class T>
void accumulate(const T* from, T* to, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] += from[i];
}

}  // namespace

template <class T>
void normalize_by_rows(const NormalizeForwardArgs<T>& a) {
  const NormalizeSizes& s = a.sizes;
  const auto kernels = kernels_for<T>();
  parallel_for(s.lanes * s.outer * s.groups, row_grain(s.inner),
               [&](std::int64_t begin, std::int64_t end) { kernels.forward(a, begin, end); });
}

// The parameters' gradients are sums over the outer axis: each lane's outer range is cut into a
// number of parts fixed by the sizes; part 0 adds into the result, the others into buffers that are
// then added in order.
template <class T>
void normalize_grad_by_rows(const NormalizeBackwardArgs<T>& a) {
  const NormalizeSizes& s = a.sizes;
  const auto kernels = kernels_for<T>();
  const bool parameters = a.dweight != nullptr;
  const std::int64_t parts = chunk_count(s.outer, row_grain(s.width())), width = s.width();
  const std::int64_t extra = parameters ? parts - 1 : 0;
  Tensor buffer = Tensor::zeros({s.lanes, extra, 2, width}, dtype_of<T>);
  auto part_sums = [&](std::int64_t lane, std::int64_t part) {
    return buffer.data<T>() + (lane * extra + part - 1) * 2 * width;
  };
  const std::int64_t part_size = s.outer / parts * width;
  parallel_for(s.lanes * parts, row_grain(part_size), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t unit = begin; unit < end; ++unit) {
      const std::int64_t lane = unit / parts, part = unit % parts;
      const std::int64_t first = lane * s.outer + chunk_begin(s.outer, parts, part);
      const std::int64_t last = lane * s.outer + chunk_begin(s.outer, parts, part + 1);
      T *dweight = nullptr, *dbias = nullptr;
      if (parameters) {
        dweight = part == 0 ? a.dweight + lane * width : part_sums(lane, part);
        dbias = part == 0 ? a.dbias + lane * width : dweight + width;
      }
      kernels.backward(a, dweight, dbias, first * s.groups, last * s.groups);
    }
  });
  for (std::int64_t lane = 0; lane < s.lanes; ++lane)
    for (std::int64_t part = 1; part <= extra; ++part) {
      accumulate(part_sums(lane, part), a.dweight + lane * width, width);
      accumulate(part_sums(lane, part) + width, a.dbias + lane * width, width);
    }
}

template void normalize_by_rows(const NormalizeForwardArgs<float>&);
template void normalize_by_rows(const NormalizeForwardArgs<double>&);
template void normalize_grad_by_rows(const NormalizeBackwardArgs<float>&);
template void normalize_grad_by_rows(const NormalizeBackwardArgs<double>&);

}  // namespace sonde::cpu
#endif  // HWY_ONCE
