/// @file
/// Elementwise kernels: one functor of tensor/functors is one operation, and has two loops. The
/// *flat* one goes through operands without gaps by one index, 16 bytes at a time; the *strided*
/// one walks any strides. An input may also be one element, or a number that the host hands over.
/// Both loops are bound by memory but for f64 functions such as pow.
#pragma once

#include <algorithm>
#include <utility>

#include "tensor/cuda/elementwise_plan.hpp"
#include "tensor/cuda/launch.hpp"
#include "tensor/cuda/pack.hpp"

namespace sonde::cuda {

inline constexpr int block_threads = 256;

/// How much arithmetic an element takes: light operations load several packs before they use the
/// first, heavy ones would only spend registers, and time to compile.
enum class Weight { light, heavy };
template <Weight weight, int width>
inline constexpr int packs_per_thread = weight == Weight::heavy ? 1 : std::clamp(16 / width, 1, 4);

/// Elements of a pack: 16 bytes of the widest operand.
template <class... T>
inline constexpr int flat_width = 16 / std::max({sizeof(T)...});
/// Rows of a walk are often short.
template <class... T>
inline constexpr int strided_width = std::min(4, flat_width<T...>);

enum class Reading { number, repeated, strided, vectors };

/// One input of a kernel.
template <class T>
struct Input {
  const std::byte* data;
  Reading reading;
  T number;
};

template <class T>
__device__ T first_of(const Input<T>& in) {
  return in.reading == Reading::number ? in.number : *reinterpret_cast<const T*>(in.data);
}

/// The packs of one input that a thread has in flight.
template <class T, int width, int packs>
struct Part {
  Pack<T, width> pack[packs];
};

template <int width, int packs, class T>
__device__ Part<T, width, packs> load_part(const Input<T>& in, std::int64_t first,
                                           std::int64_t end) {
  Part<T, width, packs> part{};
  if (in.reading == Reading::vectors) {
    const auto* from = reinterpret_cast<const Pack<T, width>*>(in.data) + first;
#pragma unroll
    for (int u = 0; u < packs; ++u)
      if (first + u * block_threads < end) part.pack[u] = from[u * block_threads];
  } else {
    const T value = first_of(in);
#pragma unroll
    for (int u = 0; u < packs; ++u)
#pragma unroll
      for (int i = 0; i < width; ++i) part.pack[u].v[i] = value;
  }
  return part;
}

template <int width, class Out, class Op, class... In>
__device__ Pack<Out, width> map_packs(const Op& op, const Pack<In, width>&... in) {
  Pack<Out, width> result;
#pragma unroll
  for (int i = 0; i < width; ++i) result.v[i] = static_cast<Out>(op(in.v[i]...));
  return result;
}

// All loads are done before the first store: they are this function's arguments.
template <int width, int packs, class Op, class Out, class... In>
__device__ void store_part(const Op& op, Pack<Out, width>* out, std::int64_t first,
                           std::int64_t end, const Part<In, width, packs>&... in) {
#pragma unroll
  for (int u = 0; u < packs; ++u) {
    if (first + u * block_threads >= end) break;
    out[first + u * block_threads] = map_packs<width, Out>(op, in.pack[u]...);
  }
}

template <int packs, class Op, class Out, class... In>
__global__ void flat_kernel(Op op, std::int64_t n, Out* out, Input<In>... in) {
  constexpr int width = flat_width<Out, In...>;
  constexpr std::int64_t tile = std::int64_t{block_threads} * packs;
  const std::int64_t whole = n / width;
  for (std::int64_t i = blockIdx.x * tile + threadIdx.x; i < whole; i += gridDim.x * tile)
    store_part<width, packs>(op, reinterpret_cast<Pack<Out, width>*>(out), i, whole,
                             load_part<width, packs>(in, i, whole)...);
  const std::int64_t rest = whole * width + thread_index();  // fewer than a pack
  if (rest < n)
    out[rest] = static_cast<Out>(
        op((in.reading == Reading::vectors ? reinterpret_cast<const In*>(in.data)[rest]
                                           : first_of(in))...));
}

/// Where a pack lies in each operand, in bytes from its base, and how many elements it has.
template <int operands>
struct PackPlace {
  std::int64_t offset[operands];
  int count;
};
template <int width, int operands>
__device__ PackPlace<operands> locate(const StridedPlan<operands>& plan, std::uint32_t pack) {
  PackPlace<operands> place;
  std::uint32_t rest = pack;
  const std::int64_t first = std::int64_t{plan.row_packs.split(rest)} * width;
  place.count = static_cast<int>(min(plan.row - first, std::int64_t{width}));
#pragma unroll
  for (int k = 0; k < operands; ++k) place.offset[k] = first * plan.stride[0][k];
  for (int i = 1; i < plan.rank; ++i) {
    const std::uint32_t index = plan.size[i].split(rest);
#pragma unroll
    for (int k = 0; k < operands; ++k) place.offset[k] += index * plan.stride[i][k];
  }
  return place;
}

template <int width, class T>
__device__ Pack<T, width> load_pack(const Input<T>& in, std::int64_t offset, std::int64_t stride,
                                    int count) {
  Pack<T, width> pack{};
  const std::byte* from = in.data + offset;
  if (in.reading == Reading::vectors) {
    pack = *reinterpret_cast<const Pack<T, width>*>(from);
  } else if (in.reading == Reading::strided) {
#pragma unroll
    for (int i = 0; i < width; ++i)
      if (i < count) pack.v[i] = *reinterpret_cast<const T*>(from + i * stride);
  } else {
    const T value = in.reading == Reading::number ? in.number : *reinterpret_cast<const T*>(from);
#pragma unroll
    for (int i = 0; i < width; ++i) pack.v[i] = value;
  }
  return pack;
}

template <class T, int width>
__device__ void store_pack(const Pack<T, width>& pack, std::byte* to, std::int64_t stride,
                           int count, bool vectors) {
  if (vectors) {
    *reinterpret_cast<Pack<T, width>*>(to) = pack;
    return;
  }
#pragma unroll
  for (int i = 0; i < width; ++i)
    if (i < count) *reinterpret_cast<T*>(to + i * stride) = pack.v[i];
}

template <int width, class Op, class Out, std::size_t... k, class... In>
__device__ void strided_loop(const Op& op, const StridedPlan<sizeof...(In) + 1>& plan,
                             std::byte* out, bool vectors, std::index_sequence<k...>,
                             const Input<In>&... in) {
  const std::int64_t step = grid_threads();
  for (std::int64_t pack = thread_index(); pack < plan.packs; pack += step) {
    const auto place = locate<width>(plan, static_cast<std::uint32_t>(pack));
    store_pack(map_packs<width, Out>(op, load_pack<width>(in, place.offset[k + 1],
                                                          plan.stride[0][k + 1], place.count)...),
               out + place.offset[0], plan.stride[0][0], place.count, vectors);
  }
}

template <class Op, class Out, class... In>
__global__ void strided_kernel(Op op, StridedPlan<sizeof...(In) + 1> plan, std::byte* out,
                               bool vectors, Input<In>... in) {
  strided_loop<strided_width<Out, In...>, Op, Out>(op, plan, out, vectors,
                                                   std::index_sequence_for<In...>(), in...);
}

}  // namespace sonde::cuda
