#include "tensor/kernels/random.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "tensor/cpu/random_simd.hpp"
#include "tensor/cpu/register.hpp"
#include "tensor/functors/distributions.hpp"
#include "tensor/parallel.hpp"

namespace sonde::cpu {
namespace {

using kernels::RandomParams;

constexpr std::int64_t grain = 1 << 14,
                       piece = 512;  // a piece's bits and doubles stay in the first cache

philox::Key key_at(const Tensor& keys, std::int64_t lane) {
  const auto* p = keys.data<std::int64_t>() + lane * keys.strides()[0];
  return {static_cast<std::uint64_t>(p[0]), static_cast<std::uint64_t>(p[keys.strides()[1]])};
}

// Cuts the elements of all lanes into pieces: visit(key, first element within the lane, count,
// position in out).
template <class Visit>
void for_each_piece(const Tensor& keys, std::int64_t elements, Visit&& visit) {
  const std::int64_t lanes = keys.shape()[0];
  if (elements == 0) return;
  parallel_for(checked_mul(lanes, elements), grain, [&](std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      const std::int64_t lane = begin / elements, first = begin % elements;
      const std::int64_t count = std::min({end - begin, elements - first, piece});
      visit(key_at(keys, lane), first, count, begin);
      begin += count;
    }
  });
}

std::int64_t lane_elements(const Tensor& keys, const Tensor& out) {
  return keys.shape()[0] == 0 ? 0 : out.numel() / keys.shape()[0];
}

// The 64 bits of elements first .. first+count-1; draws come in pairs, so one more may be made on
// either side.
struct Bits {
  Bits(philox::Key key, std::int64_t first, std::int64_t count)
      : skip(first % 2), made((skip + count + 1) / 2 * 2) {
    random_bits(key, static_cast<std::uint64_t>(first - skip), made, word);
  }
  std::int64_t skip, made;
  alignas(64) std::uint64_t word[piece + 2];
};

// Fills out with transform(bits, n, doubles), rounded to T.
template <class T, class Transform>
void draw(const Tensor& keys, Tensor& out, Transform transform) {
  T* data = out.data<T>();
  for_each_piece(
      keys, lane_elements(keys, out),
      [&](philox::Key key, std::int64_t first, std::int64_t count, std::int64_t position) {
        const Bits bits(key, first, count);
        alignas(64) double value[piece + 2];
        transform(bits.word, bits.made, value);
        for (std::int64_t j = 0; j < count; ++j)
          data[position + j] = static_cast<T>(value[bits.skip + j]);
      });
}

// Fills out with law(uniform number), rounded to T.
template <class T, class Law>
void draw_each(const Tensor& keys, Tensor& out, const Law& law) {
  draw<T>(keys, out, [&](const std::uint64_t* bits, std::int64_t n, double* value) {
    random_unit(bits, n, value);
    for (std::int64_t j = 0; j < n; ++j) value[j] = law(value[j]);
  });
}

template <class T>
void uniform(const Tensor& keys, const RandomParams& p, Tensor& out) {
  draw_each<T>(keys, out, functors::Uniform::of<T>(p));
}

template <class T>
void normal(const Tensor& keys, const RandomParams& p, Tensor& out) {
  draw<T>(keys, out, [&](const std::uint64_t* bits, std::int64_t n, double* value) {
    random_normals(bits, n, value);
    for (std::int64_t j = 0; j < n; ++j) value[j] = p.a + p.b * value[j];
  });
}

template <class T>
void truncated_normal(const Tensor& keys, const RandomParams& p, Tensor& out) {
  draw_each<T>(keys, out, functors::TruncatedNormal(p));
}

template <class T>
void bernoulli(const Tensor& keys, const RandomParams& p, Tensor& out) {
  draw_each<T>(keys, out, functors::Bernoulli{p.a});
}

template <class T>
void integers(const Tensor& keys, std::int64_t low, std::int64_t high, Tensor& out) {
  const std::uint64_t range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  T* data = out.data<T>();
  for_each_piece(
      keys, lane_elements(keys, out),
      [&](philox::Key key, std::int64_t first, std::int64_t count, std::int64_t position) {
        const Bits bits(key, first, count);
        for (std::int64_t j = 0; j < count; ++j) {
          const std::uint64_t v = philox::below(key, static_cast<std::uint64_t>(first + j),
                                                bits.word[bits.skip + j], range);
          data[position + j] =
              static_cast<T>(static_cast<std::int64_t>(v + static_cast<std::uint64_t>(low)));
        }
      });
}

void permutation(const Tensor& keys, Tensor& out) {
  const std::int64_t n = out.shape()[1];
  if (out.numel() == 0) return;
  const Tensor bits = Tensor::empty({out.shape()[0], n}, DType::i64);
  auto* sort_key = reinterpret_cast<std::uint64_t*>(bits.data<std::int64_t>());
  for_each_piece(
      keys, n, [&](philox::Key key, std::int64_t first, std::int64_t count, std::int64_t position) {
        const Bits b(key, first, count);
        std::copy_n(b.word + b.skip, count, sort_key + position);
      });
  auto* order = out.data<std::int64_t>();
  parallel_for(out.shape()[0], grain / n, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t lane = begin; lane < end; ++lane) {
      const std::uint64_t* k = sort_key + lane * n;
      std::int64_t* o = order + lane * n;
      std::iota(o, o + n, std::int64_t{0});
      std::sort(o, o + n,
                [k](std::int64_t a, std::int64_t b) { return k[a] != k[b] ? k[a] < k[b] : a < b; });
    }
  });
}

