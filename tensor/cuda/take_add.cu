// take_add, the adjoint of take: the sum of a slice is made in the order of the index. Few or
// narrow slices go the way of scatter_add, with an index for every column; else the slices are
// sorted by their place, and each run of one place is added by the threads of its columns,
// neighbours in memory.
#include <limits>

#include "tensor/cuda/argsort.hpp"
#include "tensor/cuda/pack.hpp"
#include "tensor/cuda/register.hpp"
#include "tensor/cuda/scatter.hpp"
#include "tensor/cuda/slices.hpp"
#include "tensor/kernels/index.hpp"

namespace sonde::cuda {
namespace {

// The place of each slice: lane * n + index; lanes * n for none.
__global__ void places_kernel(Slices s, std::uint64_t* key) {
  for (std::int64_t i = thread_index(); i < s.lanes * s.count; i += grid_threads()) {
    const std::int64_t chosen = s.index[i];
    std::int64_t place = s.lanes * s.guard.n;
    if (s.guard.allows(chosen))
      place = quotient(i, s.count) * s.guard.n + chosen;
    else
      s.guard.report(chosen, i);
    key[i] = static_cast<std::uint64_t>(place);
  }
}

// One unit is a column of a sorted slice at one outer position of its lane; only the first slice of
// a run has work.
template <class T, int width>
__global__ void add_runs_kernel(Slices s, const std::uint64_t* key, const std::uint32_t* slice,
                                const Pack<T, width>* src, Pack<T, width>* out) {
  constexpr int ways = 8;  // terms that are loaded before the first is added
  const std::int64_t slices = s.lanes * s.count, columns = s.inner / width;
  const auto nowhere = static_cast<std::uint64_t>(s.lanes * s.guard.n);
  for (std::int64_t i = thread_index(); i < s.share * slices * columns; i += grid_threads()) {
    const std::int64_t rest = quotient(i, columns), column = i - rest * columns;
    const std::int64_t turn = quotient(rest, slices), j = rest - turn * slices;
    const std::uint64_t place = key[j];
    if (place == nowhere || (j > 0 && key[j - 1] == place)) continue;
    const std::int64_t lane = quotient(slice[j], s.count), o = lane * s.share + turn;
    const std::int64_t chosen = static_cast<std::int64_t>(place) - lane * s.guard.n;
    const auto* from = src + (o - lane) * s.count * columns + column;
    auto& to = out[(o * s.guard.n + chosen) * columns + column];
    auto sum = to;
    bool more = true;
    for (std::int64_t first = j; more; first += ways) {
      Pack<T, width> term[ways];
      bool mine[ways];
#pragma unroll
      for (int w = 0; w < ways; ++w) {
        mine[w] = first + w < slices && key[first + w] == place;
        if (mine[w]) term[w] = from[slice[first + w] * columns];
      }
#pragma unroll
      for (int w = 0; w < ways; ++w)
        if (mine[w])
          for (int e = 0; e < width; ++e) sum.v[e] = static_cast<T>(sum.v[e] + term[w].v[e]);
      more = mine[ways - 1];
    }
    to = sum;
  }
}

template <class T, int width>
void add_runs(Stream& stream, const Slices& s, const Pairs& sorted, const Tensor& src,
              const Tensor& out) {
  const std::int64_t units = s.share * s.lanes * s.count * (s.inner / width);
  launch("take_add", stream, grid_over(units), add_runs_kernel<T, width>, s,
         pointer<const std::uint64_t>(stream, sorted.keys),
         pointer<const std::uint32_t>(stream, sorted.positions),
         pointer<const Pack<T, width>>(stream, src), pointer<Pack<T, width>>(stream, out));
}

template <class T>
void add_sorted(Stream& stream, const Slices& s, const Tensor& src, const Tensor& out) {
  const std::int64_t slices = s.lanes * s.count;
  const Tensor key = Tensor::empty(Dims{slices}, DType::i64, out.device());
  launch("take_add", stream, grid_over(slices), places_kernel, s,
         pointer<std::uint64_t>(stream, key));
  const Pairs sorted = sort_pairs({key, first_positions("take_add", slices, out.device())},
                                  bits_for(s.lanes * s.guard.n + 1));
  constexpr int width = widest<T>;
  if (takes_packs(pointer<T>(stream, src), {s.inner}) &&
      takes_packs(pointer<T>(stream, out), {s.inner}))
    add_runs<T, width>(stream, s, sorted, src, out);
  else
    add_runs<T, 1>(stream, s, sorted, src, out);
}

void take_add(const Tensor& index0, const Tensor& src0, int axis, bool lanes, Tensor& out) {
  Stream& stream = stream_of(out.device());
  const Tensor src = src0.contiguous(), index = index0.contiguous();
  const Slices s(stream, "take_add", out.shape(), index, axis, lanes);
  if (src.numel() == 0) return check_only(stream, index, s.guard);
  constexpr std::int64_t narrow = 8, most_sorted = std::numeric_limits<std::uint32_t>::max();
  if (s.inner < narrow || lines_are_fast(s.outer * s.inner, s.count) ||
      s.lanes * s.count > most_sorted) {
    const Dims shape{s.lanes, s.share, s.count, s.inner}, position{s.count, 0, 1, 0};
    return scatter_sum("take_add", index.as_strided(shape, position, index.offset()), position,
                       src.reshape(shape), 2, out.reshape({s.lanes, s.share, s.guard.n, s.inner}));
  }
  switch (out.dtype()) {
    case DType::f32:
      return add_sorted<float>(stream, s, src, out);
    case DType::f64:
      return add_sorted<double>(stream, s, src, out);
    case DType::i32:
      return add_sorted<std::uint32_t>(stream, s, src, out);
    case DType::i64:
      return add_sorted<std::uint64_t>(stream, s, src, out);
    default:
      return add_sorted<std::uint8_t>(stream, s, src, out);
  }
}

}  // namespace

void register_take_add() {
  kernels::take_add.add(DeviceType::cuda,
                        {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8}, &take_add);
}

}  // namespace sonde::cuda
