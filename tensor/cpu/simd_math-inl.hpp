/// @file
/// Exponential and error functions on Highway vectors of f32 and f64, compiled once per target.
/// Call them qualified, `simd::Exp(d, x)`. All special values (0, denormals, infinities, NaN) as in
/// C; errors in ulp are in the table of tests/test_simd_math.cpp. The polynomials are minimax fits
/// (Sollya's fpminimax) on the ranges named beside them.
#if defined(SONDE_TENSOR_CPU_SIMD_MATH_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef SONDE_TENSOR_CPU_SIMD_MATH_INL_HPP_
#undef SONDE_TENSOR_CPU_SIMD_MATH_INL_HPP_
#else
#define SONDE_TENSOR_CPU_SIMD_MATH_INL_HPP_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE::simd {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
struct Coefficients;

template <>
struct Coefficients<float> {
  static constexpr int mantissa_bits = 23, bias = 127;
  static constexpr float round_magic = 0x1.8p23f, mantissa_magic = 0x1p23f, tiny_scale = 0x1p24f;
  // ln 2 in two parts; the product of the first with any exponent is exact.
  static constexpr float ln2_hi = 0x1.62e4p-1f, ln2_lo = 0x1.7f7d1cp-20f, inv_ln2 = 0x1.715476p0f;
  static constexpr float exp_low = -104.0f, exp_high = 89.0f;  // beyond: 0 and infinity
  static constexpr float expm1_low = -20.0f, tanh_high = 10.0f;
  // (e^r - 1 - r) / r^2, |r| <= ln 2 / 2
  static constexpr float exp[] = {0x1p-1f, 0x1.5554dcp-3f, 0x1.555568p-5f, 0x1.120c3cp-7f,
                                  0x1.6caf06p-10f};
  // (log((1+s)/(1-s)) / s - 2) / z, z = s^2 <= 0.0295
  static constexpr float log[] = {0x1.555556p-1f, 0x1.99986cp-2f, 0x1.24c1fp-2f, 0x1.ce69bp-3f};
  // erf(x) / x - 1 in z = x^2 <= 1
  static constexpr float erf[] = {0x1.06eba8p-3f, -0x1.81274p-2f,   0x1.ce2d52p-4f, -0x1.b7fec4p-6f,
                                  0x1.542fecp-8f, -0x1.a5197ap-11f, 0x1.4c5cb4p-14f};
  // log erfc(x), 1 <= x <= 4
  static constexpr float log_erfc[] = {-0x1.47a612p-12f, -0x1.209054p0f, -0x1.46a35ap-1f,
                                       -0x1.a6eff8p-4f,  0x1.66ea6ap-6f, -0x1.847f84p-9f,
                                       0x1.8a347ep-13f};
  // (1 + 2x) e^(x^2) erfc(x) in u = (x - k) / (x + k), 0.5 <= x <= erfc_high
  static constexpr float erfc_k = 2, erfc_high = 10.2f;
  static constexpr float erfcx[] = {
      0x1.46e80ep0f,   -0x1.7bf5dcp-4f, -0x1.5407f8p-3f, 0x1.4ff8cap-3f,   -0x1.bc1958p-5f,
      -0x1.06543ep-7f, 0x1.1bc0dep-7f,  0x1.2c75fcp-10f, -0x1.4be70cp-10f, -0x1.d77714p-13f};
};

