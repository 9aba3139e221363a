// The largest and smallest elements.
#include "tensor/cuda/reduce_rules.hpp"
#include "tensor/cuda/register.hpp"

namespace sonde::cuda {
namespace {

template <Kernel<kernels::Reduce>& slot, class Rule>
void add_extremes() {
  add_reduction<slot, Rule, float>();
  add_reduction<slot, Rule, double>();
  add_reduction<slot, Rule, std::int32_t>();
  add_reduction<slot, Rule, std::int64_t>();
  add_reduction<slot, Rule, std::uint8_t>();
  add_reduction<slot, Rule, bool>();
}

}  // namespace

void register_reduce_extremes() {
  add_extremes<kernels::amax, reduce_ops::Max>();
  add_extremes<kernels::amin, reduce_ops::Min>();
}

}  // namespace sonde::cuda
