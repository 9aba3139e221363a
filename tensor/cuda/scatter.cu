// scatter_add. A repeated index adds in the order of the index, so the sum of a place is one
// thread's. Where there are many lines, each line is one thread's, which reads and writes all its
// places; else the elements are sorted by their place, and each run of one place is one thread's.
#include "tensor/cuda/scatter.hpp"

#include <limits>

#include "tensor/cuda/argsort.hpp"
#include "tensor/cuda/index_plan.hpp"
#include "tensor/cuda/register.hpp"
#include "tensor/kernels/index.hpp"

namespace sonde::cuda {
namespace {

template <class T>
__global__ void add_lines_kernel(const __grid_constant__ IndexPlan plan) {
  constexpr int ways = 4;  // terms that are loaded before the first is added
  const Walk& walk = plan.walk;
  for (std::int64_t line = thread_index(); line < plan.items; line += grid_threads()) {
    const auto start = offsets_of<4>(walk, line);
    const auto at = [&](IndexPlan::Operand k, std::int64_t i) {
      return start[k] + i * plan.along[k];
    };
    for (std::int64_t first = 0; first < plan.length; first += ways) {
      std::int64_t chosen[ways];
      T term[ways];
#pragma unroll
      for (int w = 0; w < ways; ++w) {
        if (first + w >= plan.length) continue;
        chosen[w] =
            element<const std::int64_t>(walk, IndexPlan::index, at(IndexPlan::index, first + w));
        term[w] = element<const T>(walk, IndexPlan::like, at(IndexPlan::like, first + w));
      }
#pragma unroll
      for (int w = 0; w < ways; ++w) {
        if (first + w >= plan.length) continue;
        if (plan.guard.allows(chosen[w])) {
          T& sum = element<T>(walk, IndexPlan::indexed,
                              start[IndexPlan::indexed] + chosen[w] * plan.step);
          sum = static_cast<T>(sum + term[w]);
        } else {
          plan.guard.report(chosen[w], at(IndexPlan::position, first + w) / 8);
        }
      }
    }
  }
}

// Places as numbers: elements from the lowest in memory.
struct Places {
  std::int64_t lowest = 0, count = 1;  // the lowest, from the tensor's first element
  explicit Places(const Tensor& out) {
    for (int i = 0; i < out.rank(); ++i) {
      const std::int64_t reach = (out.shape()[i] - 1) * out.strides()[i];
      count += std::abs(reach);
      if (reach < 0) lowest += reach;
    }
  }
};

using Key = std::uint64_t;  // a place

// The place of each element; `count` for none.
__global__ void places_kernel(const __grid_constant__ IndexPlan plan, Places places,
                              std::int64_t width, Key* key) {
  const Walk& walk = plan.walk;
  for (std::int64_t i = thread_index(); i < plan.items; i += grid_threads()) {
    const auto at = offsets_of<3>(walk, i);
    const std::int64_t chosen =
        element<const std::int64_t>(walk, IndexPlan::index, at[IndexPlan::index]);
    std::int64_t place = places.count;
    if (plan.guard.allows(chosen))
      place = (at[IndexPlan::indexed] + chosen * plan.step) / width - places.lowest;
    else
      plan.guard.report(chosen, offsets_of<4>(walk, i)[IndexPlan::position] / 8);
    key[i] = static_cast<Key>(place);
  }
}

// Elements in the order of their places.
struct SortedPlaces {
  const Key* key;
  const std::uint32_t* item;
  std::int64_t count;
  Key nowhere;

  __device__ bool begins_run(std::int64_t j) const {
    return j < count && key[j] != nowhere && (j == 0 || key[j - 1] != key[j]);
  }
  __device__ bool has(std::int64_t j, Key place) const { return j < count && key[j] == place; }
};

// What sums are made in: a shuffle moves at least four bytes.
template <class T>
using Sum = std::conditional_t<sizeof(T) < 4, std::uint32_t, T>;

// Adds the elements from `j` on that have this place, 32 at a time; all lanes of the warp call it
// with the same arguments and get the same sum.
template <class T, class Term>
__device__ Sum<T> add_by_warp(const SortedPlaces& s, std::int64_t j, Key place, Sum<T> sum,
                              Term term_of) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int terms = 32; terms == 32; j += 32) {
    const bool mine = s.has(j + lane, place);
    const Sum<T> term = mine ? term_of(j + lane) : Sum<T>{};
    terms = __popc(__ballot_sync(~0u, mine));
    for (int k = 0; k < terms; ++k) sum += __shfl_sync(~0u, term, k);
  }
  return sum;
}

