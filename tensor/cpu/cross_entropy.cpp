// Cross-entropy with integer targets: the losses of all rows, and its gradient, in one pass over
// the logits each. Of the forward pass only the logsumexp of each row is kept: exp(x - lse) costs
// less than reading it back.
#include "tensor/cpu/register.hpp"
#include "tensor/cpu/rows.hpp"
#include "tensor/kernels/softmax_norm.hpp"
#include "tensor/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/cross_entropy.cpp"
#include "hwy/foreach_target.h"
#include "tensor/cpu/softmax_row-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {
namespace {

void logsumexp_rows(const Tensor& x, const Tensor& lse, std::int64_t size, std::int64_t begin,
                    std::int64_t end) {
  visit_float(x.dtype(), [&](auto zero) HWY_ATTR {
    using T = decltype(zero);
    const T* rows = x.data<T>();
    T* out = lse.data<T>();
    const AlongRow row(hn::ScalableTag<T>(), size);
    for (std::int64_t r = begin; r < end; r += logarithm_block)
      row_logsumexp(row, rows + r * size, size, std::min(logarithm_block, end - r), out + r);
  });
}

// Means of the rows, for label smoothing.
void mean_rows(const Tensor& x, const Tensor& mean, std::int64_t size, std::int64_t begin,
               std::int64_t end) {
  visit_float(x.dtype(), [&](auto nothing) HWY_ATTR {
    using T = decltype(nothing);
    const T* rows = x.data<T>();
    T* out = mean.data<T>();
    const AlongRow row(hn::ScalableTag<T>(), size);
    for (std::int64_t r = begin; r < end; ++r)
      out[r] = static_cast<T>(row.sum([&](std::int64_t i, auto whole) HWY_ATTR {
        return row.load(rows + r * size, i, whole, zero(row));
      }) / static_cast<double>(size));
  });
}

// g = scale (exp(x - lse) - uniform) with one lse and one scale per row.
void gradient_rows(const Tensor& x, const Tensor& lse, const Tensor& scale, const Tensor& g,
                   double uniform, std::int64_t size, std::int64_t begin, std::int64_t end) {
  visit_float(x.dtype(), [&](auto nothing) HWY_ATTR {
    using T = decltype(nothing);
    const T *rows = x.data<T>(), *shift = lse.data<T>(), *factor = scale.data<T>();
    T* out = g.data<T>();
    const hn::ScalableTag<T> d;
    const auto q = hn::Set(d, static_cast<T>(uniform));
    const AlongRow row(d, size);
    for (std::int64_t r = begin; r < end; ++r) {
      const auto top = hn::Set(d, shift[r]), by = hn::Set(d, factor[r]);
      row.each([&](std::int64_t i, auto whole) HWY_ATTR {
        const auto p = exp_or_zero(d, hn::Sub(row.load(rows + r * size, i, whole, zero(row)), top));
        row.store(hn::Mul(hn::Sub(p, q), by), out + r * size, i, whole);
      });
    }
  });
}

}  // namespace
}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {
namespace {

HWY_EXPORT(logsumexp_rows);
HWY_EXPORT(mean_rows);
HWY_EXPORT(gradient_rows);

constexpr std::string_view op = "cross_entropy";

Dims without(const Dims& shape, int axis) {
  Dims rest = shape;
  rest.erase(axis);
  return rest;
}

void check_targets(const std::int64_t* target, std::int64_t rows, std::int64_t classes,
                   std::int64_t ignored) {
  for (std::int64_t r = 0; r < rows; ++r)
    if (target[r] != ignored && (target[r] < 0 || target[r] >= classes))
      fail(ErrorCode::value, op, "target {} of row {} is not in 0 .. {}", target[r], r,
           classes - 1);
}

// loss = lse - (1-s) x[target] - s mean(x); 0 for ignored rows.
template <class T>
void losses(const T* x, const std::int64_t* target, const T* lse, const T* mean, T* loss,
            T* counted, std::int64_t rows, std::int64_t classes, const kernels::CrossEntropy& a) {
  const T s = static_cast<T>(a.label_smoothing);
  for (std::int64_t r = 0; r < rows; ++r) {
    const bool ignored = target[r] == a.ignore_index;
    counted[r] = ignored ? T(0) : T(1);
    loss[r] = ignored ? T(0) : lse[r] - (1 - s) * x[r * classes + target[r]];
    if (s != 0 && !ignored) loss[r] -= s * mean[r];
  }
}

std::array<Tensor, 3> cross_entropy(const Tensor& x, const Tensor& target,
                                    const kernels::CrossEntropy& a) {
  const Dims shape = without(x.shape(), a.axis);
  const std::int64_t rows = numel(shape), classes = x.size(a.axis);
  Tensor loss = Tensor::empty(shape, x.dtype()), lse = Tensor::empty(shape, x.dtype());
  Tensor counted = Tensor::empty(shape, x.dtype());
  if (rows == 0) return {loss, lse, counted};
  const Tensor logits = as_rows(x, a.axis), index = target.contiguous();
  check_targets(index.data<std::int64_t>(), rows, classes, a.ignore_index);
  const Tensor mean = a.label_smoothing != 0 ? Tensor::empty(shape, x.dtype()) : loss;
  parallel_for(rows, row_grain(classes), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(logsumexp_rows)(logits, lse, classes, begin, end);
    if (a.label_smoothing != 0) HWY_DYNAMIC_DISPATCH(mean_rows)(logits, mean, classes, begin, end);
  });
  visit_float(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    losses(logits.data<T>(), index.data<std::int64_t>(), lse.data<T>(), mean.data<T>(),
           loss.data<T>(), counted.data<T>(), rows, classes, a);
  });
  return {loss, lse, counted};
}

Tensor cross_entropy_grad(const Tensor& x, const Tensor& target, const Tensor& lse,
                          const Tensor& ct, const kernels::CrossEntropy& a) {
  Tensor g = empty_rows(x, a.axis);
  if (x.numel() == 0) return g;
  const std::int64_t classes = x.size(a.axis), rows = x.numel() / classes;
  const Tensor logits = as_rows(x, a.axis), index = target.contiguous();
  const Tensor shift = lse.contiguous(), scale = ct.contiguous();
  const std::int64_t* t = index.data<std::int64_t>();
  check_targets(t, rows, classes, a.ignore_index);
  visit_float(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const double uniform = a.with_target ? a.label_smoothing / static_cast<double>(classes) : 0;
    const T hit = static_cast<T>(a.with_target ? 1 - a.label_smoothing : 0),
            *factor = scale.data<T>();
    T* out = g.data<T>();
    parallel_for(rows, row_grain(classes), [&](std::int64_t begin, std::int64_t end) {
      HWY_DYNAMIC_DISPATCH(gradient_rows)(logits, shift, scale, g, uniform, classes, begin, end);
      for (std::int64_t r = begin; r < end; ++r) {
        if (t[r] != a.ignore_index)
          out[r * classes + t[r]] -= hit * factor[r];
        else
          std::fill_n(out + r * classes, classes, T(0));
      }
    });
  });
  return g;
}

}  // namespace

void register_cross_entropy() {
  kernels::cross_entropy.add(DeviceType::cpu, {DType::f32, DType::f64}, &cross_entropy);
  kernels::cross_entropy_grad.add(DeviceType::cpu, {DType::f32, DType::f64}, &cross_entropy_grad);
}

}  // namespace sonde::cpu
#endif  // HWY_ONCE
