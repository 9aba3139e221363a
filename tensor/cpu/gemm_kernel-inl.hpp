/// @file
/// The register block of a matrix product, for kernels that need more than gemm() offers. Included
/// once per instruction set (Highway's foreach_target), after <hwy/highway.h>; hence no #pragma
/// once.
#if defined(SONDE_TENSOR_CPU_GEMM_KERNEL_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SONDE_TENSOR_CPU_GEMM_KERNEL_INL
#undef SONDE_TENSOR_CPU_GEMM_KERNEL_INL
#else
#define SONDE_TENSOR_CPU_GEMM_KERNEL_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "tensor/cpu/gemm_kernel.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// AVX-512 has 32 vector registers: 24 sums, 4 columns of B, 1 element of A. Others have 16: 12
// sums, 2, 1.
#if HWY_TARGET == HWY_AVX3
inline constexpr int gemm_sums = 24, gemm_panel_vectors = 4;
#else
inline constexpr int gemm_sums = 12, gemm_panel_vectors = 2;
#endif
/// Rows of the register block with `vectors` columns of vectors.
constexpr int gemm_rows(int vectors) {
  return std::min(12, gemm_sums / vectors);
}

template <class T>
inline constexpr std::int64_t gemm_lanes =
    static_cast<std::int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));
template <class T>
inline constexpr std::int64_t gemm_panel_width = gemm_panel_vectors* gemm_lanes<T>;

template <bool partial, class D, class M>
HWY_INLINE hn::Vec<D> gemm_load(D d, M mask, const hn::TFromD<D>* p) {
  if constexpr (partial)
    return hn::MaskedLoad(mask, d, p);
  else
    return hn::LoadU(d, p);
}

// `rows` x `vectors` sums stay in registers over the whole loop over k. The last vector of a row
// counts `last` lanes if `partial`. Rows of A are addressed in threes (p, p + row, p + 2 row),
// which x86 can express without arithmetic.
template <int rows, int vectors, bool partial, class T>
void gemm_tile(const GemmBlock<T>& g, const T* a, const T* b, T* c, const T* start,
               std::size_t last) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  constexpr std::int64_t lanes = gemm_lanes<T>;
  const auto mask = hn::FirstN(d, partial ? last : lanes);
  V sum[rows][vectors];
  HWY_UNROLL(16)
  for (int i = 0; i < rows; ++i) {
    HWY_UNROLL(4)
    for (int j = 0; j < vectors; ++j) {
      const T* from = start + i * g.start_row + j * lanes;
      if (!start)
        sum[i][j] = hn::Zero(d);
      else if (partial && j == vectors - 1)
        sum[i][j] = gemm_load<partial>(d, mask, from);
      else
        sum[i][j] = hn::LoadU(d, from);
    }
  }
  constexpr int threes = (rows + 2) / 3;
  const T* p[threes];
  HWY_UNROLL(4)
  for (int t = 0; t < threes; ++t) p[t] = a + 3 * t * g.a_row;
  HWY_UNROLL(4)
  for (std::int64_t k = g.k; k > 0; --k, b += g.b_row) {
    V column[vectors];
    HWY_UNROLL(4)
    for (int j = 0; j < vectors; ++j)
      column[j] = partial && j == vectors - 1 ? gemm_load<partial>(d, mask, b + j * lanes)
                                              : hn::LoadU(d, b + j * lanes);
    HWY_UNROLL(16)
    for (int i = 0; i < rows; ++i) {
      const V factor = hn::Set(d, p[i / 3][i % 3 * g.a_row]);
      HWY_UNROLL(4)
      for (int j = 0; j < vectors; ++j) sum[i][j] = hn::MulAdd(factor, column[j], sum[i][j]);
    }
    HWY_UNROLL(4)
    for (int t = 0; t < threes; ++t) p[t] += g.a_col;
  }
  HWY_UNROLL(16)
  for (int i = 0; i < rows; ++i) {
    HWY_UNROLL(4)
    for (int j = 0; j < vectors; ++j) {
      T* to = c + i * g.c_row + j * lanes;
      if (partial && j == vectors - 1)
        hn::BlendedStore(sum[i][j], mask, d, to);
      else
        hn::StoreU(sum[i][j], d, to);
    }
  }
}

template <class T>
using GemmTile = void (*)(const GemmBlock<T>&, const T*, const T*, T*, const T*, std::size_t);

// gemm_tile for 1, 2, ... rows.
template <int vectors, bool partial, class T, int... less>
constexpr auto gemm_tiles(std::integer_sequence<int, less...>) {
  return std::array<GemmTile<T>, sizeof...(less)>{&gemm_tile<less + 1, vectors, partial, T>...};
}

// All rows against columns j ... of one panel. The rows are cut evenly: 64 = 9 * 6 + 2 * 5, not 10
// * 6 + 4.
template <int vectors, bool partial, class T>
void gemm_strip(const GemmBlock<T>& g, std::int64_t j, std::size_t last) {
  constexpr int max_rows = gemm_rows(vectors);
  static constexpr auto tiles =
      gemm_tiles<vectors, partial, T>(std::make_integer_sequence<int, max_rows>());
  const T* b = g.b + j / gemm_panel_width<T> * g.b_panel;
  const std::int64_t count = (g.m + max_rows - 1) / max_rows, few = g.m / count, more = g.m % count;
  for (std::int64_t t = 0, i = 0; t < count; ++t) {
    const std::int64_t rows = t < more ? few + 1 : few;
    const T* start = g.start ? g.start + i * g.start_row + j : nullptr;
    tiles[static_cast<std::size_t>(rows - 1)](g, g.a + i * g.a_row, b, g.c + i * g.c_row + j, start,
                                              last);
    i += rows;
  }
}

template <int vectors, class T>
HWY_INLINE void gemm_edge_strip(const GemmBlock<T>& g, std::int64_t j, std::size_t last) {
  if (last == gemm_lanes<T>)
    gemm_strip<vectors, false>(g, j, last);
  else
    gemm_strip<vectors, true>(g, j, last);
}

/// The whole block, panel by panel.
template <class T>
void gemm_block(const GemmBlock<T>& g) {
  constexpr std::int64_t width = gemm_panel_width<T>, lanes = gemm_lanes<T>;
  std::int64_t j = 0;
  for (; j + width <= g.n; j += width) gemm_strip<gemm_panel_vectors, false>(g, j, lanes);
  const std::int64_t rest = g.n - j, vectors = (rest + lanes - 1) / lanes;
  if (rest == 0) return;
  const auto last = static_cast<std::size_t>(rest - (vectors - 1) * lanes);
  if (vectors == 1) return gemm_edge_strip<1>(g, j, last);
  if (vectors == 2) return gemm_edge_strip<2>(g, j, last);
  if constexpr (gemm_panel_vectors == 4) {
    if (vectors == 3) return gemm_edge_strip<3>(g, j, last);
    return gemm_edge_strip<4>(g, j, last);
  }
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SONDE_TENSOR_CPU_GEMM_KERNEL_INL
