// grad [out channels, taps * in channels] = output gradient^T [out channels, pixels] x patches
// [pixels, taps * in channels]. There are few results and many pixels, so the pixels are cut into
// parts.
#include "tensor/cuda/conv_weight_grad.hpp"

#include "tensor/cuda/conv_tensor_tile.hpp"
#include "tensor/cuda/sum_parts.hpp"

namespace sonde::cuda {
namespace {

// How the work is laid over blocks.
struct Layout {
  std::int64_t tiles_m = 0, tiles_n = 0, parts = 1, part_stride = 0, blocks = 0;
};

// An output pixel: the input position that the filter's offsets count from, and where both lie.
struct Pixel {
  int h, w;
  std::int64_t input, output_grad;
};
constexpr std::int64_t no_pixel = INT64_MIN;

// What one block computes.
struct Part {
  std::int64_t input, output_grad, grad;    // where lane and group begin
  std::int64_t out_channel, patch_element;  // of the tile's first row and column
  std::int64_t begin, end;                  // slices
  Nested step;                              // from slice to slice
};

template <class Tile>
struct Shared {
  typename Tile::Slice buffers[2];
  Pixel pixels[2][Tile::depth];
  Part part;
};

template <class T>
__host__ __device__ std::int64_t pixels_of(const WeightGrad<T>& c) {
  return c.batch * c.rows.out * c.columns.out;
}
template <class T>
__host__ __device__ std::int64_t filter_size(const WeightGrad<T>& c) {
  return static_cast<std::int64_t>(c.rows.kernel) * c.columns.kernel * c.in_channels;
}

template <class Tile, class T>
__device__ Part part_of(const WeightGrad<T>& c, const Layout& layout, std::int64_t block) {
  Part part;
  part.patch_element = unfold(block, layout.tiles_n) * Tile::n;
  part.out_channel = unfold(block, layout.tiles_m) * Tile::m;
  const std::int64_t p = unfold(block, layout.parts), group = unfold(block, c.groups), lane = block;
  part.input = lane * c.input.lane + group * c.in_channels;
  part.output_grad = lane * c.output_grad.lane + group * c.out_channels;
  part.grad = p * layout.part_stride + (lane * c.groups + group) * c.out_channels * filter_size(c);
  const std::int64_t slices = (pixels_of(c) + Tile::depth - 1) / Tile::depth,
                     each = (slices + layout.parts - 1) / layout.parts;
  part.begin = min(p * each, slices);
  part.end = min(part.begin + each, slices);
  part.step = nested(Tile::depth, c.rows.out, c.columns.out);
  return part;
}

// The source of multiply_tiles: the output's gradient along a, patches of the input along b, the
// depth being (image, row, column) of the output. The first threads keep the pixels of a slice.
template <class Tile, int Width>
class Products {
  using T = typename Tile::Element;
  using A = AlongExtent<Tile, Tile::m, Width>;
  using B = AlongExtent<Tile, Tile::n, Width>;
  static_assert(Tile::threads >= Tile::depth, "one thread for each pixel of a slice");

 public:
  __device__ Products(const WeightGrad<T>& c, const Part& part, Pixel (*pixels)[Tile::depth])
      : c_(c),
        part_(part),
        pixels_(pixels),
        at_(nested(part.begin * Tile::depth + threadIdx.x, c.rows.out, c.columns.out)) {
    const std::int64_t k = part.out_channel + A::extent(), j = part.patch_element + B::extent();
    if (k < c.out_channels) output_grad_ = c.output_grad.data + part.output_grad + k;
    if (j >= filter_size(c)) return;
    const Nested tap = nested(j, c.columns.kernel, static_cast<int>(c.in_channels));
    h_ = static_cast<int>(tap.outer) * c.rows.dilation;
    w_ = tap.middle * c.columns.dilation;
    input_ = c.input.data + part.input + h_ * c.input.row + w_ * c.input.column + tap.inner;
  }

  __device__ void open(std::int64_t slice) {
    slice_ = static_cast<int>(slice % 2);
    if (threadIdx.x >= Tile::depth) return;
    if (slice > 0) advance(at_, part_.step, c_.rows.out, c_.columns.out);
    Pixel& pixel = pixels_[slice_][threadIdx.x];
    pixel.h = at_.middle * c_.rows.stride - c_.rows.padding;
    pixel.w = at_.inner * c_.columns.stride - c_.columns.padding;
    pixel.input = at_.outer * c_.input.batch + pixel.h * c_.input.row + pixel.w * c_.input.column;
    pixel.output_grad = at_.outer < c_.batch
                            ? at_.outer * c_.output_grad.batch + at_.middle * c_.output_grad.row +
                                  at_.inner * c_.output_grad.column
                            : no_pixel;
  }

  __device__ void fetch() {
    a_.fetch([&](int depth) -> const T* {
      const std::int64_t at = pixels_[slice_][depth].output_grad;
      return output_grad_ && at != no_pixel ? output_grad_ + at : nullptr;
    });
    b_.fetch([&](int depth) -> const T* {
      const Pixel& pixel = pixels_[slice_][depth];
      const bool hit = in_range(pixel.h + h_, c_.rows.in) && in_range(pixel.w + w_, c_.columns.in);
      return hit && pixel.output_grad != no_pixel ? input_ + pixel.input : nullptr;
    });
  }

