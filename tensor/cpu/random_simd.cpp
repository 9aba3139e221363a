#include "tensor/cpu/random_simd.hpp"

#include <numbers>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/random_simd.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>  // after foreach_target.h

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using U64 = hn::ScalableTag<std::uint64_t>;
using F64 = hn::ScalableTag<double>;
using V = hn::Vec<U64>;

// Product of the low halves of each 64-bit lane; the high halves are ignored.
HWY_INLINE V multiply(V c, std::uint32_t m) {
#if HWY_TARGET == HWY_SCALAR
  return V(std::uint64_t{m} * static_cast<std::uint32_t>(c.raw));
#else
  const hn::Repartition<std::uint32_t, U64> d32;
  return hn::MulEven(hn::BitCast(d32, c), hn::Set(d32, m));
#endif
}

// One counter per 64-bit lane, each 32-bit word in the low half of a lane of its own vector.
HWY_INLINE void philox_lanes(V& c0, V& c1, V& c2, V& c3, std::uint32_t key0, std::uint32_t key1) {
  const U64 d;
  for (int round = 0; round < philox::rounds;
       ++round, key0 += philox::weyl0, key1 += philox::weyl1) {
    const V p0 = multiply(c0, philox::multiplier0), p1 = multiply(c2, philox::multiplier1);
    c0 = hn::Xor3(hn::ShiftRight<32>(p1), c1, hn::Set(d, key0));
    c2 = hn::Xor3(hn::ShiftRight<32>(p0), c3, hn::Set(d, key1));
    c1 = p1;
    c3 = p0;
  }
}

HWY_INLINE V join(V low, V high) {
  return hn::Or(hn::And(low, hn::Set(U64(), 0xffffffffu)), hn::ShiftLeft<32>(high));
}

void bits_kernel(philox::Key key, std::uint64_t first, std::int64_t n, std::uint64_t* out) {
  const U64 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto key0 = static_cast<std::uint32_t>(key.k0),
             key1 = static_cast<std::uint32_t>(key.k0 >> 32);
  std::int64_t j = 0;
  for (; j + 2 * lanes <= n; j += 2 * lanes) {
    const V index =
        hn::Add(hn::Iota(d, 0), hn::Set(d, (first + static_cast<std::uint64_t>(j)) / 2));
    V c0 = index, c1 = hn::ShiftRight<32>(index);
    V c2 = hn::Set(d, key.k1), c3 = hn::ShiftRight<32>(c2);
    philox_lanes(c0, c1, c2, c3, key0, key1);
    hn::StoreInterleaved2(join(c0, c1), join(c2, c3), d, out + j);
  }
  for (; j < n; j += 2) {
    const philox::Block b = philox::block(key, (first + static_cast<std::uint64_t>(j)) / 2);
    out[j] = philox::half(b, 0);
    out[j + 1] = philox::half(b, 1);
  }
}

HWY_INLINE hn::Vec<F64> unit(V bits) {
  const hn::RebindToSigned<U64> di;
  const F64 d;
  return hn::Mul(hn::ConvertTo(d, hn::BitCast(di, hn::ShiftRight<11>(bits))), hn::Set(d, 0x1p-53));
}

void unit_kernel(const std::uint64_t* bits, std::int64_t n, double* out) {
  const U64 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t j = 0;
  for (; j + lanes <= n; j += lanes) hn::StoreU(unit(hn::LoadU(d, bits + j)), F64(), out + j);
  for (; j < n; ++j) out[j] = philox::unit(bits[j]);
}

void normals_kernel(const std::uint64_t* bits, std::int64_t n, double* out) {
  const U64 du;
  const F64 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  alignas(64) std::uint64_t in_tail[2 * HWY_MAX_BYTES / 8] = {};
  alignas(64) double out_tail[2 * HWY_MAX_BYTES / 8];
  for (std::int64_t j = 0; j < n; j += 2 * lanes) {
    const bool whole = j + 2 * lanes <=
                       n;  // the rest goes through a padded copy, so that every pair takes one path
    for (std::int64_t k = j; !whole && k < n; ++k) in_tail[k - j] = bits[k];
    V a, b;
    hn::LoadInterleaved2(du, whole ? bits + j : in_tail, a, b);
    const auto radius =
        hn::Sqrt(hn::Mul(hn::Set(d, -2.0), hn::Log(d, hn::Sub(hn::Set(d, 1.0), unit(a)))));
    const auto angle = hn::Mul(hn::Set(d, 2 * std::numbers::pi), unit(b));
    hn::StoreInterleaved2(hn::Mul(radius, hn::Cos(d, angle)), hn::Mul(radius, hn::Sin(d, angle)), d,
                          whole ? out + j : out_tail);
    for (std::int64_t k = j; !whole && k < n; ++k) out[k] = out_tail[k - j];
  }
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {

HWY_EXPORT(bits_kernel);
HWY_EXPORT(unit_kernel);
HWY_EXPORT(normals_kernel);

void random_bits(philox::Key key, std::uint64_t first, std::int64_t n, std::uint64_t* bits) {
  HWY_DYNAMIC_DISPATCH(bits_kernel)(key, first, n, bits);
}
void random_unit(const std::uint64_t* bits, std::int64_t n, double* out) {
  HWY_DYNAMIC_DISPATCH(unit_kernel)(bits, n, out);
}
void random_normals(const std::uint64_t* bits, std::int64_t n, double* out) {
  HWY_DYNAMIC_DISPATCH(normals_kernel)(bits, n, out);
}

}  // namespace sonde::cpu
#endif
