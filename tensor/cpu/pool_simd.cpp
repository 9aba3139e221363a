#include "tensor/cpu/pool_simd.hpp"

#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/pool_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Calls f(tag, c) for vectors that cover the channels; the last may overlap the one before, so f
// must not accumulate.
template <class T, class F>
HWY_INLINE void for_channels(std::int64_t channels, const F& f) {
  const hn::ScalableTag<T> d;
  const auto width = static_cast<std::int64_t>(hn::Lanes(d));
  if (channels < width) {
    for (std::int64_t c = 0; c < channels; ++c) f(hn::CappedTag<T, 1>(), c);
  } else {
    for (std::int64_t c = 0; c < channels; c += width)
      f(d, c + width <= channels ? c : channels - width);
  }
}

// Calls f(image, row, column, row window, column window) for the pixels of rows [begin, end).
template <class F>
HWY_INLINE void for_pixels(const std::vector<Window>& rows, const std::vector<Window>& columns,
                           std::int64_t begin, std::int64_t end, const F& f) {
  const auto height = static_cast<std::int64_t>(rows.size());
  for (std::int64_t row = begin; row < end; ++row)
    for (std::size_t q = 0; q < columns.size(); ++q)
      f(row / height, row % height, static_cast<std::int64_t>(q),
        rows[static_cast<std::size_t>(row % height)], columns[q]);
}

template <class T>
std::int64_t offset(const Image<T>& image, std::int64_t n, std::int64_t h, std::int64_t w) {
  return n * image.batch + h * image.row + w * image.column;
}

// The first maximum wins, the last NaN beats all.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void max_window(D d, const T* source, const Image<const T>& strides, const Window& r,
                           const Window& s, std::int64_t width, T* value, std::int64_t* index) {
  const hn::RebindToSigned<D> di;
  using Index = hn::TFromD<decltype(di)>;
  auto best = hn::Set(d, -std::numeric_limits<T>::infinity());
  auto where = hn::Set(di, static_cast<Index>(r.begin * width + s.begin));
  for (std::int64_t h = r.begin; h < r.end; h += r.step)
    for (std::int64_t w = s.begin; w < s.end; w += s.step) {
      const auto x = hn::LoadU(d, source + h * strides.row + w * strides.column);
      const auto better = hn::Or(hn::Gt(x, best), hn::IsNaN(x));
      best = hn::IfThenElse(better, x, best);
      where = hn::IfThenElse(hn::RebindMask(di, better),
                             hn::Set(di, static_cast<Index>(h * width + w)), where);
    }
  hn::StoreU(best, d, value);
  HWY_ALIGN Index positions[HWY_MAX_BYTES / sizeof(Index)];
  hn::Store(where, di, positions);
  for (std::size_t i = 0; i < hn::Lanes(di); ++i) index[i] = positions[i];
}

template <class T>
void max_rows(const Pooling<T>& pool, const Image<std::int64_t>& indices, std::int64_t begin,
              std::int64_t end) {
  for_pixels(*pool.rows, *pool.columns, begin, end,
             [&](std::int64_t n, std::int64_t p, std::int64_t q, const Window& r, const Window& s) {
               const T* source = pool.source.data + n * pool.source.batch;
               T* value = pool.dest.data + offset(pool.dest, n, p, q);
               std::int64_t* index = indices.data + offset(indices, n, p, q);
               for_channels<T>(pool.channels, [&](auto d, std::int64_t c) {
                 max_window(d, source + c, pool.source, r, s, pool.source_width, value + c,
                            index + c);
               });
             });
}

// Number of elements a window's mean divides by; as double, since padding may make it huge.
inline double divisor(const Window& r, const Window& s, bool include_pad) {
  if (include_pad) return static_cast<double>(r.full) * static_cast<double>(s.full);
  return static_cast<double>(r.end - r.begin) * static_cast<double>(s.end - s.begin);
}

template <class T>
void avg_rows(const Pooling<T>& pool, std::int64_t begin, std::int64_t end) {
  for_pixels(*pool.rows, *pool.columns, begin, end,
             [&](std::int64_t n, std::int64_t p, std::int64_t q, const Window& r, const Window& s) {
               const T count = static_cast<T>(divisor(r, s, pool.include_pad));
               T* dest = pool.dest.data + offset(pool.dest, n, p, q);
               for_channels<T>(pool.channels, [&](auto d, std::int64_t c) {
                 auto sum = hn::Zero(d);
                 for (std::int64_t h = r.begin; h < r.end; ++h)
                   for (std::int64_t w = s.begin; w < s.end; ++w)
                     sum = hn::Add(
                         sum, hn::LoadU(d, pool.source.data + offset(pool.source, n, h, w) + c));
                 hn::StoreU(hn::Div(sum, hn::Set(d, count)), d, dest + c);
               });
             });
}

