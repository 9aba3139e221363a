#include "tensor/cuda/conv_depthwise.hpp"

#include "tensor/cuda/launch.hpp"

namespace sonde::cuda {
namespace {

// A thread computes `run` neighbours of a row in one channel, its warp the neighbouring channels.
// Where neighbouring taps and neighbouring results read neighbouring positions (`dense`), it holds
// the positions of `taps_at_once` taps in registers: 15 loads for 32 products.
constexpr int run = 8, taps_at_once = 4;

// What one thread computes: dest(column + t) for t < run, at phase positions.
template <class T>
struct Strip {
  AxisPlan rows, columns;
  const T* source;   // of row 0, column 0
  const T* weights;  // of tap 0
  T* dest;
  int row, column;
};

template <class T>
__device__ Strip<T> strip_of(const Depthwise<T>& c, std::int64_t i) {
  const int row_count = most_positions(c.rows, c.transposed),
            column_count = most_positions(c.columns, c.transposed);
  Strip<T> s;
  const std::int64_t channel = unfold(i, c.dest_channels);
  s.column = static_cast<int>(unfold(i, (column_count + run - 1) / run)) * run;
  s.row = static_cast<int>(unfold(i, row_count));
  const std::int64_t n = unfold(i, c.batch), lane = unfold(i, c.lanes);
  s.columns = plan_of(c.columns, c.transposed,
                      static_cast<int>(unfold(i, phases(c.columns, c.transposed))));
  s.rows = plan_of(c.rows, c.transposed, static_cast<int>(i));
  const std::int64_t source_channel =
      c.transposed ? channel * c.multiplier : channel / c.multiplier;
  s.source = c.source.data + lane * c.source.lane + n * c.source.batch + source_channel;
  s.weights = c.weights + lane * c.weights_lane + (c.transposed ? source_channel : channel);
  s.dest = c.dest.data + lane * c.dest.lane + n * c.dest.batch +
           (s.rows.first + static_cast<std::int64_t>(s.row) * s.rows.step) * c.dest.row + channel;
  return s;
}

// sums += a row of taps, one after the other; `source` and `weights` are of that row.
template <class T>
__device__ void add_taps(const AxisPlan& plan, const T* source, std::int64_t source_step,
                         const T* weights, std::int64_t weights_step, int column, T (&sums)[run]) {
  for (int tap = 0; tap < plan.taps; ++tap) {
    const T weight = weights[(plan.tap_first + tap * plan.tap_step) * weights_step];
    const int at = column * plan.source_step + plan.offset_first + tap * plan.offset_step;
#pragma unroll
    for (int t = 0; t < run; ++t) {
      const int w = at + t * plan.source_step;
      if (in_range(w, plan.source_size)) sums[t] += source[w * source_step] * weight;
    }
  }
}

// The same where source_step and offset_step are 1.
template <class T>
__device__ void add_taps_dense(const AxisPlan& plan, const T* source, std::int64_t source_step,
                               const T* weights, std::int64_t weights_step, int column,
                               T (&sums)[run]) {
  for (int first = 0; first < plan.taps; first += taps_at_once) {
    const int at = column + plan.offset_first + first;
    T x[run + taps_at_once - 1], weight[taps_at_once];
#pragma unroll
    for (int i = 0; i < run + taps_at_once - 1; ++i)
      x[i] = in_range(at + i, plan.source_size) ? source[(at + i) * source_step] : T{0};
#pragma unroll
    for (int u = 0; u < taps_at_once; ++u)
      weight[u] = first + u < plan.taps
                      ? weights[(plan.tap_first + (first + u) * plan.tap_step) * weights_step]
                      : T{0};
#pragma unroll
    for (int u = 0; u < taps_at_once; ++u)
#pragma unroll
      for (int t = 0; t < run; ++t) sums[t] += x[t + u] * weight[u];
  }
}

template <class T>
__global__ void depthwise_kernel(const __grid_constant__ Depthwise<T> c, std::int64_t strips) {
  // The filter's channels are the output's.
  const std::int64_t weight_channels =
      c.transposed ? c.dest_channels * c.multiplier : c.dest_channels;
  const int summed = c.transposed ? static_cast<int>(c.multiplier) : 1;
  for (std::int64_t i = thread_index(); i < strips; i += grid_threads()) {
    const Strip<T> s = strip_of(c, i);
    if (s.row >= s.rows.count) continue;
    const bool dense =
        s.columns.source_step == 1 && (s.columns.offset_step == 1 || s.columns.taps == 1);
    T sums[run] = {};
    for (int m = 0; m < summed; ++m)
      for (int tap = 0; tap < s.rows.taps; ++tap) {
        const int h = s.row * s.rows.source_step + s.rows.offset_first + tap * s.rows.offset_step;
        if (!in_range(h, s.rows.source_size)) continue;
        const T* source = s.source + h * c.source.row + m;
        const T* weights = s.weights + m +
                           static_cast<std::int64_t>(s.rows.tap_first + tap * s.rows.tap_step) *
                               c.columns.kernel * weight_channels;
        if (dense)
          add_taps_dense(s.columns, source, c.source.column, weights, weight_channels, s.column,
                         sums);
        else
          add_taps(s.columns, source, c.source.column, weights, weight_channels, s.column, sums);
      }
#pragma unroll
    for (int t = 0; t < run; ++t)
      if (s.column + t < s.columns.count)
        s.dest[(s.columns.first + static_cast<std::int64_t>(s.column + t) * s.columns.step) *
               c.dest.column] = sums[t];
  }
}

}  // namespace

template <class T>
void depthwise_conv(std::string_view op, Stream& stream, const Depthwise<T>& c) {
  const std::int64_t along = (most_positions(c.columns, c.transposed) + run - 1) / run;
  const std::int64_t strips = phases(c.rows, c.transposed) * phases(c.columns, c.transposed) *
                              c.lanes * c.batch * most_positions(c.rows, c.transposed) * along *
                              c.dest_channels;
  launch(op, stream, grid_over(strips, 128), depthwise_kernel<T>, c, strips);
}

template void depthwise_conv<float>(std::string_view, Stream&, const Depthwise<float>&);
template void depthwise_conv<double>(std::string_view, Stream&, const Depthwise<double>&);

}  // namespace sonde::cuda