void store(philox::Key key, std::int64_t* out) {
  out[0] = static_cast<std::int64_t>(key.k0);
  out[1] = static_cast<std::int64_t>(key.k1);
}

void split(const Tensor& keys, Tensor& out) {
  const std::int64_t n = out.shape()[1];
  auto* p = out.data<std::int64_t>();
  for_each_piece(
      keys, n, [&](philox::Key key, std::int64_t first, std::int64_t count, std::int64_t position) {
        for (std::int64_t j = 0; j < count; ++j)
          store(philox::child(key, static_cast<std::uint64_t>(first + j)), p + 2 * (position + j));
      });
}

void fold(const Tensor& keys, const Tensor& data, Tensor& out) {
  const auto* d = data.data<std::int64_t>();
  auto* p = out.data<std::int64_t>();
  for_each_piece(keys, 1, [&](philox::Key key, std::int64_t, std::int64_t, std::int64_t lane) {
    store(philox::fold_in(key, static_cast<std::uint64_t>(d[lane * data.strides()[0]])),
          p + 2 * lane);
  });
}

}  // namespace

void register_random() {
  const DeviceType cpu = DeviceType::cpu;
  kernels::random_uniform.add(cpu, {DType::f32}, &uniform<float>);
  kernels::random_uniform.add(cpu, {DType::f64}, &uniform<double>);
  kernels::random_normal.add(cpu, {DType::f32}, &normal<float>);
  kernels::random_normal.add(cpu, {DType::f64}, &normal<double>);
  kernels::random_truncated_normal.add(cpu, {DType::f32}, &truncated_normal<float>);
  kernels::random_truncated_normal.add(cpu, {DType::f64}, &truncated_normal<double>);
  kernels::random_bernoulli.add(cpu, {DType::f32}, &bernoulli<float>);
  kernels::random_bernoulli.add(cpu, {DType::f64}, &bernoulli<double>);
  kernels::random_bernoulli.add(cpu, {DType::boolean}, &bernoulli<bool>);
  kernels::random_integers.add(cpu, {DType::i32}, &integers<std::int32_t>);
  kernels::random_integers.add(cpu, {DType::i64}, &integers<std::int64_t>);
  kernels::random_permutation.add(cpu, {DType::i64}, &permutation);
  kernels::split_keys.add(cpu, {DType::i64}, &split);
  kernels::fold_keys.add(cpu, {DType::i64}, &fold);
}

}  // namespace sonde::cpu
