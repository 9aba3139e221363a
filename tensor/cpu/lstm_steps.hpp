/// @file
/// The vector kernels of the LSTM, below the drivers in lstm.cpp and lstm_cell.cpp.
#pragma once

#include <cstdint>

namespace sonde::cpu {

template <class T>
struct LstmKernels {
  /// Units per vector: the width of a packed panel.
  std::int64_t panel;
  /// Rows of one step, see lstm_gates-inl.hpp.
  void (*cell)(const T* a, const T* c, T* h, T* next, T* gates, std::int64_t rows,
               std::int64_t units);
  void (*cell_grad)(const T* gates, const T* before, const T* after, const T* dh, const T* dc,
                    T* da, T* dc_out, std::int64_t rows, std::int64_t units);
  /// One step of `rows` rows with the packed weights: h = o tanh(c'), gates kept unless null. `c`
  /// may be `next`.
  struct Step {
    std::int64_t rows, inputs, units;
    const T *x, *h, *c;  ///< [rows, inputs], [rows, units] twice
    const T* weights;    ///< panels [units / panel][inputs + units][4][panel], padded with zeros
    const T* bias;       ///< panels [units / panel][4][panel]
    T *h_out, *next, *gates;
  };
  void (*step)(const Step& s);
};
template <class T>
const LstmKernels<T>& lstm_kernels();

}  // namespace sonde::cpu