  __device__ void store(typename Tile::Slice& slice) {
    a_.store(slice.a);
    b_.store(slice.b);
  }

 private:
  const WeightGrad<T>& c_;
  const Part& part_;
  Pixel (*pixels_)[Tile::depth];
  Nested at_;
  const T *output_grad_ = nullptr, *input_ = nullptr;  // null beyond the last
  int h_ = outside, w_ = 0, slice_ = 0;
  A a_;
  B b_;
};

template <class Tile, class T>
__device__ void store_tile(const WeightGrad<T>& c, const Part& part,
                           const typename Tile::Sums& sums) {
  const std::int64_t filter = filter_size(c), taps = filter / c.in_channels;
#pragma unroll
  for (int j = 0; j < Tile::columns; ++j) {
    const std::int64_t element = part.patch_element + Tile::column(j);
    const std::int64_t at = element % c.in_channels * taps + element / c.in_channels;
#pragma unroll
    for (int i = 0; i < Tile::rows; ++i) {
      const std::int64_t k = part.out_channel + Tile::row(i);
      if (element < filter && k < c.out_channels) c.grad[part.grad + k * filter + at] = sums[i][j];
    }
  }
}

template <class Tile, int Width>
__global__ void __launch_bounds__(Tile::threads, Tile::blocks_per_sm)
    weight_grad_kernel(const __grid_constant__ WeightGrad<typename Tile::Element> c,
                       const __grid_constant__ Layout layout) {
  __shared__ Shared<Tile> shared;
  for (std::int64_t block = blockIdx.x; block < layout.blocks; block += gridDim.x) {
    if (threadIdx.x == 0) shared.part = part_of<Tile>(c, layout, block);
    __syncthreads();
    Products<Tile, Width> products(c, shared.part, shared.pixels);
    typename Tile::Sums sums;
    multiply_tiles<Tile>(products, shared.part.end - shared.part.begin, shared.buffers, sums);
    store_tile<Tile>(c, shared.part, sums);
    __syncthreads();
  }
}

template <class T>
bool sources_take_packs(const WeightGrad<T>& c) {
  const auto image_does = [](const Image<const T>& x, std::int64_t channels) {
    return takes_packs(x.data, {channels, x.lane, x.batch, x.row, x.column});
  };
  return image_does(c.input, c.in_channels) && image_does(c.output_grad, c.out_channels);
}

// Parts keep the device busy, and sums in f32 short enough to be exact to 1e-6; but together they
// take no more memory than a few hundred images would.
template <class T>
std::int64_t parts_of(const WeightGrad<T>& c, std::int64_t blocks, std::int64_t results) {
  constexpr std::int64_t long_sum = 1 << 13, most_results = 1 << 25;
  const std::int64_t pixels = pixels_of(c);
  return std::max(parts_for(blocks, pixels, 256),
                  std::min(pixels / long_sum, most_results / results));
}

template <class Tile, class T>
void run(std::string_view op, Stream& stream, WeightGrad<T> c, Tensor& grad) {
  Layout layout{tiles_m<Tile>(c.out_channels), tiles_n<Tile>(filter_size(c))};
  const std::int64_t blocks = layout.tiles_m * layout.tiles_n * c.lanes * c.groups;
  layout.parts = parts_of(c, blocks, grad.numel());
  layout.part_stride = grad.numel();
  layout.blocks = blocks * layout.parts;
  Tensor parts;
  if (layout.parts > 1) {
    parts = Tensor::empty({layout.parts, grad.numel()}, grad.dtype(), grad.device());
    c.grad = pointer<T>(stream, parts);
  }
  const Grid grid{std::min<std::int64_t>(layout.blocks, most_blocks), Tile::threads, 0};
  launch(op, stream, grid,
         sources_take_packs(c) ? weight_grad_kernel<Tile, widest<T>> : weight_grad_kernel<Tile, 1>,
         c, layout);
  if (layout.parts > 1) sum_parts<T>(op, stream, parts, grad);
}

}  // namespace

template <class T>
void conv_weight_grad(std::string_view op, Stream& stream, const WeightGrad<T>& c, Tensor& grad) {
  using Large = Tile<T, 128, 128, 8, 8>;
  using Medium = Tile<T, 64, 64, 8, 4>;
  using Small = Tile<T, 32, 32, 4, 4>;
  const std::int64_t m = c.out_channels, n = filter_size(c);
  if constexpr (std::is_same_v<T, float>)
    if (conv_tf32() && m > 8 && n > 8) {
      using LargeTensor = TensorTile<128, 128, 64, 64, false>;
      using MediumTensor = TensorTile<64, 64, 32, 32, false>;
      if (m > MediumTensor::m && n > MediumTensor::n) return run<LargeTensor>(op, stream, c, grad);
      return run<MediumTensor>(op, stream, c, grad);
    }
  if constexpr (std::is_same_v<T, float>)  // in f64 its sums would not fit the registers
    if (m > Medium::m && n > Medium::n) return run<Large>(op, stream, c, grad);
  if (m > Small::m && n > Small::n) return run<Medium>(op, stream, c, grad);
  run<Small>(op, stream, c, grad);
}

template void conv_weight_grad<float>(std::string_view, Stream&, const WeightGrad<float>&, Tensor&);
template void conv_weight_grad<double>(std::string_view, Stream&, const WeightGrad<double>&,
                                       Tensor&);

}  // namespace sonde::cuda
