/// @file
/// Pooling of one image whose channels are neighbours in memory.
#pragma once

#include "tensor/cpu/conv_plan.hpp"
#include "tensor/cpu/pool_windows.hpp"

namespace sonde::cpu {

/// Image `lane` of a pooling: source and destination pixels, their channels, and the windows of
/// both axes.
template <class T>
struct Pooling {
  Image<const T> source;
  Image<T> dest;
  std::int64_t batch, channels, source_width;
  const std::vector<Window>* rows;
  const std::vector<Window>* columns;
  bool include_pad;
};

/// Rows [begin, end) of the destination, numbered image * rows + row. `indices` has dest's strides.
void max_pool_rows(const Pooling<float>& pool, Image<std::int64_t> indices, std::int64_t begin,
                   std::int64_t end);
void max_pool_rows(const Pooling<double>& pool, Image<std::int64_t> indices, std::int64_t begin,
                   std::int64_t end);

void avg_pool_rows(const Pooling<float>& pool, std::int64_t begin, std::int64_t end);
void avg_pool_rows(const Pooling<double>& pool, std::int64_t begin, std::int64_t end);

/// The transpose: the source is the output gradient, the destination the input gradient; `rows` and
/// `columns` are still the windows of the forward pass, `covering_*` the outputs that cover each
/// input position.
void avg_pool_grad_rows(const Pooling<float>& pool, const std::vector<Window>& covering_rows,
                        const std::vector<Window>& covering_columns, std::int64_t begin,
                        std::int64_t end);
void avg_pool_grad_rows(const Pooling<double>& pool, const std::vector<Window>& covering_rows,
                        const std::vector<Window>& covering_columns, std::int64_t begin,
                        std::int64_t end);

}  // namespace sonde::cpu