template <>
struct Coefficients<double> {
  static constexpr int mantissa_bits = 52, bias = 1023;
  static constexpr double round_magic = 0x1.8p52, mantissa_magic = 0x1p52, tiny_scale = 0x1p54;
  static constexpr double ln2_hi = 0x1.62e42fefa38p-1, ln2_lo = 0x1.ef35793c7673p-45,
                          inv_ln2 = 0x1.71547652b82fep0;
  static constexpr double exp_low = -746.0, exp_high = 710.0;
  static constexpr double expm1_low = -40.0, tanh_high = 20.0;
  static constexpr double exp[] = {
      0x1.0000000000001p-1,  0x1.555555555554dp-3,  0x1.5555555553ccp-5,   0x1.11111111144dcp-7,
      0x1.6c16c178b8402p-10, 0x1.a01a018c3a685p-13, 0x1.a019b87ebc28bp-16, 0x1.71de59bf5f28bp-19,
      0x1.28921bee0718dp-22, 0x1.aeac814433375p-26};
  static constexpr double log[] = {0x1.5555555555558p-1, 0x1.9999999995284p-2, 0x1.2492492e03d5p-2,
                                   0x1.c71c62c9cb7e8p-3, 0x1.7462bd218b49fp-3, 0x1.39fd3c2df66d2p-3,
                                   0x1.2b66b9bfcde1ep-3};
  static constexpr double erf[] = {
      0x1.06eba8214db69p-3,  -0x1.812746b0379fdp-2,  0x1.ce2f21a04362dp-4,  -0x1.b82ce312abf08p-6,
      0x1.565bcd12991cp-8,   -0x1.c02db49b09506p-11, 0x1.f9a335388d2f5p-14, -0x1.f4d333884b5cap-17,
      0x1.b9ee95850f6f5p-20, -0x1.5f9828c55da45p-23, 0x1.fc78cbccf6129p-27, -0x1.46794feb16f44p-30,
      0x1.2978304266ff7p-34};
  static constexpr double erfc_k = 3, erfc_high = 28.0;
  static constexpr double erfcx[] = {
      0x1.40c522d7e4987p0,   -0x1.15c084bb9e8f7p-3,  -0x1.85a15c58aa569p-5,  0x1.098366a5b4931p-3,
      -0x1.e88b803a4a14dp-4, 0x1.17ca2877e47a8p-4,   -0x1.8574c40b6755cp-6,  0x1.4b884e61caa1cp-9,
      0x1.ef1bdce4132e6p-10, -0x1.98db55e298e13p-11, -0x1.b9123b0eec3aep-14, 0x1.065aaeea47633p-13,
      0x1.4c0fccd82d97fp-18, -0x1.5149de85bc3c9p-16, -0x1.85d5d262a969cp-21, 0x1.d324218558011p-19,
      0x1.709f7c6435631p-22, -0x1.512e5979fac3fp-21, -0x1.0266b9d420fe9p-23, 0x1.d92164b6ea49cp-24,
      0x1.80dd79ba38cb1p-26, -0x1.fcbd6ad3f3c42p-27};
};

template <class D>
using Coef = Coefficients<hn::TFromD<D>>;
template <class D>
HWY_INLINE hn::Vec<D> Constant(D d, double v) {
  return hn::Set(d, static_cast<hn::TFromD<D>>(v));
}

/// c[0] + c[1] x + ... by Horner's rule.
template <class D, class V, class T, std::size_t n>
HWY_INLINE V Polynomial(D d, V x, const T (&c)[n]) {
  V sum = hn::Set(d, c[n - 1]);
  for (std::size_t i = n - 1; i-- > 0;) sum = hn::MulAdd(sum, x, hn::Set(d, c[i]));
  return sum;
}

// Min and Max that let a NaN in x through.
template <class D, class V>
HWY_INLINE V ClampLow(D d, V x, double low) {
  const V bound = Constant(d, low);
  return hn::IfThenElse(hn::Lt(x, bound), bound, x);
}
template <class D, class V>
HWY_INLINE V ClampHigh(D d, V x, double high) {
  const V bound = Constant(d, high);
  return hn::IfThenElse(hn::Gt(x, bound), bound, x);
}

/// x = n ln 2 + r with |r| <= ln 2 / 2 and n integer.
template <class D>
struct ExpArgument {
  hn::Vec<hn::RebindToSigned<D>> n;
  hn::Vec<D> r;
};
template <class D, class V>
HWY_INLINE ExpArgument<D> ReduceExp(D d, V x) {
  using C = Coef<D>;
  const hn::RebindToSigned<D> di;
  // Adding 1.5 * 2^mantissa_bits rounds to an integer and leaves it in the low bits.
  const V magic = hn::Set(d, C::round_magic);
  const V shifted = hn::MulAdd(x, hn::Set(d, C::inv_ln2), magic);
  const V n = hn::Sub(shifted, magic);
  const V r = hn::NegMulAdd(n, hn::Set(d, C::ln2_lo), hn::NegMulAdd(n, hn::Set(d, C::ln2_hi), x));
  return {hn::Sub(hn::BitCast(di, shifted), hn::BitCast(di, magic)), r};
}

/// 2^n for n in the range of normal numbers.
template <class D, class VI>
HWY_INLINE hn::Vec<D> PowerOfTwo(D d, VI n) {
  const hn::RebindToSigned<D> di;
  return hn::BitCast(d,
                     hn::ShiftLeft<Coef<D>::mantissa_bits>(hn::Add(n, hn::Set(di, Coef<D>::bias))));
}

/// y 2^n, in two steps: the result may be denormal, or 2^n too large where y 2^n is not.
template <class D, class V, class VI>
HWY_INLINE V Scale(D d, V y, VI n) {
  const VI half = hn::ShiftRight<1>(n);
  return hn::Mul(hn::Mul(y, PowerOfTwo(d, half)), PowerOfTwo(d, hn::Sub(n, half)));
}

