// A LinearMap as a matrix.
#include <algorithm>

#include "analysis/linear_map.hpp"
#include "analysis/rows.hpp"

namespace sonde {
namespace {

constexpr std::int64_t greatest_chunk = 256;

bool by_columns(const LinearMap& map) {
  return map.domain().size() <= map.range().size();
}

// Bytes of the matrix, and of `chunk` products on the way with their unit vectors.
double bytes_with(const LinearMap& map, std::int64_t chunk) {
  const auto rows = static_cast<double>(map.range().size()),
             columns = static_cast<double>(map.domain().size()),
             element = static_cast<double>(size_of(map.range().dtype()));
  return element * (rows * columns + static_cast<double>(chunk) * (rows + columns)) +
         map.cost(chunk).bytes;
}

std::string gigabytes(double bytes) {
  return fmt::format("{:.3g} GB", bytes / 1e9);
}

// The chunk that is used; Error(memory) if none fits.
std::int64_t resolved_chunk(const LinearMap& map, const DenseOptions& o) {
  if (o.chunk < 0 || o.max_memory < 0)
    fail(ErrorCode::value, "dense", "chunk {}, max_memory {}", o.chunk, o.max_memory);
  const std::int64_t fewer =
      std::max<std::int64_t>(std::min(map.domain().size(), map.range().size()), 1);
  const std::int64_t wanted = std::min(o.chunk > 0 ? o.chunk : greatest_chunk, fewer);
  const auto limit = static_cast<double>(o.max_memory);
  if (o.max_memory == 0 || bytes_with(map, wanted) <= limit) return wanted;
  std::int64_t fits = wanted;
  while (fits > 0 && bytes_with(map, fits) > limit) fits /= 2;
  if (fits > 0 && o.chunk == 0) return fits;
  const std::string cure =
      fits > 0 ? fmt::format("a chunk of {} fits", fits)
               : fmt::format(
                     "with a chunk of 1 it takes {}; restrict it to fewer blocks, or use "
                     "products (lanczos, trace, diagonal) instead of the matrix",
                     gigabytes(bytes_with(map, 1)));
  fail_hint(ErrorCode::memory, "dense", cure,
            "{} as a matrix {} x {} with {} columns at a time takes {}, the limit is {}",
            map.name(), map.range().size(), map.domain().size(), wanted,
            gigabytes(bytes_with(map, wanted)), gigabytes(limit));
}

}  // namespace

Cost dense_cost(const LinearMap& map, DenseOptions o) {
  o.max_memory = 0;
  const std::int64_t chunk = resolved_chunk(map, o),
                     fewer = std::min(map.domain().size(), map.range().size());
  return {map.cost(chunk).flops * static_cast<double>(fewer) / static_cast<double>(chunk),
          bytes_with(map, chunk)};
}

Tensor dense(const LinearMap& map, DenseOptions o) {
  const std::int64_t chunk = resolved_chunk(map, o);
  const bool columns = by_columns(map);
  const Space& units_of = columns ? map.domain() : map.range();
  Tensor out =
      Tensor::empty({map.range().size(), map.domain().size()}, units_of.dtype(), units_of.device());
  for (std::int64_t begin = 0; begin < units_of.size(); begin += chunk) {
    const std::int64_t end = std::min(begin + chunk, units_of.size());
    const Tensor units = unit_rows(begin, end, units_of);
    if (columns)
      out.slice(1, begin, end).copy_from(map.apply_batch(units).transpose(0, 1));
    else
      out.slice(0, begin, end).copy_from(map.transpose_batch(units));
  }
  return out;
}

}  // namespace sonde
