#include "tensor/cuda/argsort.hpp"

#include <bit>
#include <limits>

#include "tensor/cuda/block_sort.hpp"

namespace sonde::cuda {
namespace {

__global__ void count_kernel(std::uint32_t* out, std::int64_t n) {
  for (std::int64_t i = thread_index(); i < n; i += grid_threads())
    out[i] = static_cast<std::uint32_t>(i);
}

__global__ void row_kernel(const std::uint32_t* position, std::int64_t count, std::uint32_t n,
                           std::uint32_t* row) {
  for (std::int64_t i = thread_index(); i < count; i += grid_threads()) row[i] = position[i] / n;
}

template <class Key>
__global__ void short_rows_kernel(BlockRows plan, const Key* keys, std::int64_t rows,
                                  std::int64_t n, std::uint32_t* order) {
  sort_short_rows<Key>(
      plan, rows, n, n, [&](std::int64_t row, std::int64_t i) { return keys[row * n + i]; },
      [&](std::int64_t row, std::int64_t j, std::uint32_t place) {
        order[row * n + j] = static_cast<std::uint32_t>(row * n) + place;
      });
}

template <class Key>
void sort_short(Stream& stream, std::string_view op, const Tensor& keys, const Tensor& order) {
  const std::int64_t rows = keys.shape()[0], n = keys.shape()[1];
  const BlockRows plan(n, sizeof(SortEntry<Key>));
  launch(op, stream, plan.grid(rows), short_rows_kernel<Key>, plan,
         pointer<const Key>(stream, keys), rows, n, pointer<std::uint32_t>(stream, order));
}

}  // namespace

int bits_for(std::int64_t count) {
  return std::max(1, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(count - 1))));
}

void check_sortable(std::string_view op, std::int64_t n) {
  if (n > std::numeric_limits<std::uint32_t>::max())
    fail_hint(ErrorCode::size, op, "take fewer rows at a time",
              "{} elements to be sorted at once; a device sorts up to 2^32 - 1", n);
}

Tensor first_positions(std::string_view op, std::int64_t n, Device device) {
  Stream& stream = stream_of(device);
  Tensor out = Tensor::empty({n}, DType::i32, device);
  launch(op, stream, grid_over(n), count_kernel, pointer<std::uint32_t>(stream, out), n);
  return out;
}

// Long rows: first by key over all of them, then by row: what is sorted twice, stably, is sorted by
// both.
Tensor argsort(std::string_view op, const Tensor& keys) {
  Stream& stream = stream_of(keys.device());
  const std::int64_t rows = keys.shape()[0], n = keys.shape()[1], all = keys.numel();
  const bool wide = keys.dtype() == DType::i64;
  if (n <= BlockRows::longest) {
    const Tensor order = Tensor::empty({all}, DType::i32, keys.device());
    if (wide)
      sort_short<std::uint64_t>(stream, op, keys, order);
    else
      sort_short<std::uint32_t>(stream, op, keys, order);
    return order;
  }
  const Pairs sorted = sort_pairs({keys, first_positions(op, all, keys.device())}, wide ? 64 : 32);
  if (rows == 1) return sorted.positions;
  const Tensor row = Tensor::empty({all}, DType::i32, keys.device());
  launch(op, stream, grid_over(all), row_kernel, pointer<std::uint32_t>(stream, sorted.positions),
         all, static_cast<std::uint32_t>(n), pointer<std::uint32_t>(stream, row));
  return sort_pairs({row, sorted.positions}, bits_for(rows)).positions;
}

}  // namespace sonde::cuda