/// e^r - 1 for |r| <= ln 2 / 2.
template <class D, class V>
HWY_INLINE V Expm1Reduced(D d, V r) {
  return hn::MulAdd(hn::Mul(r, r), Polynomial(d, r, Coef<D>::exp), r);
}
template <class D, class V>
HWY_INLINE V ExpReduced(D d, V r) {
  return hn::Add(Expm1Reduced(d, r), Constant(d, 1));
}

/// e^x.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Exp(D d, V x) {
  const auto [n, r] =
      ReduceExp(d, ClampHigh(d, ClampLow(d, x, Coef<D>::exp_low), Coef<D>::exp_high));
  return Scale(d, ExpReduced(d, r), n);
}

/// e^x - 1 = 2 (t (e^r - 1) + t - 1/2) with t = 2^(n-1): no cancellation near 0, no early overflow.
/// For x between the bounds that Expm1 clamps to; -0 gives 0.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Expm1Within(D d, V x) {
  const auto [n, r] = ReduceExp(d, x);
  const V t = PowerOfTwo(d, hn::Sub(n, hn::Set(hn::RebindToSigned<D>(), 1)));
  const V half = hn::MulAdd(t, Expm1Reduced(d, r), hn::Sub(t, Constant(d, 0.5)));
  return hn::Add(half, half);
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Expm1(D d, V x) {
  const V clamped = ClampHigh(d, ClampLow(d, x, Coef<D>::expm1_low), Coef<D>::exp_high);
  return hn::CopySign(Expm1Within(d, clamped), x);
}

/// x = 2^k m with m in [sqrt(1/2), sqrt(2)), for positive normal x.
template <class D>
struct Binary {
  hn::Vec<D> k, m;
};
template <class D, class V>
HWY_INLINE Binary<D> SplitExponent(D d, V x) {
  using C = Coef<D>;
  using T = hn::TFromD<D>;
  const hn::RebindToUnsigned<D> du;
  const auto one = hn::BitCast(du, Constant(d, 1)),
             root = hn::BitCast(du, Constant(d, 0.70710678118654752));
  const auto shifted = hn::Add(hn::BitCast(du, x), hn::Sub(one, root));
  const auto mantissa = hn::BitCast(du, hn::Set(d, C::mantissa_magic));
  // The biased exponent as the low mantissa bits of 2^mantissa_bits, so a subtraction converts it.
  const V k = hn::BitCast(d, hn::Or(hn::ShiftRight<C::mantissa_bits>(shifted), mantissa));
  const auto low_bits = hn::Set(du, (hn::TFromD<decltype(du)>{1} << C::mantissa_bits) - 1);
  return {hn::Sub(k, hn::Set(d, C::mantissa_magic + static_cast<T>(C::bias))),
          hn::BitCast(d, hn::Add(hn::And(shifted, low_bits), root))};
}

/// k ln 2 + log(1 + f) + c with f in [sqrt(1/2) - 1, sqrt(2) - 1), by s = f / (2 + f):
/// log(1 + f) = f - (f^2/2 - s (f^2/2 + z L(z))), z = s^2.
template <class D, class V>
HWY_INLINE V LogReduced(D d, V k, V f, V c) {
  const V s = hn::Div(f, hn::Add(f, Constant(d, 2))), z = hn::Mul(s, s);
  const V half_square = hn::Mul(hn::Mul(Constant(d, 0.5), f), f);
  const V tail = hn::MulAdd(z, Polynomial(d, z, Coef<D>::log), half_square);
  const V low = hn::MulAdd(s, tail, hn::MulAdd(k, hn::Set(d, Coef<D>::ln2_lo), c));
  return hn::MulAdd(k, hn::Set(d, Coef<D>::ln2_hi), hn::Sub(f, hn::Sub(half_square, low)));
}

// log at the ends of its domain: y elsewhere, -inf at 0, NaN below, x itself at infinity and NaN.
template <class D, class V>
HWY_INLINE V LogSpecial(D d, V argument, V y) {
  using L = std::numeric_limits<hn::TFromD<D>>;
  const V inf = hn::Set(d, L::infinity()), zero = hn::Zero(d);
  y = hn::IfThenElse(hn::Lt(argument, inf), y, argument);
  y = hn::IfThenElse(hn::Eq(argument, zero), hn::Set(d, -L::infinity()), y);
  return hn::IfThenElse(hn::Lt(argument, zero), hn::Set(d, L::quiet_NaN()), y);
}

/// Natural logarithm.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Log(D d, V x) {
  using C = Coef<D>;
  using T = hn::TFromD<D>;
  const auto tiny = hn::Lt(x, hn::Set(d, std::numeric_limits<T>::min()));
  const V normal = hn::IfThenElse(tiny, hn::Mul(x, hn::Set(d, C::tiny_scale)), x);
  const auto [k, m] = SplitExponent(d, normal);
  const V moved = hn::IfThenElseZero(
      tiny, hn::Set(d, static_cast<T>(C::mantissa_bits + (sizeof(T) == 4 ? 1 : 2))));
  const V y = LogReduced(d, hn::Sub(k, moved), hn::Sub(m, Constant(d, 1)), hn::Zero(d));
  return LogSpecial(d, x, y);
}