template <class T>
__global__ void add_runs_kernel(const __grid_constant__ IndexPlan plan, SortedPlaces s,
                                Places places) {
  constexpr int alone = 16;  // terms of a run that its thread adds; the warp adds the rest
  const Walk& walk = plan.walk;
  const auto term_of = [&](std::int64_t j) {
    const auto at = offsets_of<1>(walk, s.item[j]);
    return static_cast<Sum<T>>(element<const T>(walk, IndexPlan::like, at[0]));
  };
  T* out = reinterpret_cast<T*>(walk.base[IndexPlan::indexed]) + places.lowest;
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (std::int64_t first = thread_index() - lane; first < s.count; first += grid_threads()) {
    const std::int64_t j = first + lane;
    const bool own = s.begins_run(j);
    const Key place = own ? s.key[j] : s.nowhere;
    Sum<T> sum = own ? out[place] : Sum<T>{};
    int added = 0;
    for (; own && added < alone && s.has(j + added, place); ++added) sum += term_of(j + added);
    const bool more = added == alone && s.has(j + alone, place);
    for (unsigned left = __ballot_sync(~0u, more); left != 0; left &= left - 1) {
      const int owner = __ffs(static_cast<int>(left)) - 1;
      const Sum<T> total = add_by_warp<T>(s, first + owner + alone, __shfl_sync(~0u, place, owner),
                                          __shfl_sync(~0u, sum, owner), term_of);
      if (lane == owner) sum = total;
    }
    if (own) out[place] = static_cast<T>(sum);
  }
}

template <class T>
void add_sorted(Stream& stream, const IndexPlan& plan, const Places& places, Device device) {
  const char* op = plan.guard.op;
  const Tensor key = Tensor::empty(Dims{plan.items}, DType::i64, device);
  launch(op, stream, grid_over(plan.items), places_kernel, plan, places,
         static_cast<std::int64_t>(sizeof(T)), pointer<Key>(stream, key));
  const Pairs pairs = sort_pairs({key, first_positions(op, plan.items, device)},
                                 bits_for(checked_add(places.count, 1)));
  const SortedPlaces sorted{pointer<const Key>(stream, pairs.keys),
                            pointer<const std::uint32_t>(stream, pairs.positions), plan.items,
                            static_cast<Key>(places.count)};
  launch(op, stream, grid_over(plan.items), add_runs_kernel<T>, plan, sorted, places);
}

template <class T>  // integers add as unsigned numbers: they wrap
void scatter_typed(const char* op, const Tensor& index, const Dims& position, const Tensor& src,
                   int axis, const Tensor& out) {
  Stream& stream = stream_of(out.device());
  const std::int64_t elements = index.numel();
  if (elements == 0) return;
  const auto plan = [&](Items items) {
    return index_plan(stream, op, src, index, position, out, axis, items);
  };
  const std::int64_t length = index.shape()[axis];
  constexpr std::int64_t most_sorted = std::numeric_limits<std::uint32_t>::max();
  if (lines_are_fast(elements / length, length) || elements > most_sorted) {
    const IndexPlan lines = plan(Items::lines);
    launch(op, stream, grid_over(lines.items), add_lines_kernel<T>, lines);
    return;
  }
  add_sorted<T>(stream, plan(Items::elements), Places(out), out.device());
}

void scatter_add(const Tensor& index, const Tensor& src, int axis, Tensor& out) {
  scatter_sum("scatter_add", index, contiguous_strides(index.shape()), src, axis, out);
}

}  // namespace

// A term of a line costs the latency of a load and little else, a sort some dozen launches; lines
// as many as a device has threads hide the one behind the other.
bool lines_are_fast(std::int64_t lines, std::int64_t length) {
  return length <= 64 || lines >= 1 << 16;
}

void scatter_sum(const char* op, const Tensor& index, const Dims& position, const Tensor& src,
                 int axis, const Tensor& out) {
  switch (out.dtype()) {
    case DType::f32:
      return scatter_typed<float>(op, index, position, src, axis, out);
    case DType::f64:
      return scatter_typed<double>(op, index, position, src, axis, out);
    case DType::i32:
      return scatter_typed<std::uint32_t>(op, index, position, src, axis, out);
    case DType::i64:
      return scatter_typed<std::uint64_t>(op, index, position, src, axis, out);
    default:
      return scatter_typed<std::uint8_t>(op, index, position, src, axis, out);
  }
}

void register_scatter() {
  kernels::scatter_add.add(
      DeviceType::cuda, {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8}, &scatter_add);
}

}  // namespace sonde::cuda
