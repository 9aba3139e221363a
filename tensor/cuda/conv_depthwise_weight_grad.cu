#include <string_view>

#include "tensor/cuda/conv_depthwise.hpp"
#include "tensor/cuda/launch.hpp"
#include "tensor/cuda/sum_parts.hpp"

namespace sonde::cuda {
namespace {

// A block has 32 neighbouring channels, 8 rows of the output at a time, and a square of the
// filter's taps: each gradient of an output is read once for all of them.
constexpr int channels_at_once = 32, rows_at_once = 8, side = 3, square = side * side;

struct Layout {
  std::int64_t channel_blocks = 0, parts = 1, part_stride = 0, blocks = 0;
};

__host__ __device__ int squares(const ConvAxis& a) {
  return (a.kernel + side - 1) / side;
}

// What one block computes.
struct Part {
  std::int64_t lane, part, channel;  // the channel is the thread's
  int tap_row, tap_column;           // of the square's first tap
  std::int64_t begin, end;           // rows of the output, over all images
};

template <class T>
__device__ Part part_of(const DepthwiseWeightGrad<T>& c, const Layout& layout, std::int64_t block) {
  Part p;
  p.tap_column = static_cast<int>(unfold(block, squares(c.columns))) * side;
  p.tap_row = static_cast<int>(unfold(block, squares(c.rows))) * side;
  p.channel =
      unfold(block, layout.channel_blocks) * channels_at_once + threadIdx.x % channels_at_once;
  p.part = unfold(block, layout.parts);
  p.lane = block;
  const std::int64_t rows = c.batch * c.rows.out, each = (rows + layout.parts - 1) / layout.parts;
  p.begin = min(p.part * each, rows);
  p.end = min(p.begin + each, rows);
  return p;
}

// sums += what row `row` (of all images) adds.
template <class T>
__device__ void add_row(const DepthwiseWeightGrad<T>& c, const Part& p, std::int64_t row,
                        T (&sums)[square]) {
  const std::int64_t n = row / c.rows.out;
  const int at = static_cast<int>(row % c.rows.out);
  const T* grad = c.output_grad.data + p.lane * c.output_grad.lane + n * c.output_grad.batch +
                  at * c.output_grad.row + p.channel;
  const T* input =
      c.input.data + p.lane * c.input.lane + n * c.input.batch + p.channel / c.multiplier;
  const T* rows[side];
#pragma unroll
  for (int r = 0; r < side; ++r) {
    const int h = at * c.rows.stride - c.rows.padding + (p.tap_row + r) * c.rows.dilation;
    rows[r] =
        p.tap_row + r < c.rows.kernel && in_range(h, c.rows.in) ? input + h * c.input.row : nullptr;
  }
  const int first = p.tap_column * c.columns.dilation - c.columns.padding;
#pragma unroll 2
  for (int q = 0; q < c.columns.out; ++q) {
    const T g = grad[q * c.output_grad.column];
#pragma unroll
    for (int s = 0; s < side; ++s) {
      const int w = q * c.columns.stride + first + s * c.columns.dilation;
      const bool inside = in_range(w, c.columns.in);
#pragma unroll
      for (int r = 0; r < side; ++r)
        if (inside && rows[r]) sums[r * side + s] += g * rows[r][w * c.input.column];
    }
  }
}

template <class T>
__global__ void __launch_bounds__(channels_at_once* rows_at_once)
    depthwise_weight_grad_kernel(const __grid_constant__ DepthwiseWeightGrad<T> c,
                                 const __grid_constant__ Layout layout) {
  __shared__ T shared[rows_at_once][square][channels_at_once];
  const int y = static_cast<int>(threadIdx.x) / channels_at_once,
            x = static_cast<int>(threadIdx.x) % channels_at_once;
  for (std::int64_t block = blockIdx.x; block < layout.blocks; block += gridDim.x) {
    const Part p = part_of(c, layout, block);
    T sums[square] = {};
    if (p.channel < c.channels)
      for (std::int64_t row = p.begin + y; row < p.end; row += rows_at_once)
        add_row(c, p, row, sums);
    for (int i = 0; i < square; ++i) shared[y][i][x] = sums[i];
    __syncthreads();
    for (int i = y; i < square; i += rows_at_once) {
      T sum = 0;
      for (int k = 0; k < rows_at_once; ++k) sum += shared[k][i][x];
      const int r = p.tap_row + i / side, s = p.tap_column + i % side;
      if (p.channel < c.channels && r < c.rows.kernel && s < c.columns.kernel)
        c.grad[p.part * layout.part_stride +
               ((p.lane * c.channels + p.channel) * c.rows.kernel + r) * c.columns.kernel + s] =
            sum;
    }
    __syncthreads();
  }
}

}  // namespace

template <class T>
void depthwise_weight_grad(std::string_view op, Stream& stream, const DepthwiseWeightGrad<T>& conv,
                           Tensor& grad) {
  DepthwiseWeightGrad<T> c = conv;
  Layout layout{(c.channels + channels_at_once - 1) / channels_at_once};
  const std::int64_t blocks = static_cast<std::int64_t>(squares(c.rows)) * squares(c.columns) *
                              layout.channel_blocks * c.lanes;
  layout.parts = parts_for(blocks, c.batch * c.rows.out, 4 * rows_at_once);
  layout.part_stride = grad.numel();
  layout.blocks = blocks * layout.parts;
  Tensor parts;
  if (layout.parts > 1) {
    parts = Tensor::empty({layout.parts, grad.numel()}, grad.dtype(), grad.device());
    c.grad = pointer<T>(stream, parts);
  }
  const Grid grid{std::min<std::int64_t>(layout.blocks, INT32_MAX), channels_at_once * rows_at_once,
                  0};
  launch(op, stream, grid, depthwise_weight_grad_kernel<T>, c, layout);
  if (layout.parts > 1) sum_parts<T>(op, stream, parts, grad);
}

template void depthwise_weight_grad<float>(std::string_view, Stream&,
                                           const DepthwiseWeightGrad<float>&, Tensor&);
template void depthwise_weight_grad<double>(std::string_view, Stream&,
                                            const DepthwiseWeightGrad<double>&, Tensor&);

}  // namespace sonde::cuda
