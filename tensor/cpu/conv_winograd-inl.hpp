// The transforms of Winograd's F(4,3) along one axis, on vectors. With the interpolation points 0,
// 1, -1, 2, -2 and infinity, y = A' [(G g) o (B' d)] for six inputs d, three filter taps g and four
// outputs y. Tiles apply each twice.
#if defined(SONDE_CONV_WINOGRAD_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SONDE_CONV_WINOGRAD_INL
#undef SONDE_CONV_WINOGRAD_INL
#else
#define SONDE_CONV_WINOGRAD_INL
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using WinogradTag = hn::ScalableTag<float>;
using Vec = hn::Vec<WinogradTag>;

inline Vec times(float a, Vec x) {
  return hn::Mul(hn::Set(WinogradTag(), a), x);
}
/// a x + y
inline Vec times_add(float a, Vec x, Vec y) {
  return hn::MulAdd(hn::Set(WinogradTag(), a), x, y);
}

/// B' d: inputs to the transform domain.
struct InputTransform {
  static constexpr int from = 6, to = 6;
  static void apply(const Vec* d, Vec* o) {
    const Vec even = times_add(-4, d[2], d[4]), odd = times_add(-4, d[1], d[3]);
    const Vec far = hn::Sub(d[4], d[2]), twice = times(2, hn::Sub(d[3], d[1]));
    o[0] = times_add(4, d[0], times_add(-5, d[2], d[4]));
    o[1] = hn::Add(even, odd);
    o[2] = hn::Sub(even, odd);
    o[3] = hn::Add(far, twice);
    o[4] = hn::Sub(far, twice);
    o[5] = times_add(4, d[1], times_add(-5, d[3], d[5]));
  }
};

/// A' m: products to outputs.
struct OutputTransform {
  static constexpr int from = 6, to = 4;
  static void apply(const Vec* m, Vec* o) {
    const Vec sum1 = hn::Add(m[1], m[2]), difference1 = hn::Sub(m[1], m[2]);
    const Vec sum2 = hn::Add(m[3], m[4]), difference2 = hn::Sub(m[3], m[4]);
    o[0] = hn::Add(m[0], hn::Add(sum1, sum2));
    o[1] = times_add(2, difference2, difference1);
    o[2] = times_add(4, sum2, sum1);
    o[3] = hn::Add(times_add(8, difference2, difference1), m[5]);
  }
};

/// A d: output gradients to the transform domain.
struct OutputGradTransform {
  static constexpr int from = 4, to = 6;
  static void apply(const Vec* d, Vec* o) {
    const Vec even1 = hn::Add(d[0], d[2]), odd1 = hn::Add(d[1], d[3]);
    const Vec even2 = times_add(4, d[2], d[0]), odd2 = times_add(8, d[3], times(2, d[1]));
    o[0] = d[0];
    o[1] = hn::Add(even1, odd1);
    o[2] = hn::Sub(even1, odd1);
    o[3] = hn::Add(even2, odd2);
    o[4] = hn::Sub(even2, odd2);
    o[5] = d[3];
  }
};

/// G g: filter taps to the transform domain.
struct FilterTransform {
  static constexpr int from = 3, to = 6;
  static void apply(const Vec* g, Vec* o) {
    const Vec outer = times(-1 / 6.0f, hn::Add(g[0], g[2])), inner = times(1 / 6.0f, g[1]);
    const Vec even = times_add(1 / 6.0f, g[2], times(1 / 24.0f, g[0])),
              odd = times(1 / 12.0f, g[1]);
    o[0] = times(0.25f, g[0]);
    o[1] = hn::Sub(outer, inner);
    o[2] = hn::Add(outer, inner);
    o[3] = hn::Add(even, odd);
    o[4] = hn::Sub(even, odd);
    o[5] = g[2];
  }
};

/// G' m: products to filter gradients.
struct FilterGradTransform {
  static constexpr int from = 6, to = 3;
  static void apply(const Vec* m, Vec* o) {
    const Vec sum1 = hn::Add(m[1], m[2]), difference1 = hn::Sub(m[2], m[1]);
    const Vec sum2 = hn::Add(m[3], m[4]), difference2 = hn::Sub(m[3], m[4]);
    o[0] = times_add(0.25f, m[0], times_add(1 / 24.0f, sum2, times(-1 / 6.0f, sum1)));
    o[1] = times_add(1 / 12.0f, difference2, times(1 / 6.0f, difference1));
    o[2] = times_add(1 / 6.0f, sum2, times_add(-1 / 6.0f, sum1, m[5]));
  }
};

/// Applies a transform along both axes of a tile: load(r, j) gives its input, store(r, j, v) takes
/// its output.
template <class Transform, class Load, class Store>
HWY_INLINE void transform_tile(const Load& load, const Store& store) {
  constexpr int from = Transform::from, to = Transform::to;
  Vec half[to][from];
  for (int j = 0; j < from; ++j) {
    Vec column[from], out[to];
#pragma GCC unroll 8
    for (int r = 0; r < from; ++r) column[r] = load(r, j);
    Transform::apply(column, out);
#pragma GCC unroll 8
    for (int r = 0; r < to; ++r) half[r][j] = out[r];
  }
  for (int r = 0; r < to; ++r) {
    Vec out[to];
    Transform::apply(half[r], out);
#pragma GCC unroll 8
    for (int j = 0; j < to; ++j) store(r, j, out[j]);
  }
}

/// Calls f(c) for whole vectors that cover [0, channels): the last one overlaps the one before.
/// channels >= Lanes.
template <class F>
void for_vectors(std::int64_t channels, F&& f) {
  const auto width = static_cast<std::int64_t>(hn::Lanes(WinogradTag()));
  for (std::int64_t c = 0; c < channels; c += width)
    f(c + width <= channels ? c : channels - width);
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
