/// @file
/// The arithmetic of one unit of the LSTM, forward and backward.
#pragma once

#include <cmath>
#include <cstdint>

#include "tensor/functors/activation.hpp"

namespace sonde::cuda {

/// i, f, g, o of one unit, their pre-activations, or their cotangents.
template <class T>
struct Gates {
  T i, f, g, o;
};

/// A row [4, units] at a unit.
template <class T>
SONDE_HD Gates<T> load_gates(const T* row, std::int64_t units, std::int64_t unit) {
  return {row[unit], row[units + unit], row[2 * units + unit], row[3 * units + unit]};
}
template <class T>
SONDE_HD void store_gates(const Gates<T>& s, T* row, std::int64_t units, std::int64_t unit) {
  row[unit] = s.i;
  row[units + unit] = s.f;
  row[2 * units + unit] = s.g;
  row[3 * units + unit] = s.o;
}

template <class T>
SONDE_HD Gates<T> activate(const Gates<T>& a) {
  constexpr functors::Sigmoid sigmoid;
  return {sigmoid(a.i), sigmoid(a.f), std::tanh(a.g), sigmoid(a.o)};
}
/// c' = f c + i g
template <class T>
SONDE_HD T next_cell(const Gates<T>& s, T c) {
  return s.f * c + s.i * s.g;
}
/// h = o tanh(c')
template <class T>
SONDE_HD T hidden(const Gates<T>& s, T next) {
  return s.o * std::tanh(next);
}

/// Cotangents of the pre-activations from those of h and of the cell after the step; dc becomes
/// that of the cell before.
template <class T>
SONDE_HD Gates<T> gate_cotangents(const Gates<T>& s, T before, T after, T dh, T& dc) {
  constexpr functors::Sigmoid sigmoid;
  constexpr functors::Tanh tanh;
  const T t = std::tanh(after), total = dc + tanh(dh * s.o, t);
  dc = total * s.f;
  return {sigmoid(total * s.g, s.i), sigmoid(total * before, s.f), tanh(total * s.i, s.g),
          sigmoid(dh * t, s.o)};
}

}  // namespace sonde::cuda
