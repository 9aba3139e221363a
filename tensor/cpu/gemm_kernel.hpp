/// @file
/// The register-blocked kernel below gemm.hpp: one block of a product, on one thread, no packing of
/// its own.
#pragma once

#include <cstdint>

namespace sonde::cpu {

/// C = start + A B for one block. A may have any strides. B is cut into panels of `panel_width`
/// columns: element (p, j) lies at b[j / panel_width * b_panel + p * b_row + j % panel_width], so
/// that B in place (b_panel = panel_width) and B packed panel by panel (b_row = panel_width) are
/// the same thing. Rows of C are contiguous. Each element is one sum in the order of p, so cutting
/// m, n or k into blocks changes no bit.
template <class T>
struct GemmBlock {
  std::int64_t m = 0, n = 0, k = 0;
  const T* a = nullptr;
  std::int64_t a_row = 0, a_col = 0;
  const T* b = nullptr;
  std::int64_t b_row = 0, b_panel = 0;
  T* c = nullptr;
  std::int64_t c_row = 0;
  const T* start =
      nullptr;  ///< null: zeros; C itself: accumulate; with start_row = 0: a bias per column
  std::int64_t start_row = 0;
};

/// The kernel for the instruction set of this machine.
template <class T>
struct GemmKernel {
  std::int64_t lanes, panel_width;
  void (*block)(const GemmBlock<T>& g);
  /// y[i * y_step] = start[i * y_step] + sum over p of a[i * a_row + p] * x[p] for i < m (start may
  /// be null or y).
  void (*rows_times_vector)(std::int64_t m, std::int64_t k, const T* a, std::int64_t a_row,
                            const T* x, T* y, std::int64_t y_step, const T* start);
};
template <class T>
const GemmKernel<T>& gemm_kernel();

}  // namespace sonde::cpu
