// gather: one index per element.
#include "tensor/cuda/index_plan.hpp"
#include "tensor/cuda/register.hpp"
#include "tensor/kernels/index.hpp"

namespace sonde::cuda {
namespace {

constexpr int ways = 4;  // elements of a thread: so many loads are under way at once

template <class T>
__global__ void gather_kernel(const __grid_constant__ IndexPlan plan) {
  const Walk& walk = plan.walk;
  const std::int64_t stride = blockDim.x;
  for (std::int64_t first = blockIdx.x * stride * ways + threadIdx.x; first < plan.items;
       first += gridDim.x * stride * ways) {
    std::int64_t chosen[ways], to[ways], from[ways];
    T value[ways];
#pragma unroll
    for (int w = 0; w < ways; ++w) {
      const std::int64_t i = first + w * stride;
      if (i >= plan.items) continue;
      const auto at = offsets_of<3>(walk, i);
      chosen[w] = element<const std::int64_t>(walk, IndexPlan::index, at[IndexPlan::index]);
      to[w] = at[IndexPlan::like];
      from[w] = at[IndexPlan::indexed];
    }
#pragma unroll
    for (int w = 0; w < ways; ++w) {
      value[w] = T{};
      if (first + w * stride < plan.items && plan.guard.allows(chosen[w]))
        value[w] = element<const T>(walk, IndexPlan::indexed, from[w] + chosen[w] * plan.step);
    }
#pragma unroll
    for (int w = 0; w < ways; ++w) {
      const std::int64_t i = first + w * stride;
      if (i >= plan.items) continue;
      element<T>(walk, IndexPlan::like, to[w]) = value[w];
      if (!plan.guard.allows(chosen[w]))
        plan.guard.report(chosen[w], offsets_of<4>(walk, i)[IndexPlan::position] / 8);
    }
  }
}

template <class T>
void gather_typed(Stream& stream, const IndexPlan& plan) {
  launch("gather", stream, grid_over((plan.items + ways - 1) / ways), gather_kernel<T>, plan);
}

// Moves elements without looking at them: their size is all that matters.
void gather(const Tensor& x, const Tensor& index, int axis, Tensor& out) {
  Stream& stream = stream_of(out.device());
  const IndexPlan plan = index_plan(stream, "gather", out, index, contiguous_strides(index.shape()),
                                    x, axis, Items::elements);
  if (plan.items == 0) return;
  switch (size_of(x.dtype())) {
    case 1:
      return gather_typed<std::uint8_t>(stream, plan);
    case 2:
      return gather_typed<std::uint16_t>(stream, plan);
    case 4:
      return gather_typed<std::uint32_t>(stream, plan);
    default:
      return gather_typed<std::uint64_t>(stream, plan);
  }
}

}  // namespace

void register_gather() {
  kernels::gather.add(DeviceType::cuda,
                      {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::boolean,
                       DType::f16, DType::bf16},
                      &gather);
}

}  // namespace sonde::cuda
