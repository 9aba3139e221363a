// Random numbers: the integers are those of the CPU, bit for bit. A thread makes one block of the
// cipher, two elements. The ten rounds and, for a normal, logarithm, sine and cosine in f64 take
// longer than the stores.
#include "tensor/cuda/argsort.hpp"
#include "tensor/cuda/launch.hpp"
#include "tensor/cuda/pack.hpp"
#include "tensor/cuda/register.hpp"
#include "tensor/functors/distributions.hpp"
#include "tensor/philox.hpp"

namespace sonde::cuda {
namespace {

using kernels::RandomParams;

template <class T>
using Two = Pack<T, 2>;

// i64 [lanes, 2] of any strides.
struct Keys {
  Keys(Stream& stream, const Tensor& keys)
      : words(pointer<const std::int64_t>(stream, keys)),
        lanes(keys.shape()[0]),
        lane_step(keys.strides()[0]),
        word_step(keys.strides()[1]) {}
  __device__ philox::Key at(std::int64_t lane) const {
    const std::int64_t* key = words + lane * lane_step;
    return {static_cast<std::uint64_t>(key[0]), static_cast<std::uint64_t>(key[word_step])};
  }
  const std::int64_t* words;
  std::int64_t lanes, lane_step, word_step;
};

// Elements 2i and 2i + 1 of every lane's n, as the law makes them of the key, 2i and 128 bits.
template <class T, class Law>
__global__ void draw_kernel(Keys keys, std::int64_t n, Law law, T* out, bool aligned) {
  const std::int64_t blocks = (n + 1) / 2;
  for (std::int64_t i = thread_index(); i < keys.lanes * blocks; i += grid_threads()) {
    const std::int64_t lane = keys.lanes == 1 ? 0 : i / blocks, block = i - lane * blocks;
    const philox::Key key = keys.at(lane);
    const philox::Block bits = philox::block(key, static_cast<std::uint64_t>(block));
    const Two<T> value = law(key, 2 * block, philox::half(bits, 0), philox::half(bits, 1));
    T* to = out + lane * n + 2 * block;
    if (aligned && 2 * block + 1 < n) {
      store_pack(to, value);
    } else {
      to[0] = value.v[0];
      if (2 * block + 1 < n) to[1] = value.v[1];
    }
  }
}

template <class T, class Law>
void draw(std::string_view op, const Tensor& keys_tensor, const Law& law, const Tensor& out) {
  if (out.numel() == 0) return;
  Stream& stream = stream_of(out.device());
  const Keys keys(stream, keys_tensor);
  const std::int64_t n = out.numel() / keys.lanes;
  T* to = pointer<T>(stream, out);
  const bool aligned =
      (keys.lanes == 1 || n % 2 == 0) && reinterpret_cast<std::uintptr_t>(to) % sizeof(Two<T>) == 0;
  launch(op, stream, grid_over(keys.lanes * ((n + 1) / 2)), draw_kernel<T, Law>, keys, n, law, to,
         aligned);
}

// A distribution, rounded to T.
template <class T, class Distribution>
struct Each {
  Distribution of;
  __device__ Two<T> operator()(philox::Key, std::int64_t, std::uint64_t a, std::uint64_t b) const {
    return {{static_cast<T>(of(philox::unit(a))), static_cast<T>(of(philox::unit(b)))}};
  }
};

template <class T>
void uniform(const Tensor& keys, const RandomParams& p, Tensor& out) {
  draw<T>("uniform", keys, Each<T, functors::Uniform>{functors::Uniform::of<T>(p)}, out);
}

template <class T>
void truncated_normal(const Tensor& keys, const RandomParams& p, Tensor& out) {
  using functors::TruncatedNormal;
  draw<T>("truncated_normal", keys, Each<T, TruncatedNormal>{TruncatedNormal(p)}, out);
}

template <class T>
void bernoulli(const Tensor& keys, const RandomParams& p, Tensor& out) {
  draw<T>("bernoulli", keys, Each<T, functors::Bernoulli>{{p.a}}, out);
}

// Box and Muller: one block of bits gives two independent numbers.
template <class T>
struct Normal {
  double mean, deviation;
  __device__ Two<T> operator()(philox::Key, std::int64_t, std::uint64_t a, std::uint64_t b) const {
    const double radius = deviation * sqrt(-2.0 * log(1.0 - philox::unit(a)));
    double sine, cosine;
    sincospi(2 * philox::unit(b), &sine, &cosine);
    return {{static_cast<T>(mean + radius * cosine), static_cast<T>(mean + radius * sine)}};
  }
};

template <class T>
void normal(const Tensor& keys, const RandomParams& p, Tensor& out) {
  draw<T>("normal", keys, Normal<T>{p.a, p.b}, out);
}

template <class T>
struct Integers {
  std::uint64_t low, range;
  __device__ Two<T> operator()(philox::Key key, std::int64_t i, std::uint64_t a,
                               std::uint64_t b) const {
    const auto first = static_cast<std::uint64_t>(i);
    return {
        {made(philox::below(key, first, a, range)), made(philox::below(key, first + 1, b, range))}};
  }
  __device__ T made(std::uint64_t v) const {
    return static_cast<T>(static_cast<std::int64_t>(v + low));
  }
};

template <class T>
void integers(const Tensor& keys, std::int64_t low, std::int64_t high, Tensor& out) {
  const auto first = static_cast<std::uint64_t>(low);
  draw<T>("randint", keys, Integers<T>{first, static_cast<std::uint64_t>(high) - first}, out);
}

struct Bits {
  __device__ Two<std::uint64_t> operator()(philox::Key, std::int64_t, std::uint64_t a,
                                           std::uint64_t b) const {
    return {{a, b}};
  }
};

// From places counted over all lanes to those within each.
__global__ void within_lane_kernel(const std::uint32_t* order, std::int64_t count, std::int64_t n,
                                   std::int64_t* out) {
  for (std::int64_t i = thread_index(); i < count; i += grid_threads())
    out[i] = static_cast<std::int64_t>(order[i]) - i / n * n;
}

void permutation(const Tensor& keys, Tensor& out) {
  if (out.numel() == 0) return;
  check_sortable("permutation", out.numel());
  Stream& stream = stream_of(out.device());
  const Tensor bits = Tensor::empty(out.shape(), DType::i64, out.device());
  draw<std::uint64_t>("permutation", keys, Bits{}, bits);
  const Tensor order = argsort("permutation", bits);
  launch("permutation", stream, grid_over(out.numel()), within_lane_kernel,
         pointer<const std::uint32_t>(stream, order), out.numel(), out.shape()[1],
         pointer<std::int64_t>(stream, out));
}

__device__ void store(philox::Key key, std::int64_t* out) {
  out[0] = static_cast<std::int64_t>(key.k0);
  out[1] = static_cast<std::int64_t>(key.k1);
}

__global__ void split_kernel(Keys keys, std::int64_t n, std::int64_t* out) {
  for (std::int64_t i = thread_index(); i < keys.lanes * n; i += grid_threads())
    store(philox::child(keys.at(i / n), static_cast<std::uint64_t>(i % n)), out + 2 * i);
}

void split(const Tensor& keys, Tensor& out) {
  Stream& stream = stream_of(out.device());
  launch("split", stream, grid_over(out.numel() / 2), split_kernel, Keys(stream, keys),
         out.shape()[1], pointer<std::int64_t>(stream, out));
}

__global__ void fold_kernel(Keys keys, const std::int64_t* data, std::int64_t step,
                            std::int64_t* out) {
  for (std::int64_t lane = thread_index(); lane < keys.lanes; lane += grid_threads())
    store(philox::fold_in(keys.at(lane), static_cast<std::uint64_t>(data[lane * step])),
          out + 2 * lane);
}

void fold(const Tensor& keys, const Tensor& data, Tensor& out) {
  Stream& stream = stream_of(out.device());
  launch("fold_in", stream, grid_over(keys.shape()[0]), fold_kernel, Keys(stream, keys),
         pointer<const std::int64_t>(stream, data), data.strides()[0],
         pointer<std::int64_t>(stream, out));
}

}  // namespace

void register_random() {
  const DeviceType cuda = DeviceType::cuda;
  kernels::random_uniform.add(cuda, {DType::f32}, &uniform<float>);
  kernels::random_uniform.add(cuda, {DType::f64}, &uniform<double>);
  kernels::random_normal.add(cuda, {DType::f32}, &normal<float>);
  kernels::random_normal.add(cuda, {DType::f64}, &normal<double>);
  kernels::random_truncated_normal.add(cuda, {DType::f32}, &truncated_normal<float>);
  kernels::random_truncated_normal.add(cuda, {DType::f64}, &truncated_normal<double>);
  kernels::random_bernoulli.add(cuda, {DType::f32}, &bernoulli<float>);
  kernels::random_bernoulli.add(cuda, {DType::f64}, &bernoulli<double>);
  kernels::random_bernoulli.add(cuda, {DType::boolean}, &bernoulli<bool>);
  kernels::random_integers.add(cuda, {DType::i32}, &integers<std::int32_t>);
  kernels::random_integers.add(cuda, {DType::i64}, &integers<std::int64_t>);
  kernels::random_permutation.add(cuda, {DType::i64}, &permutation);
  kernels::split_keys.add(cuda, {DType::i64}, &split);
  kernels::fold_keys.add(cuda, {DType::i64}, &fold);
}

}  // namespace sonde::cuda
