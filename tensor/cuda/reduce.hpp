/// @file
/// Reductions of the middle axis of [outer, reduced, inner], for any operation. All are bound by
/// memory: each element is read once.
///
/// An operation Op has an Element, a Result and a Total, and
///   Total identity()
///   Total of(element, its position along the axis)
///   Total of_block(elements, their Places)           a block that one thread holds
///   Total combine(Total, Total)
///   Result result(Total)
/// Few long reductions are split into parts, whose number the sizes fix; a second kernel combines
/// the parts' totals.
#pragma once

#include "tensor/cuda/block_reduce.hpp"
#include "tensor/cuda/reduce_plan.hpp"
#include "tensor/cuda/row_packs.hpp"

namespace sonde::cuda {

/// Elements that a thread loads before it combines them: 64 bytes are on their way at a time.
template <class T>
inline constexpr int block_elements = sizeof(T) > 4 ? 8 : 16;

/// Where the elements of a block lie along the axis: runs of `width`, `step` apart.
template <int width>
struct Places {
  std::int64_t first, step;
  __device__ std::int64_t operator[](int e) const { return first + e / width * step + e % width; }
};

/// Where results go: `out` if there is one part, else each part's total into `totals`.
template <class Op>
struct ReduceTarget {
  typename Op::Result* out;
  typename Op::Total* totals;
  std::int64_t parts;
  __device__ void put(std::int64_t output, std::int64_t part, const typename Op::Total& total) {
    if (totals)
      totals[output * parts + part] = total;
    else
      out[output] = Op::result(total);
  }
};

template <class Op>
struct Combine {
  using Total = typename Op::Total;
  __device__ Total operator()(const Total& a, const Total& b) const { return Op::combine(a, b); }
};

// A block of elements: all at once if all are there.
template <class Op, int n, int width>
__device__ typename Op::Total add_block(typename Op::Total total,
                                        const typename Op::Element (&block)[n],
                                        const Places<width>& places, std::int64_t end) {
  if (places[n - 1] < end) return Op::combine(total, Op::of_block(block, places));
#pragma unroll
  for (int e = 0; e < n; ++e)
    if (places[e] < end) total = Op::combine(total, Op::of(block[e], places[e]));
  return total;
}

template <class Op>
__global__ void __launch_bounds__(reduce_threads)
    reduce_rows(const typename Op::Element* x, ReduceTarget<Op> to, RowsPlan plan) {
  using Element = typename Op::Element;
  constexpr int n = block_elements<Element>, width = widest<Element>;
  const int team = plan.team, rank = static_cast<int>(threadIdx.x) % team;
  const std::int64_t parts = plan.parts.count, units = plan.rows * parts;
  const std::int64_t teams = reduce_threads / team, step = std::int64_t{team} * width;
  for (std::int64_t first = blockIdx.x * teams; first < units; first += gridDim.x * teams) {
    const std::int64_t unit = first + threadIdx.x / team;
    const std::int64_t row = parts == 1 ? unit : unit / parts, part = unit - row * parts;
    const std::int64_t end = unit < units ? plan.parts.end(part, plan.size) : 0;
    auto total = Op::identity();
    for (std::int64_t i = plan.parts.begin(part) + rank * width; i < end; i += n / width * step) {
      Element block[n];
#pragma unroll
      for (int k = 0; k < n / width; ++k) {
        const auto v = load_part(x + row * plan.step, i + k * step, end, plan.wide);
#pragma unroll
        for (int j = 0; j < width; ++j) block[k * width + j] = v.v[j];
      }
      total = add_block<Op>(total, block, Places<width>{i, step}, end);
    }
    if (team == reduce_threads)
      total = reduce_block(total, Combine<Op>());
    else
      total = reduce_lanes(total, team, Combine<Op>());
    if (unit < units && rank == 0) to.put(row, part, total);
  }
}

// The totals of threads that share a column, `columns` apart, into the first of them.
template <class T, class Combine>
__device__ T reduce_down(T total, int columns, Combine combine) {
  __shared__ T slots[reduce_threads];
  const int i = static_cast<int>(threadIdx.x);
  __syncthreads();  // an earlier call's values have been read
  slots[i] = total;
  for (int half = reduce_threads / 2; half >= columns; half /= 2) {
    __syncthreads();
    if (i < half) slots[i] = combine(slots[i], slots[i + half]);
  }
  return slots[i];
}

template <class Op>
__global__ void __launch_bounds__(reduce_threads)
    reduce_columns(const typename Op::Element* x, ReduceTarget<Op> to, ColumnsPlan plan) {
  using Element = typename Op::Element;
  constexpr int n = 8;
  const ReduceStep& s = plan.step;
  const int columns = plan.columns, rows = reduce_threads / columns;
  const int column = static_cast<int>(threadIdx.x) % columns, row = threadIdx.x / columns;
  const std::int64_t parts = plan.parts.count;
  const std::int64_t units = (plan.outputs + columns - 1) / columns * parts;
  for (std::int64_t unit = blockIdx.x; unit < units; unit += gridDim.x) {
    const std::int64_t tile = unit / parts, part = unit - tile * parts;
    const std::int64_t output = tile * columns + column;
    const std::int64_t a = output / s.inner, b = output - a * s.inner;
    const Element* from = x + a * s.outer_step + b * s.inner_step;
    const std::int64_t end = output < plan.outputs ? plan.parts.end(part, s.reduced) : 0;
    auto total = Op::identity();
    for (std::int64_t r = plan.parts.begin(part) + row; r < end; r += n * rows) {
      Element block[n] = {};
#pragma unroll
      for (int e = 0; e < n; ++e)
        if (r + e * rows < end) block[e] = from[(r + e * rows) * s.reduced_step];
      total = add_block<Op>(total, block, Places<1>{r, rows}, end);
    }
    if (rows > 1) total = reduce_down(total, columns, Combine<Op>());
    if (output < plan.outputs && row == 0) to.put(output, part, total);
  }
}

/// A few lanes for each output.
template <class Op>
__global__ void combine_parts(const typename Op::Total* totals, typename Op::Result* out,
                              std::int64_t outputs, std::int64_t parts, int team) {
  const int rank = static_cast<int>(threadIdx.x) % team;
  for_each_team(outputs, team, [&](std::int64_t o, bool real) {
    auto total = Op::identity();
    for (std::int64_t p = rank; p < parts; p += team)
      total = Op::combine(total, totals[o * parts + p]);
    total = reduce_lanes(total, team, Combine<Op>());
    if (real && rank == 0) out[o] = Op::result(total);
  });
}

/// Room for the totals of all parts of all outputs.
template <class Op>
Tensor room_for_totals(std::int64_t outputs, const Parts& parts, Device device) {
  using Total = typename Op::Total;
  return Tensor::empty({outputs, parts.count, static_cast<std::int64_t>(sizeof(Total))}, DType::u8,
                       device);
}

/// One step of a reduction.
template <class Op>
void reduce_middle(std::string_view op, const Tensor& in, Tensor& out, const ReduceStep& s) {
  using Total = typename Op::Total;
  Stream& stream = stream_of(out.device());
  const auto* x = pointer<const typename Op::Element>(stream, in);
  auto* y = pointer<typename Op::Result>(stream, out);
  auto run = [&](const auto& plan, auto kernel) {
    const Parts& parts = plan.parts;
    Tensor room;
    if (parts.count > 1) room = room_for_totals<Op>(s.outer * s.inner, parts, out.device());
    auto* totals = pointer<Total>(stream, room);
    launch(op, stream, plan.grid(), kernel, x, ReduceTarget<Op>{y, totals, parts.count}, plan);
    if (parts.count > 1)
      launch(op, stream, grid_over(out.numel() * lanes_for(parts.count)), &combine_parts<Op>,
             totals, y, out.numel(), parts.count, lanes_for(parts.count));
  };
  constexpr std::int64_t shortest_row = 9;  // shorter ones: one thread each
  if (s.inner == 1 && s.reduced_step == 1 && s.reduced >= shortest_row) {
    run(RowsPlan(s, takes_packs(x, {s.outer_step})), &reduce_rows<Op>);
  } else {
    run(ColumnsPlan(s), &reduce_columns<Op>);
  }
}

}  // namespace sonde::cuda
