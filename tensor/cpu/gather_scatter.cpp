// gather and scatter_add: one index per element. Both walk the elements of `index` in lines; a line
// runs over the indexed axis and, inside it, over the last axis if that is another one, so that
// memory is read in order.
#include <algorithm>
#include <array>

#include "tensor/cpu/index_check.hpp"
#include "tensor/cpu/register.hpp"
#include "tensor/kernels/index.hpp"
#include "tensor/parallel.hpp"

namespace sonde::cpu {
namespace {

constexpr std::int64_t grain = 1 << 14, tile = 64;

using Triple =
    std::array<std::int64_t, 3>;  // of index, of the tensor shaped like it, of the indexed tensor

struct Lines {
  Dims outer;  // sizes of the axes other than `along` and `inner`
  std::array<Triple, max_rank> outer_stride{};
  std::int64_t along = 1, inner = 1;
  Triple along_stride{}, inner_stride{};
};

Lines make_lines(const Tensor& index, const Tensor& small, const Tensor& large, int axis) {
  Lines lines;
  const int rank = index.rank();
  for (int i = 0; i < rank; ++i) {
    const Triple stride{index.strides()[i], small.strides()[i], large.strides()[i]};
    if (i == axis) {
      lines.along = index.shape()[i];
      lines.along_stride = stride;
    } else if (i == rank - 1) {
      lines.inner = index.shape()[i];
      lines.inner_stride = stride;
    } else {
      lines.outer_stride[static_cast<std::size_t>(lines.outer.rank())] = stride;
      lines.outer.push_back(index.shape()[i]);
    }
  }
  return lines;
}

// Calls body(offsets of the line's first element, its first and last inner position); lines never
// share an element of the indexed tensor, so they may run at the same time without changing the
// order of any sum.
template <class Body>
void for_each_line(const Lines& lines, Body&& body) {
  if (lines.along == 0) return;  // the other sizes may be huge
  const std::int64_t tiles = (lines.inner + tile - 1) / tile;
  const std::int64_t work = std::max<std::int64_t>(1, lines.along * std::min(lines.inner, tile));
  parallel_for(numel(lines.outer) * tiles, grain / work, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t unit = begin; unit < end; ++unit) {
      std::int64_t row = unit / tiles;
      Triple offset{};
      for (int i = lines.outer.rank() - 1; i >= 0; --i) {
        const std::int64_t position = row % lines.outer[i];
        row /= lines.outer[i];
        for (std::size_t k = 0; k < 3; ++k)
          offset[k] += position * lines.outer_stride[static_cast<std::size_t>(i)][k];
      }
      const std::int64_t first = unit % tiles * tile;
      body(offset, first, std::min(first + tile, lines.inner));
    }
  });
}

// visit(position in index, in the tensor shaped like it, in the indexed tensor at index 0) for each
// element of a line.
template <class Visit>
void walk_line(const Lines& l, const Triple& start, std::int64_t first, std::int64_t last,
               Visit&& visit) {
  for (std::int64_t a = 0; a < l.along; ++a) {
    const std::int64_t i0 = start[0] + a * l.along_stride[0], s0 = start[1] + a * l.along_stride[1];
    for (std::int64_t j = first; j < last; ++j)
      visit(i0 + j * l.inner_stride[0], s0 + j * l.inner_stride[1],
            start[2] + j * l.inner_stride[2]);
  }
}

template <class T>
void gather_typed(const Tensor& x, const Tensor& index, int axis, const Tensor& out) {
  const Lines lines = make_lines(index, out, x, axis);
  const auto* from = reinterpret_cast<const T*>(x.bytes());
  const auto* chosen = index.data<std::int64_t>();
  auto* to = reinterpret_cast<T*>(out.bytes());
  const std::int64_t step = lines.along == 0 ? 0 : x.strides()[axis];
  const bool rows = lines.inner == 1 && lines.along_stride == Triple{1, 1, 1};
  for_each_line(lines, [&](const Triple& start, std::int64_t first, std::int64_t last) {
    if (rows) {  // plain arrays
      for (std::int64_t a = 0; a < lines.along; ++a)
        to[start[1] + a] = from[start[2] + chosen[start[0] + a]];
      return;
    }
    walk_line(lines, start, first, last, [=](std::int64_t i, std::int64_t s, std::int64_t base) {
      to[s] = from[base + chosen[i] * step];
    });
  });
}

// Moves elements without looking at them: their size is all that matters.
void gather(const Tensor& x, const Tensor& index, int axis, Tensor& out) {
  check_index(index, x.shape()[axis], "gather");
  switch (size_of(x.dtype())) {
    case 1:
      return gather_typed<std::uint8_t>(x, index, axis, out);
    case 2:
      return gather_typed<std::uint16_t>(x, index, axis, out);
    case 4:
      return gather_typed<std::uint32_t>(x, index, axis, out);
    default:
      return gather_typed<std::uint64_t>(x, index, axis, out);
  }
}

template <class T>  // integers add as unsigned numbers: they wrap, where signed ones would be
                    // undefined
void scatter_add(const Tensor& index, const Tensor& src, int axis, Tensor& out) {
  check_index(index, out.shape()[axis], "scatter_add");
  const Lines lines = make_lines(index, src, out, axis);
  const auto* from = reinterpret_cast<const T*>(src.bytes());
  const auto* chosen = index.data<std::int64_t>();
  auto* to = reinterpret_cast<T*>(out.bytes());
  const std::int64_t step = out.strides()[axis];
  for_each_line(lines, [&](const Triple& start, std::int64_t first, std::int64_t last) {
    walk_line(lines, start, first, last, [=](std::int64_t i, std::int64_t s, std::int64_t base) {
      T& target = to[base + chosen[i] * step];
      target = static_cast<T>(target + from[s]);
    });
  });
}

}  // namespace

void register_gather_scatter() {
  const DeviceType cpu = DeviceType::cpu;
  kernels::gather.add(cpu,
                      {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::boolean,
                       DType::f16, DType::bf16},
                      &gather);
  kernels::scatter_add.add(cpu, {DType::f32}, &scatter_add<float>);
  kernels::scatter_add.add(cpu, {DType::f64}, &scatter_add<double>);
  kernels::scatter_add.add(cpu, {DType::i32}, &scatter_add<std::uint32_t>);
  kernels::scatter_add.add(cpu, {DType::i64}, &scatter_add<std::uint64_t>);
  kernels::scatter_add.add(cpu, {DType::u8}, &scatter_add<std::uint8_t>);
}

}  // namespace sonde::cpu
