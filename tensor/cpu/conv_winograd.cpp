#include "tensor/cpu/conv_winograd.hpp"

#include "tensor/cpu/conv_rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/conv_winograd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "tensor/cpu/conv_tiles-inl.hpp"
#include "tensor/cpu/conv_winograd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {

constexpr std::int64_t spots = 36;  // elements of a transformed tile

// The 4x4 tiles of an image's output, numbered over the batch.
struct Tiling {
  std::int64_t down, across, count;
  Tiling(std::int64_t batch, std::int64_t height, std::int64_t width)
      : down((height + 3) / 4), across((width + 3) / 4), count(batch * down * across) {}
  Pixel corner(std::int64_t tile) const {
    return {tile / (down * across), tile / across % down * 4, tile % across * 4};
  }
};

// Tiles handled at a time: their transforms and products fill most of a core's L2 cache.
std::int64_t tiles_at_once(std::int64_t channels, std::int64_t least) {
  constexpr std::int64_t cache = 1300000;
  return std::max(least, cache / (spots * 4 * channels) / 24 * 24);
}

// Elements of `image` at the tile whose corner is (h, w), zero outside height x width.
template <class Transform>
void transform_patch(const Image<const float>& image, std::int64_t n, std::int64_t h,
                     std::int64_t w, std::int64_t height, std::int64_t width, std::int64_t channels,
                     float* out, std::int64_t spot_step) {
  const WinogradTag d;
  const float* from[Transform::from][Transform::from];
  for (int r = 0; r < Transform::from; ++r)
    for (int j = 0; j < Transform::from; ++j) {
      const bool inside = h + r >= 0 && h + r < height && w + j >= 0 && w + j < width;
      from[r][j] = inside
                       ? image.data + n * image.batch + (h + r) * image.row + (w + j) * image.column
                       : nullptr;
    }
  for_vectors(channels, [&](std::int64_t c) {
    transform_tile<Transform>(
        [&](int r, int j) { return from[r][j] ? hn::LoadU(d, from[r][j] + c) : hn::Zero(d); },
        [&](int r, int j, Vec v) { hn::StoreU(v, d, out + (r * 6 + j) * spot_step + c); });
  });
}

// products [36][tile][step] to the 4x4 outputs of tile `i`, cut off at the image's edge.
void store_outputs(const GatherConv<float>& conv, const Pixel& corner, const float* products,
                   std::int64_t spot_step) {
  const WinogradTag d;
  const std::int64_t height = conv.rows->count - corner.row,
                     width = conv.columns->count - corner.column;
  float* out = dest_of(conv, corner);
  for_vectors(conv.dest_channels, [&](std::int64_t k) {
    transform_tile<OutputTransform>(
        [&](int r, int j) { return hn::LoadU(d, products + (r * 6 + j) * spot_step + k); },
        [&](int r, int j, Vec v) {
          if (r < height && j < width)
            hn::StoreU(v, d, out + r * conv.dest.row + j * conv.dest.column + k);
        });
  });
}

// One spot for all tiles of a block: products [tiles][step] = inputs [tiles][C] x panels of the
// filter.
void multiply_spot(const float* inputs, std::int64_t tiles, std::int64_t channels,
                   std::int64_t out_channels, const float* filter, float* products,
                   std::int64_t step) {
  for_panels<float>(out_channels, [&](auto nv, std::int64_t k) {
    constexpr int MR = tile_rows(nv);
    for (std::int64_t i = 0; i < tiles; i += MR) {
      const float* rows[MR];
      float* out[MR];
      for (int r = 0; r < MR; ++r) {
        rows[r] = inputs + std::min(i + r, tiles - 1) * channels;  // extra rows repeat the last
        out[r] = products + (i + r) * step + k;
      }
      row_tile<MR, nv>(1, channels, rows, filter + k * channels, out);
    }
  });
}

// filter [36] of panels [k][C][width] from packed taps, panels [k][9][C][width]. The plans put taps
// in source order.
void transform_filter(const float* taps, std::int64_t channels, std::int64_t out_channels,
                      float* filter, std::int64_t spot_step) {
  const WinogradTag d;
  const std::int64_t vector = lanes<float>();
  for_panels<float>(out_channels, [&](auto nv, std::int64_t k) {
    const float* panel = taps + k * channels * 9;
    for (std::int64_t c = 0; c < channels * nv * vector; c += vector)
      transform_tile<FilterTransform>(
          [&](int r, int j) {
            return hn::LoadU(d, panel + (r * 3 + j) * channels * nv * vector + c);
          },
          [&](int r, int j, Vec v) {
            hn::StoreU(v, d, filter + (r * 6 + j) * spot_step + k * channels + c);
          });
  });
}