template <class T>
void avg_grad_rows(const Pooling<T>& pool, const std::vector<Window>& covering_rows,
                   const std::vector<Window>& covering_columns, std::int64_t begin,
                   std::int64_t end) {
  for_pixels(covering_rows, covering_columns, begin, end,
             [&](std::int64_t n, std::int64_t h, std::int64_t w, const Window& outs,
                 const Window& across) {
               T* dest = pool.dest.data + offset(pool.dest, n, h, w);
               for_channels<T>(pool.channels, [&](auto d, std::int64_t c) {
                 auto sum = hn::Zero(d);
                 for (std::int64_t p = outs.begin; p < outs.end; ++p)
                   for (std::int64_t q = across.begin; q < across.end; ++q) {
                     const double count =
                         divisor((*pool.rows)[static_cast<std::size_t>(p)],
                                 (*pool.columns)[static_cast<std::size_t>(q)], pool.include_pad);
                     const auto grad =
                         hn::LoadU(d, pool.source.data + offset(pool.source, n, p, q) + c);
                     sum = hn::Add(sum, hn::Div(grad, hn::Set(d, static_cast<T>(count))));
                   }
                 hn::StoreU(sum, d, dest + c);
               });
             });
}

void max_f32(const Pooling<float>& p, const Image<std::int64_t>& i, std::int64_t b,
             std::int64_t e) {
  max_rows(p, i, b, e);
}
void max_f64(const Pooling<double>& p, const Image<std::int64_t>& i, std::int64_t b,
             std::int64_t e) {
  max_rows(p, i, b, e);
}
void avg_f32(const Pooling<float>& p, std::int64_t b, std::int64_t e) {
  avg_rows(p, b, e);
}
void avg_f64(const Pooling<double>& p, std::int64_t b, std::int64_t e) {
  avg_rows(p, b, e);
}
void avg_grad_f32(const Pooling<float>& p, const std::vector<Window>& r,
                  const std::vector<Window>& s, std::int64_t b, std::int64_t e) {
  avg_grad_rows(p, r, s, b, e);
}
void avg_grad_f64(const Pooling<double>& p, const std::vector<Window>& r,
                  const std::vector<Window>& s, std::int64_t b, std::int64_t e) {
  avg_grad_rows(p, r, s, b, e);
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {

HWY_EXPORT(max_f32);
HWY_EXPORT(max_f64);
HWY_EXPORT(avg_f32);
HWY_EXPORT(avg_f64);
HWY_EXPORT(avg_grad_f32);
HWY_EXPORT(avg_grad_f64);

void max_pool_rows(const Pooling<float>& p, Image<std::int64_t> i, std::int64_t b, std::int64_t e) {
  HWY_DYNAMIC_DISPATCH(max_f32)(p, i, b, e);
}
void max_pool_rows(const Pooling<double>& p, Image<std::int64_t> i, std::int64_t b,
                   std::int64_t e) {
  HWY_DYNAMIC_DISPATCH(max_f64)(p, i, b, e);
}
void avg_pool_rows(const Pooling<float>& p, std::int64_t b, std::int64_t e) {
  HWY_DYNAMIC_DISPATCH(avg_f32)(p, b, e);
}
void avg_pool_rows(const Pooling<double>& p, std::int64_t b, std::int64_t e) {
  HWY_DYNAMIC_DISPATCH(avg_f64)(p, b, e);
}
void avg_pool_grad_rows(const Pooling<float>& p, const std::vector<Window>& r,
                        const std::vector<Window>& s, std::int64_t b, std::int64_t e) {
  HWY_DYNAMIC_DISPATCH(avg_grad_f32)(p, r, s, b, e);
}
void avg_pool_grad_rows(const Pooling<double>& p, const std::vector<Window>& r,
                        const std::vector<Window>& s, std::int64_t b, std::int64_t e) {
  HWY_DYNAMIC_DISPATCH(avg_grad_f64)(p, r, s, b, e);
}

}  // namespace sonde::cpu
#endif