/// log(1 + x): the logarithm of u = 1 + x rounded, and the first-order effect c = (1 + x - u) / u
/// of the rounding.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Log1p(D d, V x) {
  const V one = Constant(d, 1), u = hn::Add(one, x);
  const auto [k, m] = SplitExponent(d, u);
  const V lost = hn::IfThenElse(hn::Gt(u, Constant(d, 2)), hn::Sub(one, hn::Sub(u, x)),
                                hn::Sub(x, hn::Sub(u, one)));
  const auto direct = hn::Eq(k, hn::Zero(d));  // f = x itself, without rounding
  const V f = hn::IfThenElse(direct, x, hn::Sub(m, one));
  const V c = hn::IfThenZeroElse(direct, hn::Div(lost, u));
  return hn::CopySign(LogSpecial(d, u, LogReduced(d, k, f, c)), x);
}

/// tanh |x| = e / (e + 2) with e = expm1(2 |x|).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Tanh(D d, V x) {
  const V bounded = ClampHigh(d, hn::Abs(x), Coef<D>::tanh_high);
  const V e = simd::Expm1Within(d, hn::Add(bounded, bounded));
  return hn::CopySign(hn::Div(e, hn::Add(e, Constant(d, 2))), x);
}

/// 1 / (1 + e^-x), accurate for every x: e^x / (1 + e^x) below 0.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Sigmoid(D d, V x) {
  const V one = Constant(d, 1), e = simd::Exp(d, hn::Neg(hn::Abs(x)));
  return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one), hn::Add(one, e));
}

/// log(1 + e^x) = max(x, 0) + log1p(e^-|x|).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Softplus(D d, V x) {
  const V small = simd::Log1p(d, simd::Exp(d, hn::Neg(hn::Abs(x))));
  return hn::Add(hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x), small);
}

/// erfc(t) for t >= 0.5: e^(-t^2) P(u) / (1 + 2t). The square is split, t^2 = square + low, to keep
/// e^(-t^2) exact.
template <class D, class V>
HWY_INLINE V ErfcTail(D d, V t) {
  using C = Coef<D>;
  const hn::RebindToUnsigned<D> du;
  t = ClampHigh(d, t, C::erfc_high);
  constexpr int kept = (C::mantissa_bits + 1) / 2 + 1;
  const V head = hn::BitCast(d, hn::ShiftLeft<kept>(hn::ShiftRight<kept>(hn::BitCast(du, t))));
  const V square = hn::Mul(t, t);
  const V low =
      hn::MulAdd(hn::Sub(t, head), hn::Add(t, head), hn::Sub(hn::Mul(head, head), square));
  const V k = hn::Set(d, C::erfc_k), u = hn::Div(hn::Sub(t, k), hn::Add(t, k));
  const auto [n, r] = ReduceExp(d, hn::Neg(square));
  const V e = ExpReduced(d, hn::Sub(r, low));
  const V p = hn::Div(Polynomial(d, u, C::erfcx), hn::MulAdd(Constant(d, 2), t, Constant(d, 1)));
  return Scale(d, hn::Mul(e, p), n);
}

// erf for |x| < 1.
template <class D, class V>
HWY_INLINE V ErfCentre(D d, V x) {
  return hn::MulAdd(x, Polynomial(d, hn::Mul(x, x), Coef<D>::erf), x);
}

/// Error function.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Erf(D d, V x) {
  const V t = hn::Abs(x), one = Constant(d, 1);
  V tail;
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    const auto [n, r] = ReduceExp(d, Polynomial(d, ClampHigh(d, t, 4), Coef<D>::log_erfc));
    tail = hn::NegMulAdd(ExpReduced(d, r), PowerOfTwo(d, n), one);
  } else {
    tail = hn::Sub(one, ErfcTail(d, t));
  }
  return hn::IfThenElse(hn::Lt(t, one), ErfCentre(d, x), hn::CopySign(tail, x));
}

/// 1 - erf(x), to full relative accuracy where it is small.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Erfc(D d, V x) {
  const V t = hn::Abs(x), tail = ErfcTail(d, t);
  const V outer = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Sub(Constant(d, 2), tail), tail);
  return hn::IfThenElse(hn::Lt(t, Constant(d, 0.5)), hn::Sub(Constant(d, 1), ErfCentre(d, x)),
                        outer);
}

}  // namespace sonde::cpu::HWY_NAMESPACE::simd
HWY_AFTER_NAMESPACE();

#endif
