/// @file
/// Circular, inverse circular and hyperbolic functions on Highway vectors; conventions as in
/// simd_math-inl.hpp.
#if defined(SONDE_TENSOR_CPU_SIMD_TRIG_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef SONDE_TENSOR_CPU_SIMD_TRIG_INL_HPP_
#undef SONDE_TENSOR_CPU_SIMD_TRIG_INL_HPP_
#else
#define SONDE_TENSOR_CPU_SIMD_TRIG_INL_HPP_
#endif

#include <hwy/contrib/math/math-inl.h>

#include <cmath>

#include "tensor/cpu/simd_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE::simd {

template <class T>
struct TrigCoefficients;

template <>
struct TrigCoefficients<float> {
  // pi / 2 in four parts (11, 11, 11, 24 bits): n times each of the first three, and each
  // difference, is exact for n < 2^13.
  static constexpr float half_pi[] = {0x1.92p0f, 0x1.fb4p-12f, 0x1.444p-24f, 0x1.68c234p-39f};
  static constexpr float largest = 12867, sinh_high = 90;
  static constexpr float sin[] = {-0x1.555552p-3f, 0x1.110be2p-7f,
                                  -0x1.9ab218p-13f};  // (sin r / r - 1) / z, z = r^2
  static constexpr float cos[] = {0x1.555554p-5f, -0x1.6c129cp-10f,
                                  0x1.9bc672p-16f};  // (cos r - 1 + z / 2) / z^2
  static constexpr float pi[] = {0x1.921fb6p1f,
                                 -0x1.777a5cp-24f};  // rounded, and what rounding lost
};

template <>
struct TrigCoefficients<double> {
  // 33, 20, 33 and 53 bits: exact for n < 2^20.
  static constexpr double half_pi[] = {0x1.921fb544p0, 0x1.0b46p-34, 0x1.1a626331p-54,
                                       0x1.1701b839a252p-88};
  static constexpr double largest = 1.6e6, sinh_high = 711;
  static constexpr double sin[] = {-0x1.5555555555555p-3,  0x1.1111111110c79p-7,
                                   -0x1.a01a019e9ec4dp-13, 0x1.71de37aedaa89p-19,
                                   -0x1.ae601e31b5573p-26, 0x1.5e109ff90d843p-33};
  static constexpr double cos[] = {0x1.5555555555555p-5,  -0x1.6c16c16c168c9p-10,
                                   0x1.a01a019f37fa7p-16, -0x1.27e4fa0294bd1p-22,
                                   0x1.1eeb578302a2ep-29, -0x1.90734d02b1b47p-37};
  static constexpr double pi[] = {0x1.921fb54442d18p1, 0x1.1a62633145c07p-53};
};

template <class D>
using TrigCoef = TrigCoefficients<hn::TFromD<D>>;

/// sin r and cos r with x = n pi/2 + r, |r| <= pi/4.
template <class D>
struct Quadrant {
  hn::Vec<hn::RebindToUnsigned<D>> n;  // modulo 4 it is the quadrant
  hn::Vec<D> sin, cos;
};
template <class D, class V>
HWY_INLINE Quadrant<D> ReduceTrig(D d, V x) {
  using C = TrigCoef<D>;
  const hn::RebindToUnsigned<D> du;
  const V magic = hn::Set(d, Coef<D>::round_magic);
  const V shifted = hn::MulAdd(x, Constant(d, 0.63661977236758134), magic);  // 2 / pi
  const V n = hn::Sub(shifted, magic);
  V r = x;
  for (auto part : C::half_pi) r = hn::NegMulAdd(n, hn::Set(d, part), r);
  const V z = hn::Mul(r, r), half = hn::Mul(Constant(d, 0.5), z), one = Constant(d, 1);
  const V w = hn::Sub(one, half), lost = hn::Sub(hn::Sub(one, w), half);
  return {hn::BitCast(du, shifted), hn::MulAdd(hn::Mul(r, z), Polynomial(d, z, C::sin), r),
          hn::Add(w, hn::MulAdd(hn::Mul(z, z), Polynomial(d, z, C::cos), lost))};
}

// Lanes beyond the exact reduction take the C library's function; lanes with x = 0 take `at_zero`.
template <class D, class V, class F>
HWY_INLINE V TrigSpecial(D d, V x, V y, V at_zero, F library) {
  using T = hn::TFromD<D>;
  y = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), at_zero, y);
  const auto huge = hn::Gt(hn::Abs(x), hn::Set(d, TrigCoef<D>::largest));
  if (HWY_LIKELY(hn::AllFalse(d, huge))) return y;
  HWY_ALIGN T argument[hn::MaxLanes(d)], value[hn::MaxLanes(d)];
  hn::Store(x, d, argument);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) value[i] = library(argument[i]);
  return hn::IfThenElse(huge, hn::Load(d, value), y);
}

