// take, take_add and one_hot: whole slices by index. Tensors are seen as [outer, n, inner] around
// the indexed axis; with lanes, each has its share of the outer positions and a row of its own in
// the index.
#include <algorithm>
#include <cstring>

#include "tensor/cpu/elementwise.hpp"
#include "tensor/cpu/index_check.hpp"
#include "tensor/cpu/register.hpp"
#include "tensor/kernels/index.hpp"
#include "tensor/parallel.hpp"

namespace sonde::cpu {
namespace {

constexpr std::int64_t grain = 1 << 14;  // elements

struct Slices {
  Slices(const Dims& shape, const Tensor& index, int axis, bool with_lanes)
      : n(shape[axis]), chosen(index.data<std::int64_t>()) {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
    const std::int64_t lanes = with_lanes ? shape[0] : 1;
    count = index.numel() / lanes;
    share = outer / lanes;
  }
  const std::int64_t* row(std::int64_t o) const { return chosen + o / share * count; }
  std::int64_t outer = 1, n, inner = 1, count, share;
  const std::int64_t* chosen;
};

template <class T>
void copy_elements(const std::byte* from, const std::int64_t* chosen, std::int64_t count,
                   std::byte* to) {
  for (std::int64_t k = 0; k < count; ++k)
    reinterpret_cast<T*>(to)[k] = reinterpret_cast<const T*>(from)[chosen[k]];
}

// to[k] = from[chosen[k]] for slices of `width` bytes.
void copy_slices(const std::byte* from, const std::int64_t* chosen, std::int64_t count,
                 std::int64_t width, std::byte* to) {
  switch (width) {
    case 1:
      return copy_elements<std::uint8_t>(from, chosen, count, to);
    case 4:
      return copy_elements<std::uint32_t>(from, chosen, count, to);
    case 8:
      return copy_elements<std::uint64_t>(from, chosen, count, to);
    default:
      for (std::int64_t k = 0; k < count; ++k)
        std::memcpy(to + k * width, from + chosen[k] * width, static_cast<std::size_t>(width));
  }
}

// x and index are copied first if they are not row-major.
void take(const Tensor& x0, const Tensor& index0, int axis, bool lanes, Tensor& out) {
  check_index(index0, x0.shape()[axis], "take");
  if (out.numel() == 0) return;
  const Tensor x = x0.contiguous(), index = index0.contiguous();
  const Slices s(x.shape(), index, axis, lanes);
  const std::int64_t count = s.count, width = s.inner * size_of(x.dtype());
  parallel_for(s.outer * count, std::max<std::int64_t>(1, grain / s.inner),
               [&](std::int64_t begin, std::int64_t end) {
                 while (begin < end) {  // one run of slices within one outer position
                   const std::int64_t o = begin / count, k = begin % count,
                                      run = std::min(end - begin, count - k);
                   copy_slices(x.bytes() + o * s.n * width, s.row(o) + k, run, width,
                               out.bytes() + begin * width);
                   begin += run;
                 }
               });
}

// to[j] += from[j]; long rows by the vectors of `add`.
template <class T>
void add_row(Loop add, const T* from, std::int64_t n, T* to) {
  constexpr std::int64_t least_vectors = 16;
  if (n < least_vectors) {
    for (std::int64_t j = 0; j < n; ++j) to[j] = static_cast<T>(to[j] + from[j]);
    return;
  }
  const auto sum = reinterpret_cast<std::byte*>(to);
  const auto term = reinterpret_cast<std::byte*>(const_cast<T*>(from));
  std::byte* const ptr[] = {sum, sum, term};
  constexpr std::int64_t stride[] = {sizeof(T), sizeof(T), sizeof(T)};
  add(ptr, stride, n, nullptr);
}

// Columns are cut among threads, never the slices: each element of out is summed by one thread, in
// the order of k.
template <class T>
void take_add(const Tensor& index0, const Tensor& src0, int axis, bool lanes, Tensor& out) {
  check_index(index0, out.shape()[axis], "take_add");
  if (src0.numel() == 0) return;
  const Tensor src = src0.contiguous(), index = index0.contiguous();
  const Slices s(out.shape(), index, axis, lanes);
  constexpr std::int64_t tile = 64;  // few passes over the index, and some work for each thread
  const std::int64_t count = s.count, tiles = (s.inner + tile - 1) / tile;
  const auto* from = reinterpret_cast<const T*>(src.bytes());
  auto* to = reinterpret_cast<T*>(out.bytes());
  const Loop add = elementwise_loops<kernels::add>[static_cast<int>(out.dtype())].loop;
  const std::int64_t work = count * std::min(s.inner, tile);
  parallel_for(s.outer * tiles, grain / work, [&](std::int64_t begin, std::int64_t end) {
    while (begin < end) {  // one run of columns within one outer position
      const std::int64_t o = begin / tiles, run = std::min(end - begin, tiles - begin % tiles);
      const std::int64_t first = begin % tiles * tile, last = std::min(first + run * tile, s.inner);
      const std::int64_t* chosen = s.row(o);
      for (std::int64_t k = 0; k < count; ++k)
        add_row(add, from + (o * count + k) * s.inner + first, last - first,
                to + (o * s.n + chosen[k]) * s.inner + first);
      begin += run;
    }
  });
}

template <class T>
void one_hot(const Tensor& index0, Tensor& out) {
  const std::int64_t n = out.shape().back();
  check_index(index0, n, "one_hot");
  if (out.numel() == 0) return;
  const Tensor index = index0.contiguous();
  const auto* chosen = index.data<std::int64_t>();
  T* to = out.data<T>();
  parallel_for(index.numel(), std::max<std::int64_t>(1, grain / n),
               [&](std::int64_t begin, std::int64_t end) {
                 std::fill(to + begin * n, to + end * n, T(0));
                 for (std::int64_t i = begin; i < end; ++i) to[i * n + chosen[i]] = T(1);
               });
}

}  // namespace

void register_take() {
  const DeviceType cpu = DeviceType::cpu;
  kernels::take.add(cpu,
                    {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::boolean,
                     DType::f16, DType::bf16},
                    &take);
  kernels::take_add.add(cpu, {DType::f32}, &take_add<float>);
  kernels::take_add.add(cpu, {DType::f64}, &take_add<double>);
  kernels::take_add.add(cpu, {DType::i32}, &take_add<std::uint32_t>);
  kernels::take_add.add(cpu, {DType::i64}, &take_add<std::uint64_t>);
  kernels::take_add.add(cpu, {DType::u8}, &take_add<std::uint8_t>);
  kernels::one_hot.add(cpu, {DType::f32}, &one_hot<float>);
  kernels::one_hot.add(cpu, {DType::f64}, &one_hot<double>);
  kernels::one_hot.add(cpu, {DType::i32}, &one_hot<std::int32_t>);
  kernels::one_hot.add(cpu, {DType::i64}, &one_hot<std::int64_t>);
  kernels::one_hot.add(cpu, {DType::u8}, &one_hot<std::uint8_t>);
  kernels::one_hot.add(cpu, {DType::boolean}, &one_hot<bool>);
}

}  // namespace sonde::cpu
