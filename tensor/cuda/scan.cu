// Running sums along one axis of a row-major copy [outer, n, inner], in f64 or in integers modulo
// 2^64. Where there are few long sums the axis is cut into parts: their totals first, then each
// part from the sum of those before it.
#include <algorithm>

#include "tensor/cuda/reduce_rules.hpp"
#include "tensor/cuda/register.hpp"

namespace sonde::cuda {
namespace {

template <class T>
using ScanTotal = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;

// The operation whose totals of parts these are.
template <class T>
struct WideSum {
  using Element = T;
  using Total = ScanTotal<T>;
  using Result = Total;
  static __device__ Total identity() { return 0; }
  static __device__ Total of(T x, std::int64_t) { return static_cast<Total>(x); }
  template <int n, int width>
  static __device__ Total of_block(const T (&x)[n], const Places<width>&) {
    Total v[n];
#pragma unroll
    for (int e = 0; e < n; ++e) v[e] = static_cast<Total>(x[e]);
    return fold<n>(v, Plus());
  }
  static __device__ Total combine(Total a, Total b) {
    return a + b;
  }
  static __device__ Result result(Total total) {
    return total;
  }
};

template <class T>
struct ScanArgs {
  const T* x;
  const ScanTotal<T>* totals;  ///< [outputs, parts]; null if there is one part
  bool reverse, wide;