void winograd_conv_target(const GatherConv<float>& conv) {
  const std::int64_t in = conv.source_channels, vector = lanes<float>();
  const std::int64_t step = (conv.dest_channels + vector - 1) / vector * vector;
  Scratch<float> filter(spots * in * step);
  {
    Scratch<float> taps(9 * in * step);
    for_panels<float>(conv.dest_channels, [&](auto nv, std::int64_t k) {
      pack_panel(conv, k, nv * vector, taps.get() + k * in * 9);
    });
    transform_filter(taps.get(), in, conv.dest_channels, filter.get(), in * step);
  }
  const Tiling tiling(conv.batch, conv.rows->count, conv.columns->count);
  const std::int64_t block = std::min(tiles_at_once(in + step, 24), (tiling.count + 23) / 24 * 24);
  const std::int64_t blocks = (tiling.count + block - 1) / block;
  const std::int64_t grain = conv_chunk(spots * block * in * step);
  parallel_for(blocks, grain, [&](std::int64_t first, std::int64_t last) {
    Scratch<float> inputs(spots * block * in), products(spots * block * step);
    for (std::int64_t b = first; b < last; ++b) {
      const std::int64_t begin = b * block, tiles = std::min(block, tiling.count - begin);
      for (std::int64_t i = 0; i < tiles; ++i) {
        const Pixel corner = tiling.corner(begin + i);
        transform_patch<InputTransform>(
            conv.source, corner.image, corner.row + conv.rows->taps[0].offset,
            corner.column + conv.columns->taps[0].offset, conv.rows->source_size,
            conv.columns->source_size, in, inputs.get() + i * in, block * in);
      }
      for (std::int64_t e = 0; e < spots; ++e)
        multiply_spot(inputs.get() + e * block * in, tiles, in, conv.dest_channels,
                      filter.get() + e * in * step, products.get() + e * block * step, step);
      for (std::int64_t i = 0; i < tiles; ++i)
        store_outputs(conv, tiling.corner(begin + i), products.get() + i * step, block * step);
    }
  });
}

// sums [9][C][step] = G' sums [36][C][step] G
void transform_sums(const float* products, std::int64_t size, float* sums) {
  const WinogradTag d;
  for (std::int64_t c = 0; c < size; c += lanes<float>())
    transform_tile<FilterGradTransform>(
        [&](int r, int j) { return hn::LoadU(d, products + (r * 6 + j) * size + c); },
        [&](int r, int j, Vec v) { hn::StoreU(v, d, sums + (r * 3 + j) * size + c); });
}

// Products of one part's tiles, summed: sums [36][C][step] += inputs' x output gradients, spot by
// spot.
void add_products(const WeightGrad<float>& conv, const Tiling& tiling, std::int64_t first,
                  std::int64_t last, std::int64_t step, std::int64_t block, float* sums) {
  const std::int64_t in = conv.in_channels, out = conv.out_channels;
  Scratch<float> inputs(spots * block * in), grads(spots * block * step);
  if (step != out) grads.zero();  // columns that fill up the last vector
  for (std::int64_t begin = first; begin < last; begin += block) {
    const std::int64_t tiles = std::min(block, last - begin);
    for (std::int64_t i = 0; i < tiles; ++i) {
      const Pixel corner = tiling.corner(begin + i);
      transform_patch<InputTransform>(conv.input, corner.image, corner.row - conv.rows.padding,
                                      corner.column - conv.columns.padding, conv.rows.in,
                                      conv.columns.in, in, inputs.get() + i * in, block * in);
      transform_patch<OutputGradTransform>(conv.output_grad, corner.image, corner.row,
                                           corner.column, conv.rows.out, conv.columns.out, out,
                                           grads.get() + i * step, block * step);
    }
    for (std::int64_t e = 0; e < spots; ++e) {
      const Run<float> run{inputs.get() + e * block * in, grads.get() + e * block * step, tiles};
      outer_product(&run, 1, in, step, in, out, sums + e * in * step, step);
    }
  }
}

void winograd_weight_grad_target(const WeightGrad<float>& conv) {
  const std::int64_t in = conv.in_channels, vector = lanes<float>();
  const std::int64_t step = (conv.out_channels + vector - 1) / vector * vector,
                     size = spots * in * step;
  const Tiling tiling(conv.batch, conv.rows.out, conv.columns.out);
  const std::int64_t block = std::min(tiles_at_once(in + step, 96), tiling.count);
  const std::int64_t parts = part_count((tiling.count + block - 1) / block, tiling.count * size);
  Scratch<float> sums(parts * size), taps(9 * in * step);
  parallel_chunks(parts, [&](std::int64_t part) {
    std::fill_n(sums.get() + part * size, size, 0.0f);
    add_products(conv, tiling, chunk_begin(tiling.count, parts, part),
                 chunk_begin(tiling.count, parts, part + 1), step, block, sums.get() + part * size);
  });
  add_parts(sums.get(), parts, size);
  transform_sums(sums.get(), in * step, taps.get());
  unpack_grad(taps.get(), 9, in, conv.out_channels, step, conv.grad);
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {

HWY_EXPORT(winograd_conv_target);
HWY_EXPORT(winograd_weight_grad_target);

bool winograd_fits(const ConvAxis& rows, const ConvAxis& columns, std::int64_t batch,
                   std::int64_t in_channels, std::int64_t out_channels) {
  for (const ConvAxis& a : {rows, columns})
    if (a.kernel != 3 || a.stride != 1 || a.dilation != 1) return false;
  constexpr std::int64_t fewest_channels = 16;  // a whole vector of every target
  if (in_channels < fewest_channels || out_channels < fewest_channels) return false;
  // 36 multiplications a tile, made a third dearer by the transforms, against 9 a pixel. The
  // filter's own transform wants about a dozen tiles.
  const std::int64_t tiles = batch * ((rows.out + 3) / 4) * ((columns.out + 3) / 4);
  return tiles >= 12 && tiles * 48 < batch * rows.out * columns.out * 9;
}

void winograd_conv(const GatherConv<float>& conv) {
  HWY_DYNAMIC_DISPATCH(winograd_conv_target)(conv);
}
void winograd_weight_grad(const WeightGrad<float>& conv) {
  HWY_DYNAMIC_DISPATCH(winograd_weight_grad_target)(conv);
}

}  // namespace sonde::cpu
#endif
