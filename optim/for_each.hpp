/// @file
/// Loops over the elements of a parameter, for the update formulas of the optimisers.
#pragma once

#include "tensor/parallel.hpp"
#include "tensor/tensor.hpp"

namespace sonde::optim {

/// Calls `f(T* data)` with the element type of a row-major f32 or f64 parameter, which is going to
/// be written.
template <class F>
void visit_parameter(Tensor& parameter, F&& f) {
  if (parameter.dtype() == DType::f32)
    f(parameter.mutable_data<float>());
  else
    f(parameter.mutable_data<double>());
}

/// Calls `f(i)` for every i in [0, n), possibly at the same time.
template <class F>
void for_each_element(std::int64_t n, F&& f) {
  constexpr std::int64_t grain = 16384;
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
#pragma GCC ivdep  // each element touches its own place only
    for (std::int64_t i = begin; i < end; ++i) f(i);
  });
}

}  // namespace sonde::optim