// All ones in the lanes where bit `bit` of n is set.
template <class D, class VU>
HWY_INLINE hn::Mask<D> BitSet(D, VU n, int bit) {
  const hn::RebindToUnsigned<D> du;
  using U = hn::TFromD<decltype(du)>;
  return hn::RebindMask(D(), hn::TestBit(n, hn::Set(du, U{1} << bit)));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V Sin(D d, V x) {
  const auto q = ReduceTrig(d, x);
  const V s = hn::IfThenElse(BitSet(d, q.n, 0), q.cos, q.sin);
  const V y = hn::IfThenElse(BitSet(d, q.n, 1), hn::Neg(s), s);
  return TrigSpecial(d, x, y, x, [](auto v) { return std::sin(v); });
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V Cos(D d, V x) {
  const hn::RebindToUnsigned<D> du;
  const auto q = ReduceTrig(d, x);
  const V c = hn::IfThenElse(BitSet(d, q.n, 0), q.sin, q.cos);
  const auto next = hn::Add(q.n, hn::Set(du, 1));
  const V y = hn::IfThenElse(BitSet(d, next, 1), hn::Neg(c), c);
  return TrigSpecial(d, x, y, Constant(d, 1), [](auto v) { return std::cos(v); });
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V Tan(D d, V x) {
  const auto q = ReduceTrig(d, x);
  const auto odd = BitSet(d, q.n, 0);
  const V y =
      hn::Div(hn::IfThenElse(odd, hn::Neg(q.cos), q.sin), hn::IfThenElse(odd, q.sin, q.cos));
  return TrigSpecial(d, x, y, x, [](auto v) { return std::tan(v); });
}

// e^|x| / 2; no overflow where cosh has none.
template <class D, class V>
HWY_INLINE V HalfExpAbs(D d, V x) {
  const auto [n, r] = ReduceExp(d, ClampHigh(d, hn::Abs(x), TrigCoef<D>::sinh_high));
  return Scale(d, ExpReduced(d, r), hn::Sub(n, hn::Set(hn::RebindToSigned<D>(), 1)));
}

/// With h = e^|x| / 2: cosh x = h + 1 / (4h).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Cosh(D d, V x) {
  const V h = HalfExpAbs(d, x);
  return hn::Add(h, hn::Div(Constant(d, 0.25), h));
}

/// sinh |x| = h - 1 / (4h); below 1, with e = expm1(|x|), it is (e + e / (e + 1)) / 2.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Sinh(D d, V x) {
  const V t = hn::Abs(x), one = Constant(d, 1), h = HalfExpAbs(d, x);
  const V e = simd::Expm1(d, ClampHigh(d, t, 1));
  const V inner = hn::Mul(Constant(d, 0.5), hn::Add(e, hn::Div(e, hn::Add(e, one))));
  return hn::CopySign(
      hn::IfThenElse(hn::Lt(t, one), inner, hn::Sub(h, hn::Div(Constant(d, 0.25), h))), x);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V Asin(D d, V x) {
  return hn::CopySign(hn::Asin(d, x), x);
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Acos(D d, V x) {
  return hn::Acos(d, x);
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Atan(D d, V x) {
  return hn::CopySign(hn::Atan(d, x), x);
}

/// Angle of the point (x, y) in [-pi, pi]: atan of the smaller side over the larger, then the
/// octant.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Atan2(D d, V y, V x) {
  using C = TrigCoef<D>;
  using L = std::numeric_limits<hn::TFromD<D>>;
  const V ay = hn::Abs(y), ax = hn::Abs(x), zero = hn::Zero(d);
  const auto steep = hn::Gt(ay, ax);
  const V large = hn::IfThenElse(steep, ay, ax), small = hn::IfThenElse(steep, ax, ay);
  V ratio = hn::Div(small, large);
  ratio = hn::IfThenElse(hn::Eq(large, zero), zero, ratio);
  ratio = hn::IfThenElse(hn::Eq(small, hn::Set(d, L::infinity())), Constant(d, 1), ratio);
  V a = hn::Atan(d, ratio);
  a = hn::IfThenElse(steep, hn::Sub(hn::Set(d, C::pi[0] / 2), hn::Sub(a, hn::Set(d, C::pi[1] / 2))),
                     a);
  const auto left = hn::Lt(hn::CopySign(Constant(d, 1), x), zero);
  a = hn::IfThenElse(left, hn::Sub(hn::Set(d, C::pi[0]), hn::Sub(a, hn::Set(d, C::pi[1]))), a);
  a = hn::IfThenElse(hn::Or(hn::IsNaN(x), hn::IsNaN(y)), hn::Add(x, y), a);
  return hn::CopySign(a, y);
}

}  // namespace sonde::cpu::HWY_NAMESPACE::simd
HWY_AFTER_NAMESPACE();

#endif