  /// Does part q come before part p?
  __device__ bool before(std::int64_t q, std::int64_t p) const { return reverse ? q > p : q < p; }
};

constexpr int at_once = 4;  // elements of a thread

// Elements i, i + 1, ... of begin .. end-1, counted from the end if `reverse`.
template <class T>
__device__ Pack<T, at_once> load_along(const T* row, std::int64_t begin, std::int64_t end,
                                       std::int64_t i, const ScanArgs<T>& a) {
  Pack<T, at_once> v{}, turned;
  if (a.wide) {
    const std::int64_t at = a.reverse ? end - at_once - i : begin + i;
    if (begin + i < end) v = *reinterpret_cast<const Pack<T, at_once>*>(row + at);
    for (int j = 0; j < at_once; ++j) turned.v[j] = a.reverse ? v.v[at_once - 1 - j] : v.v[j];
    return turned;
  }
  for (int j = 0; j < at_once; ++j)
    if (begin + i + j < end) v.v[j] = row[a.reverse ? end - 1 - i - j : begin + i + j];
  return v;
}

template <class T>
__device__ void store_along(const Pack<T, at_once>& v, T* row, std::int64_t begin, std::int64_t end,
                            std::int64_t i, bool reverse, bool wide) {
  if (wide) {
    const std::int64_t at = reverse ? end - at_once - i : begin + i;
    Pack<T, at_once> turned;
    for (int j = 0; j < at_once; ++j) turned.v[j] = reverse ? v.v[at_once - 1 - j] : v.v[j];
    if (begin + i < end) *reinterpret_cast<Pack<T, at_once>*>(row + at) = turned;
    return;
  }
  for (int j = 0; j < at_once; ++j)
    if (begin + i + j < end) row[reverse ? end - 1 - i - j : begin + i + j] = v.v[j];
}

// One team of threads for each part of a row, tile after tile.
template <class Team, class T, class Out>
__global__ void __launch_bounds__(reduce_threads)
    scan_rows(ScanArgs<T> a, Out* y, std::int64_t rows, std::int64_t size, Parts parts) {
  using Total = ScanTotal<T>;
  constexpr int teams = reduce_threads / Team::size;
  const std::int64_t units = rows * parts.count;
  for (std::int64_t first = blockIdx.x * std::int64_t{teams}; first < units;
       first += std::int64_t{gridDim.x} * teams) {
    const std::int64_t unit = first + threadIdx.x / Team::size;
    if (unit >= units) return;  // a whole warp
    const std::int64_t row = unit / parts.count, part = unit - row * parts.count;
    const std::int64_t begin = parts.begin(part), end = parts.end(part, size);
    Total carry = 0;
    for (std::int64_t q = Team::rank(); a.totals && q < parts.count; q += Team::size)
      if (a.before(q, part)) carry += a.totals[row * parts.count + q];
    if (a.totals) carry = Team::reduce(carry, Plus());
    for (std::int64_t tile = 0; begin + tile < end; tile += Team::size * at_once) {
      const std::int64_t i = tile + Team::rank() * at_once;
      const auto v = load_along(a.x + row * size, begin, end, i, a);
      Total sum[at_once], all;
      for (int j = 0; j < at_once; ++j)
        sum[j] = static_cast<Total>(v.v[j]) + (j > 0 ? sum[j - 1] : Total(0));
      const Total before = carry + Team::sum_before(sum[at_once - 1], all);
      Pack<Out, at_once> result;
      for (int j = 0; j < at_once; ++j) result.v[j] = static_cast<Out>(before + sum[j]);
      store_along(result, y + row * size, begin, end, i, a.reverse, a.wide);
      carry += all;
    }
  }
}

// One thread for each part of a column.
template <class T, class Out>
__global__ void __launch_bounds__(reduce_threads)
    scan_columns(ScanArgs<T> a, Out* y, ReduceStep s, Parts parts) {
  using Total = ScanTotal<T>;
  constexpr int n = 8;
  const std::int64_t outputs = s.outer * s.inner;
  for (std::int64_t i = thread_index(); i < outputs * parts.count; i += grid_threads()) {
    const std::int64_t part = i / outputs, o = i - part * outputs;
    const std::int64_t column = o / s.inner * s.outer_step + o % s.inner;
    const std::int64_t begin = parts.begin(part), end = parts.end(part, s.reduced);
    Total total = 0;
    for (std::int64_t q = 0; a.totals && q < parts.count; ++q)
      if (a.before(q, part)) total += a.totals[o * parts.count + q];
    const std::int64_t step = a.reverse ? -s.reduced_step : s.reduced_step;
    const std::int64_t first = column + (a.reverse ? end - 1 : begin) * s.reduced_step;
    for (std::int64_t r = 0; begin + r < end; r += n) {
      T block[n] = {};
#pragma unroll
      for (int e = 0; e < n; ++e)
        if (begin + r + e < end) block[e] = a.x[first + (r + e) * step];
#pragma unroll
      for (int e = 0; e < n; ++e) {
        total += static_cast<Total>(block[e]);
        if (begin + r + e < end) y[first + (r + e) * step] = static_cast<Out>(total);
      }
    }
  }
}

constexpr std::string_view op = "cumsum";

// The totals of all parts, by the kernel of reductions.
template <class T, class Plan>
Tensor totals_of_parts(Stream& stream, const T* x, const Plan& plan, std::int64_t outputs,
                       void (*kernel)(const T*, ReduceTarget<WideSum<T>>, Plan), Device device) {
  if (plan.parts.count == 1) return {};
  const Tensor room = room_for_totals<WideSum<T>>(outputs, plan.parts, device);
  launch(op, stream, plan.grid(), kernel, x,
         ReduceTarget<WideSum<T>>{nullptr, pointer<ScanTotal<T>>(stream, room), plan.parts.count},
         plan);
  return room;
}

template <class T>
bool begins_pack(const T* p) {
  return reinterpret_cast<std::uintptr_t>(p) % alignof(Pack<T, at_once>) == 0;
}

template <class T, class Out>
void scan_each_row(Stream& stream, ScanArgs<T> a, Out* y, const ReduceStep& s, Device device) {
  const RowsPlan plan(s, takes_packs(a.x, {s.outer_step}));
  const Tensor totals =
      totals_of_parts<T>(stream, a.x, plan, s.outer, &reduce_rows<WideSum<T>>, device);
  a.totals = pointer<ScanTotal<T>>(stream, totals);
  a.wide = s.reduced % at_once == 0 && begins_pack(a.x) && begins_pack(y);
  const std::int64_t units = s.outer * plan.parts.count;
  if (plan.team == reduce_threads)
    launch(op, stream, grid_over(units * reduce_threads, reduce_threads),
           &scan_rows<BlockTeam<reduce_threads>, T, Out>, a, y, s.outer, s.reduced, plan.parts);
  else
    launch(op, stream, grid_over(units * warp_lanes, reduce_threads),
           &scan_rows<LaneTeam<warp_lanes>, T, Out>, a, y, s.outer, s.reduced, plan.parts);
}

template <class T, class Out>
void scan_each_column(Stream& stream, ScanArgs<T> a, Out* y, const ReduceStep& s, Device device) {
  constexpr std::int64_t enough_threads = 1 << 18, most_parts = 64, smallest_part = 64;
  ColumnsPlan plan(s);
  plan.parts = Parts(
      s.reduced,
      std::min({enough_threads / (s.outer * s.inner), s.reduced / smallest_part, most_parts}), 1);
  const Tensor totals =
      totals_of_parts<T>(stream, a.x, plan, s.outer * s.inner, &reduce_columns<WideSum<T>>, device);
  a.totals = pointer<ScanTotal<T>>(stream, totals);
  launch(op, stream, grid_over(s.outer * s.inner * plan.parts.count, reduce_threads),
         &scan_columns<T, Out>, a, y, s, plan.parts);
}

template <class T, class Out>
void cumsum(const Tensor& in, int axis, bool reverse, Tensor& out) {
  if (in.numel() == 0) return;
  const Tensor source = in.contiguous();
  ReduceStep s{.outer_step = 0, .reduced_step = 1, .inner_step = 1};
  for (int i = 0; i < in.rank(); ++i)
    (i < axis ? s.outer : i == axis ? s.reduced : s.inner) *= in.shape()[i];
  s.reduced_step = s.inner;
  s.outer_step = s.reduced * s.inner;
  Stream& stream = stream_of(out.device());
  const ScanArgs<T> args{pointer<const T>(stream, source), nullptr, reverse, false};
  auto* y = pointer<Out>(stream, out);
  if (s.inner == 1)
    scan_each_row(stream, args, y, s, out.device());
  else
    scan_each_column(stream, args, y, s, out.device());
}

template <class T, class Out = T>
void add_cumsum() {
  kernels::cumsum.add(DeviceType::cuda, {dtype_of<T>}, &cumsum<T, Out>);
}

}  // namespace

void register_scan() {
  add_cumsum<float>();
  add_cumsum<double>();
  add_cumsum<std::int32_t, std::int64_t>();
  add_cumsum<std::int64_t>();
  add_cumsum<std::uint8_t, std::int64_t>();
  add_cumsum<bool, std::int64_t>();
}

}  // namespace sonde::cuda
