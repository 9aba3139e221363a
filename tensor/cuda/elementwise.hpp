/// @file
/// From a slot to a launch: how the functors of tensor/functors become kernels of a device.
#pragma once

#include "tensor/cuda/elementwise_kernels.hpp"
#include "tensor/kernels/elementwise.hpp"

namespace sonde::cuda {

/// Input `k` (from 0), which is read in vectors if it may be and `vectors` says so.
template <class T>
Input<T> input_of(const ElementwisePlan& plan, const Walk& walk, int k, bool vectors) {
  Input<T> in{walk.base[k + 1], vectors ? Reading::vectors : Reading::strided, T{}};
  if (!in.data) {
    in.reading = Reading::number;
    in.number = *reinterpret_cast<const T*>(plan.in[static_cast<std::size_t>(k)].bytes());
  } else if (walk.stride[0][k + 1] == 0) {
    in.reading = Reading::repeated;
  }
  return in;
}

/// One thread per item, but no more blocks than most_blocks.
inline Grid grid_for(std::int64_t items) {
  return {std::min((items + block_threads - 1) / block_threads, most_blocks), block_threads};
}

template <Weight weight, class Out, class Op, class... In>
void launch_flat(std::string_view name, Stream& stream, const Op& op, const Walk& walk,
                 const Input<In>&... in) {
  constexpr int width = flat_width<Out, In...>, packs = packs_per_thread<weight, width>;
  void (*kernel)(Op, std::int64_t, Out*, Input<In>...) = flat_kernel<packs, Op, Out, In...>;
  launch(name, stream, grid_for(walk.size[0] / (width * packs) + 1), kernel, op, walk.size[0],
         reinterpret_cast<Out*>(walk.base[0]), in...);
}

template <class Out, class Op, class... In>
void launch_strided(std::string_view name, Stream& stream, const Op& op, const Walk& walk,
                    const Input<In>&... in) {
  constexpr int operands = sizeof...(In) + 1, width = strided_width<Out, In...>;
  const StridedPlan<operands> plan(walk, width);
  void (*kernel)(Op, StridedPlan<operands>, std::byte*, bool, Input<In>...) =
      strided_kernel<Op, Out, In...>;
  launch(name, stream, grid_for(plan.packs), kernel, op, plan, walk.base[0],
         has_packs(walk, 0, width), in...);
}

/// out = op(in...), broadcast to out's shape; the inputs' types are given in order.
template <Weight weight, class Out, class... In>
struct ElementwiseOf {
  template <class Op>
  static void run(std::string_view name, const Op& op, std::span<const Tensor> in,
                  const Tensor& out) {
    if (out.numel() != 0) run(name, op, in, out, std::index_sequence_for<In...>());
  }

 private:
  template <class Op, std::size_t... k>
  static void run(std::string_view name, const Op& op, std::span<const Tensor> in,
                  const Tensor& out, std::index_sequence<k...>) {
    Stream& stream = stream_of(out.device());
    const ElementwisePlan plan = plan_elementwise(stream, in, out);
    if (is_flat(plan.walk, flat_width<Out, In...>))
      return launch_flat<weight, Out>(name, stream, op, plan.walk,
                                      input_of<In>(plan, plan.walk, int{k}, true)...);
    constexpr int width = strided_width<Out, In...>;
    for (const Walk& part : cut(plan.walk, width))
      launch_strided<Out>(name, stream, op, part,
                          input_of<In>(plan, part, int{k}, has_packs(part, int{k} + 1, width))...);
  }
};

/// The functor with its scalar attributes, if it takes any.
template <class Op>
Op make_op(const double* params) {
  if constexpr (std::is_constructible_v<Op, const double*>)
    return Op(params);
  else
    return Op();
}

/// Op is the kernel of `slot` for inputs In..., the last of which is the type it is looked up by.
template <Kernel<kernels::Elementwise>& slot, class Op, Weight weight, class Out, class... In>
void add_kernel() {
  using Key = std::tuple_element_t<sizeof...(In) - 1, std::tuple<In...>>;
  slot.add(DeviceType::cuda, {dtype_of<Key>},
           [](std::span<const Tensor> in, Tensor& out, const double* params) {
             ElementwiseOf<weight, Out, In...>::run(slot.op(), make_op<Op>(params), in, out);
           });
}

/// T x ... x T -> Out (or T again, if void) for each T.
template <Kernel<kernels::Elementwise>& slot, class Op, Weight weight, class Out, class T,
          std::size_t... i>
void add_repeated(std::index_sequence<i...>) {
  using Result = std::conditional_t<std::is_void_v<Out>, T, Out>;
  add_kernel<slot, Op, weight, Result, decltype((void)i, T())...>();
}
template <Kernel<kernels::Elementwise>& slot, class Op, int arity, Weight weight, class Out,
          class... T>
void add_each() {
  (add_repeated<slot, Op, weight, Out, T>(std::make_index_sequence<arity>()), ...);
}
template <Kernel<kernels::Elementwise>& slot, class Op, int arity, Weight weight = Weight::light>
void add_floats() {
  add_each<slot, Op, arity, weight, void, float, double>();
}
template <Kernel<kernels::Elementwise>& slot, class Op, int arity, Weight weight = Weight::light>
void add_numbers() {
  add_each<slot, Op, arity, weight, void, float, double, std::int32_t, std::int64_t,
           std::uint8_t>();
}
/// To bool, of the six types that compute.
template <Kernel<kernels::Elementwise>& slot, class Op, int arity>
void add_predicate() {
  add_each<slot, Op, arity, Weight::light, bool, float, double, std::int32_t, std::int64_t,
           std::uint8_t, bool>();
}
template <Kernel<kernels::Elementwise>& slot, class Op, int arity>
void add_float_predicate() {
  add_each<slot, Op, arity, Weight::light, bool, float, double>();
}

}  // namespace sonde::cuda
