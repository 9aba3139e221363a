#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/reduce_loops.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "tensor/cpu/reduce.hpp"
#include "tensor/cpu/transpose.hpp"
#include "tensor/parallel.hpp"
#include "tensor/reduce_ops.hpp"

// The loops are plain C++ over independent columns, compiled once per target: the compiler makes
// vectors of them.
HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {

/// Op from elements T to results Out.
template <class Op, class T, class Out>
class Reducer {
  using Total = typename Op::template Total<T>;
  using Lane = typename Op::template Lane<T>;

 public:
  static void Run(const std::byte* in, std::byte* out, std::int64_t outer, std::int64_t reduced,
                  std::int64_t inner) {
    const T* x = reinterpret_cast<const T*>(in);
    Out* y = reinterpret_cast<Out*>(out);
    if (inner == 1)
      Rows(x, y, outer, reduced);
    else
      Middle(x, y, outer, reduced, inner);
  }

 private:
  static constexpr Total identity = Op::template identity<Total>;
  static constexpr std::int64_t grain = 1 << 17;  // elements worth 20 us
  static constexpr std::int64_t block = 512;      // columns whose totals stay in the L1 cache
  static constexpr std::int64_t shortest = 8, narrow = 32, rows_at_once = 64;

  static Lane Lift(T x) { return Op::template lift<Lane>(x); }

  // totals[j] += x[r * stride + j] over all rows r; eight rows meet in a tree before they reach the
  // total.
  HWY_NOINLINE static void Columns(const T* HWY_RESTRICT x, std::int64_t rows, std::int64_t stride,
                                   std::int64_t width, Total* HWY_RESTRICT totals) {
    auto pair = [](const T* a, const T* b, std::int64_t j)
                    HWY_ATTR { return Op::combine(Lift(a[j]), Lift(b[j])); };
    std::int64_t r = 0;
    for (; r + 8 <= rows; r += 8, x += 8 * stride)
      for (std::int64_t j = 0; j < width; ++j) {
        const Lane low =
            Op::combine(pair(x, x + stride, j), pair(x + 2 * stride, x + 3 * stride, j));
        const Lane high = Op::combine(pair(x + 4 * stride, x + 5 * stride, j),
                                      pair(x + 6 * stride, x + 7 * stride, j));
        totals[j] = Op::combine(totals[j], static_cast<Total>(Op::combine(low, high)));
      }
    for (; r < rows; ++r, x += stride)
      for (std::int64_t j = 0; j < width; ++j)
        totals[j] = Op::combine(totals[j], static_cast<Total>(Lift(x[j])));
  }

  // One row, as a matrix of `width` columns; their totals meet in a tree.
  static Total WideRow(const T* x, std::int64_t n, std::int64_t width) {
    Total totals[64];
    std::fill_n(totals, width, identity);
    Columns(x, n / width, width, width, totals);
    for (std::int64_t half = width / 2; half > 0; half /= 2)
      for (std::int64_t j = 0; j < half; ++j) totals[j] = Op::combine(totals[j], totals[j + half]);
    return NarrowRow(x + n / width * width, n % width, totals[0]);
  }
  static Total NarrowRow(const T* x, std::int64_t n, Total total) {
    for (std::int64_t i = 0; i < n; ++i) total = Op::combine(total, static_cast<Total>(Lift(x[i])));
    return total;
  }
  HWY_NOINLINE static Total Row(const T* x, std::int64_t n) {
    return n >= narrow ? WideRow(x, n, n >= 1024 ? 64 : 16) : NarrowRow(x, n, identity);
  }

  // Rows of `shortest` to `narrow` elements, transposed: they become columns, each summed by
  // itself.
  static void ShortRows(const T* x, Out* y, std::int64_t rows, std::int64_t n) {
    using Moved = std::conditional_t<sizeof(T) == 4, float, double>;  // any type of its width
    T turned[narrow * rows_at_once];
    Total totals[rows_at_once];
    for (std::int64_t first = 0; first < rows; first += rows_at_once) {
      const std::int64_t count = std::min(rows_at_once, rows - first);
      transpose(count, n, reinterpret_cast<const Moved*>(x + first * n), n,
                reinterpret_cast<Moved*>(turned), count);
      std::fill_n(totals, count, identity);
      Columns(turned, n, count, count, totals);
      for (std::int64_t r = 0; r < count; ++r) y[first + r] = static_cast<Out>(totals[r]);
    }
  }
  static void RowByRow(const T* x, Out* y, std::int64_t rows, std::int64_t n) {
    if constexpr (sizeof(T) >= 4) {
      if (shortest <= n && n < narrow) return ShortRows(x, y, rows, n);
    }
    for (std::int64_t r = 0; r < rows; ++r) y[r] = static_cast<Out>(Row(x + r * n, n));
  }

  // Many rows: each by itself. Few long ones: each in a number of parts that depends on its length
  // only.
  static void Rows(const T* x, Out* y, std::int64_t rows, std::int64_t n) {
    const std::int64_t parts = rows < max_chunks ? chunk_count(n, grain) : 1;
    if (parts == 1) {
      parallel_for(rows, std::max<std::int64_t>(1, grain / std::max<std::int64_t>(n, 1)),
                   [=](std::int64_t begin, std::int64_t end)
                       HWY_ATTR { RowByRow(x + begin * n, y + begin, end - begin, n); });
      return;
    }
    std::array<Total, max_chunks * max_chunks> totals;
    parallel_chunks(rows * parts, [&](std::int64_t task) HWY_ATTR {
      const std::int64_t r = task / parts, p = task % parts, begin = chunk_begin(n, parts, p);
      totals[static_cast<std::size_t>(task)] =
          Row(x + r * n + begin, chunk_begin(n, parts, p + 1) - begin);
    });
    for (std::int64_t r = 0; r < rows; ++r) {
      Total total = identity;
      for (std::int64_t p = 0; p < parts; ++p)
        total = Op::combine(total, totals[static_cast<std::size_t>(r * parts + p)]);
      y[r] = static_cast<Out>(total);
    }
  }

  static void Middle(const T* x, Out* y, std::int64_t outer, std::int64_t reduced,
                     std::int64_t inner) {
    const std::int64_t blocks = (inner + block - 1) / block, tasks = outer * blocks;
    const std::int64_t parts =
        tasks < max_chunks ? chunk_count(reduced, std::max<std::int64_t>(8, grain / inner)) : 1;
    if (parts > 1) return MiddleInParts(x, y, outer, reduced, inner, parts);
    const std::int64_t work = std::max<std::int64_t>(1, reduced * std::min(inner, block));
    parallel_for(tasks, std::max<std::int64_t>(1, grain / work),
                 [=](std::int64_t begin, std::int64_t end) HWY_ATTR {
                   for (std::int64_t task = begin; task < end; ++task) {
                     const std::int64_t a = task / blocks, first = task % blocks * block,
                                        width = std::min(block, inner - first);
                     Total totals[block];
                     std::fill_n(totals, width, identity);
                     Columns(x + a * reduced * inner + first, reduced, inner, width, totals);
                     for (std::int64_t j = 0; j < width; ++j)
                       y[a * inner + first + j] = static_cast<Out>(totals[j]);
                   }
                 });
  }

  // Few outputs from many rows: each part of the rows has totals of its own; they are added in
  // order.
  static void MiddleInParts(const T* x, Out* y, std::int64_t outer, std::int64_t reduced,
                            std::int64_t inner, std::int64_t parts) {
    const Tensor room = Tensor::empty(
        {parts * outer * inner * static_cast<std::int64_t>(sizeof(Total))}, DType::u8);
    Total* totals = reinterpret_cast<Total*>(room.bytes());
    parallel_chunks(outer * parts, [=](std::int64_t task) HWY_ATTR {
      const std::int64_t a = task / parts, p = task % parts, begin = chunk_begin(reduced, parts, p);
      Total* mine = totals + task * inner;
      std::fill_n(mine, inner, identity);
      const std::int64_t rows = chunk_begin(reduced, parts, p + 1) - begin;
      for (std::int64_t first = 0; first < inner; first += block)
        Columns(x + (a * reduced + begin) * inner + first, rows, inner,
                std::min(block, inner - first), mine + first);
    });
    for (std::int64_t a = 0; a < outer; ++a)
      for (std::int64_t j = 0; j < inner; ++j) {
        Total total = identity;
        for (std::int64_t p = 0; p < parts; ++p)
          total = Op::combine(total, totals[(a * parts + p) * inner + j]);
        y[a * inner + j] = static_cast<Out>(total);
      }
  }
};

template <Kernel<kernels::Reduce>& slot, class Op, class T, class Out = T>
void Add() {
  install_reduction<slot>(dtype_of<T>, {&Reducer<Op, T, Out>::Run, &Reducer<Op, Out, Out>::Run});
}

// Integers and bool into i64.
template <Kernel<kernels::Reduce>& slot, class Op>
void AddTotals() {
  Add<slot, Op, float>();
  Add<slot, Op, double>();
  Add<slot, Op, std::int32_t, std::int64_t>();
  Add<slot, Op, std::int64_t>();
  Add<slot, Op, std::uint8_t, std::int64_t>();
  Add<slot, Op, bool, std::int64_t>();
}
template <Kernel<kernels::Reduce>& slot, class Op>
void AddExtremes() {
  Add<slot, Op, float>();
  Add<slot, Op, double>();
  Add<slot, Op, std::int32_t>();
  Add<slot, Op, std::int64_t>();
  Add<slot, Op, std::uint8_t>();
  Add<slot, Op, bool>();
}
template <Kernel<kernels::Reduce>& slot, class Op>
void AddLogic() {
  Add<slot, Op, float, bool>();
  Add<slot, Op, double, bool>();
  Add<slot, Op, std::int32_t, bool>();
  Add<slot, Op, std::int64_t, bool>();
  Add<slot, Op, std::uint8_t, bool>();
  Add<slot, Op, bool>();
}

void InstallReductions() {
  AddTotals<kernels::sum, reduce_ops::Sum>();
  AddTotals<kernels::prod, reduce_ops::Prod>();
  AddExtremes<kernels::amax, reduce_ops::Max>();
  AddExtremes<kernels::amin, reduce_ops::Min>();
  AddLogic<kernels::any, reduce_ops::Any>();
  AddLogic<kernels::all, reduce_ops::All>();
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {
HWY_EXPORT(InstallReductions);
void install_reductions() {
  HWY_DYNAMIC_DISPATCH(InstallReductions)();
}
}  // namespace sonde::cpu
#endif
