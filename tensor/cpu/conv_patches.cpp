#include "tensor/cpu/conv_patches.hpp"

#include "tensor/cpu/conv_rows.hpp"
#include "tensor/cpu/gemm.hpp"

namespace sonde::cpu {
namespace {

constexpr std::int64_t few_channels = 16;  // below a vector of any target
constexpr std::int64_t band_pixels = 128;

// All pixels at one stride.
template <class T>
bool dense(const Image<T>& image, std::int64_t rows, std::int64_t columns) {
  return image.row == columns * image.column && image.batch == rows * image.row;
}

template <class T>
bool pointwise(const WeightGrad<T>& conv) {
  const auto plain = [](const ConvAxis& a) {
    return a.kernel == 1 && a.stride == 1 && a.padding == 0;
  };
  return plain(conv.rows) && plain(conv.columns) &&
         dense(conv.input, conv.rows.in, conv.columns.in);
}

bool side_by_side(const ConvAxis& a) {
  return a.kernel == a.stride && a.padding == 0 && a.dilation == 1;
}

// A patch in memory: rows of `run` numbers.
template <class C>
struct PatchSize {
  std::int64_t run, size;
  explicit PatchSize(const C& conv)
      : run(conv.columns.kernel * conv.in_channels), size(conv.rows.kernel * run) {}
};

// Image and row of output row number `row` over all images.
struct OutputRow {
  std::int64_t image, row;
  OutputRow(std::int64_t number, const ConvAxis& rows)
      : image(number / rows.out), row(number % rows.out) {}
};

// filter [K][R][S][C]
template <class T>
void pack_filter(const InputGrad<T>& conv, T* to) {
  const Filter<T>& f = conv.filter;
  for (std::int64_t k = 0; k < conv.out_channels; ++k)
    for (std::int64_t r = 0; r < conv.rows.kernel; ++r)
      for (std::int64_t s = 0; s < conv.columns.kernel; ++s)
        for (std::int64_t c = 0; c < conv.in_channels; ++c)
          *to++ = f.data[k * f.out + r * f.row + s * f.column + c * f.in];
}

// Patches [columns.out][R][S C] to their places in one row of patches; zeros behind the last.
template <class T>
void fold_row(const InputGrad<T>& conv, OutputRow at, const T* patches) {
  const PatchSize patch(conv);
  const std::int64_t whole = conv.columns.out * patch.run;
  T* image = conv.grad.data + at.image * conv.grad.batch;
  for (std::int64_t r = 0; r < conv.rows.kernel; ++r) {
    T* to = image + (at.row * conv.rows.kernel + r) * conv.grad.row;
    for (std::int64_t q = 0; q < conv.columns.out; ++q)
      std::copy_n(patches + q * patch.size + r * patch.run, patch.run, to + q * patch.run);
    std::fill(to + whole, to + conv.columns.in * conv.in_channels, T(0));
  }
  if (at.row + 1 == conv.rows.out)
    for (std::int64_t h = conv.rows.out * conv.rows.kernel; h < conv.rows.in; ++h)
      std::fill_n(image + h * conv.grad.row, conv.columns.in * conv.in_channels, T(0));
}

// The R S C numbers under each pixel of one output row; zeros in the padding.
template <class T>
void unfold_row(const WeightGrad<T>& conv, OutputRow at, T* to) {
  const PatchSize patch(conv);
  const ConvAxis &rows = conv.rows, &columns = conv.columns;
  for (std::int64_t q = 0; q < columns.out; ++q) {
    const std::int64_t w = q * columns.stride - columns.padding;
    const std::int64_t begin = std::clamp<std::int64_t>(-w, 0, columns.kernel) * conv.in_channels;
    const std::int64_t end =
        std::clamp(columns.in - w, begin / conv.in_channels, columns.kernel) * conv.in_channels;
    for (std::int64_t r = 0; r < rows.kernel; ++r, to += patch.run) {
      const std::int64_t h = at.row * rows.stride - rows.padding + r;
      if (h < 0 || h >= rows.in) {
        std::fill_n(to, patch.run, T(0));
        continue;
      }
      const T* from = conv.input.data + at.image * conv.input.batch + h * conv.input.row +
                      w * conv.input.column + begin;
      std::fill(to, to + begin, T(0));
      std::copy_n(from, end - begin, to + begin);
      std::fill(to + end, to + patch.run, T(0));
    }
  }
}

// sums [K][R S C] += dY' U for output rows [begin, end), a band at a time, of which a panel of 64
// columns stays in the first cache.
template <class T>
void add_products(const WeightGrad<T>& conv, std::int64_t begin, std::int64_t end, Matrix<T> sums) {
  const std::int64_t columns = conv.columns.out;
  const std::int64_t band = std::clamp<std::int64_t>(band_pixels / columns, 1, end - begin);
  const bool in_place = pointwise(conv);
  Scratch<T> unfolded(in_place ? 0 : band * columns * sums.cols);
  for (std::int64_t first = begin; first < end; first += band) {
    const std::int64_t count = std::min(band, end - first), pixels = count * columns;
    for (std::int64_t i = 0; i < count && !in_place; ++i)
      unfold_row(conv, OutputRow(first + i, conv.rows), unfolded.get() + i * columns * sums.cols);
    const ConstMatrix<T> u = in_place
                                 ? ConstMatrix<T>{conv.input.data + first * conv.input.row, pixels,
                                                  conv.in_channels, conv.input.column, 1}
                                 : matrix(unfolded.get(), pixels, sums.cols);
    const ConstMatrix<T> dy{conv.output_grad.data + first * conv.output_grad.row, pixels,
                            conv.out_channels, conv.output_grad.column, 1};
    gemm_serial<T>(dy.transposed(), u, sums, GemmStart::accumulate);
  }
}

// grad [K][C][taps] from sums [K][taps][C]
template <class T>
void channels_first(const T* sums, std::int64_t out, std::int64_t taps, std::int64_t in, T* grad) {
  for (std::int64_t k = 0; k < out; ++k, sums += taps * in, grad += taps * in)
    for (std::int64_t t = 0; t < taps; ++t)
      for (std::int64_t c = 0; c < in; ++c) grad[c * taps + t] = sums[t * in + c];
}

}  // namespace

template <class T>
bool patches_fit(const InputGrad<T>& conv) {
  return side_by_side(conv.rows) && side_by_side(conv.columns) && conv.in_channels < few_channels &&
         conv.grad.column == conv.in_channels &&
         dense(conv.output_grad, conv.rows.out, conv.columns.out);
}

template <class T>
void patch_input_grad(const InputGrad<T>& conv) {
  constexpr std::int64_t pixels = 96;  // that share a pass over the filter
  const PatchSize patch(conv);
  Scratch<T> filter(conv.out_channels * patch.size);
  pack_filter(conv, filter.get());
  const std::int64_t rows = conv.batch * conv.rows.out, columns = conv.columns.out;
  const std::int64_t band = std::min(rows, 1 + pixels / columns);
  const std::int64_t grain = conv_chunk(band * columns * patch.size * conv.out_channels);
  parallel_for((rows + band - 1) / band, grain, [&](std::int64_t begin, std::int64_t end) {
    Scratch<T> patches(band * columns * patch.size);
    for (std::int64_t first = begin * band; first < std::min(rows, end * band); first += band) {
      const std::int64_t count = std::min(band, rows - first);
      const ConstMatrix<T> dy{conv.output_grad.data + first * conv.output_grad.row, count * columns,
                              conv.out_channels, conv.output_grad.column, 1};
      gemm_serial<T>(dy, matrix(filter.get(), conv.out_channels, patch.size),
                     matrix(patches.get(), count * columns, patch.size));
      for (std::int64_t i = 0; i < count; ++i)
        fold_row(conv, OutputRow(first + i, conv.rows), patches.get() + i * columns * patch.size);
    }
  });
}

template <class T>
bool patches_fit(const WeightGrad<T>& conv) {
  if (!dense(conv.output_grad, conv.rows.out, conv.columns.out)) return false;
  return pointwise(conv) ||
         (conv.in_channels < few_channels && conv.input.column == conv.in_channels &&
          conv.rows.dilation == 1 && conv.columns.dilation == 1);
}

template <class T>
void patch_weight_grad(const WeightGrad<T>& conv) {
  const PatchSize patch(conv);
  const std::int64_t rows = conv.batch * conv.rows.out, size = conv.out_channels * patch.size;
  const std::int64_t parts = part_count(rows, rows * conv.columns.out * size);
  Scratch<T> sums(parts * size);
  sums.zero();
  parallel_chunks(parts, [&](std::int64_t part) {
    const std::int64_t begin = chunk_begin(rows, parts, part),
                       end = chunk_begin(rows, parts, part + 1);
    const Matrix<T> sum = matrix(sums.get() + part * size, conv.out_channels, patch.size);
    add_products(conv, begin, end, sum);
  });
  add_parts(sums.get(), parts, size);
  channels_first(sums.get(), conv.out_channels, conv.rows.kernel * conv.columns.kernel,
                 conv.in_channels, conv.grad);
}

template bool patches_fit(const InputGrad<float>&);
template bool patches_fit(const InputGrad<double>&);
template void patch_input_grad(const InputGrad<float>&);
template void patch_input_grad(const InputGrad<double>&);
template bool patches_fit(const WeightGrad<float>&);
template bool patches_fit(const WeightGrad<double>&);
template void patch_weight_grad(const WeightGrad<float>&);
template void patch_weight_grad(const WeightGrad<double>&);

}  // namespace sonde::cpu
