/// @file
/// The rules of tensor/reduce_ops.hpp as operations of tensor/cuda/reduce.hpp, and how a slot is
/// filled with them.
#pragma once

#include "tensor/cuda/reduce.hpp"
#include "tensor/kernels/reduce.hpp"
#include "tensor/reduce_ops.hpp"

namespace sonde::cuda {

template <class Rule, class E, class R>
struct Reduction {
  using Element = E;
  using Result = R;
  using Total = typename Rule::template Total<E>;
  using Lane = typename Rule::template Lane<E>;

  static __device__ Total identity() { return Rule::template identity<Total>; }
  static __device__ Total of(E x, std::int64_t) {
    return static_cast<Total>(Rule::template lift<Lane>(x));
  }
  template <int n, int width>
  static __device__ Total of_block(const E (&x)[n], const Places<width>&) {
    Lane v[n];
#pragma unroll
    for (int e = 0; e < n; ++e) v[e] = Rule::template lift<Lane>(x[e]);
    return static_cast<Total>(fold<n>(v, [](Lane a, Lane b) { return Rule::combine(a, b); }));
  }
  static __device__ Total combine(Total a, Total b) {
    return Rule::combine(a, b);
  }
  static __device__ Result result(Total total) {
    return static_cast<Result>(total);
  }
};

/// Of elements E into results R, over any axes.
template <Kernel<kernels::Reduce>& slot, class Rule, class E, class R = E>
void add_reduction() {
  slot.add(DeviceType::cuda, {dtype_of<E>}, [](const Tensor& in, const Dims& axes, Tensor& out) {
    reduce_in_steps(in, axes, out, StepStrides::any,
                    [](const Tensor& from, Tensor& to, const ReduceStep& step, bool first) {
                      if (first)
                        reduce_middle<Reduction<Rule, E, R>>(slot.op(), from, to, step);
                      else
                        reduce_middle<Reduction<Rule, R, R>>(slot.op(), from, to, step);
                    });
  });
}

/// Floats into themselves, integers and bool into Whole.
template <Kernel<kernels::Reduce>& slot, class Rule, class Whole>
void add_totals() {
  add_reduction<slot, Rule, float>();
  add_reduction<slot, Rule, double>();
  add_reduction<slot, Rule, std::int32_t, Whole>();
  add_reduction<slot, Rule, std::int64_t, Whole>();
  add_reduction<slot, Rule, std::uint8_t, Whole>();
  add_reduction<slot, Rule, bool, Whole>();
}

}  // namespace sonde::cuda
