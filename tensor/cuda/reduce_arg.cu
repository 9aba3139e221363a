// Positions of the largest and smallest elements: a reduction of pairs. Of equal values the first
// position wins, so neither the threads' order nor the number of parts matters.
#include "tensor/cuda/reduce.hpp"
#include "tensor/cuda/register.hpp"
#include "tensor/kernels/reduce.hpp"
#include "tensor/reduce_ops.hpp"

namespace sonde::cuda {
namespace {

template <class Beats, class T>
struct ArgExtreme {
  using Element = T;
  using Result = std::int64_t;
  struct Total {
    std::int64_t position;  // -1: of nothing
    T value;
  };

  static __device__ Total identity() { return {-1, T{}}; }
  static __device__ Total of(T x, std::int64_t position) { return {position, x}; }
  template <int n, int width>
  static __device__ Total of_block(const T (&x)[n], const Places<width>& places) {
    T best = x[0];
    int at = 0;
#pragma unroll
    for (int e = 1; e < n; ++e)
      if (Beats()(x[e], best)) best = x[e], at = e;
    return {places[at], best};
  }
  static __device__ Total combine(const Total& a, const Total& b) {
    if (a.position < 0) return b;
    if (b.position < 0) return a;
    const bool tie = !Beats()(a.value, b.value);
    return Beats()(b.value, a.value) || (tie && b.position < a.position) ? b : a;
  }
  static __device__ Result result(const Total& total) {
    return total.position;
  }
};

template <Kernel<kernels::ArgReduce>& slot, class Beats, class T>
void add_arg_extreme() {
  slot.add(DeviceType::cuda, {dtype_of<T>}, [](const Tensor& in, int axis, Tensor& out) {
    reduce_in_one_step(in, {axis}, out, StepStrides::any,
                       [](const Tensor& from, Tensor& to, const ReduceStep& step, bool) {
                         reduce_middle<ArgExtreme<Beats, T>>(slot.op(), from, to, step);
                       });
  });
}

template <Kernel<kernels::ArgReduce>& slot, class Beats>
void add_arg_extremes() {
  add_arg_extreme<slot, Beats, float>();
  add_arg_extreme<slot, Beats, double>();
  add_arg_extreme<slot, Beats, std::int32_t>();
  add_arg_extreme<slot, Beats, std::int64_t>();
  add_arg_extreme<slot, Beats, std::uint8_t>();
  add_arg_extreme<slot, Beats, bool>();
}

}  // namespace

void register_reduce_arg() {
  add_arg_extremes<kernels::argmax, reduce_ops::Greater>();
  add_arg_extremes<kernels::argmin, reduce_ops::Less>();
}

}  // namespace sonde::cuda
