// Is any element, are all of them, other than zero?
#include "tensor/cuda/reduce_rules.hpp"
#include "tensor/cuda/register.hpp"

namespace sonde::cuda {
namespace {

template <Kernel<kernels::Reduce>& slot, class Rule>
void add_logic() {
  add_reduction<slot, Rule, float, bool>();
  add_reduction<slot, Rule, double, bool>();
  add_reduction<slot, Rule, std::int32_t, bool>();
  add_reduction<slot, Rule, std::int64_t, bool>();
  add_reduction<slot, Rule, std::uint8_t, bool>();
  add_reduction<slot, Rule, bool>();
}

}  // namespace

void register_reduce_logic() {
  add_logic<kernels::any, reduce_ops::Any>();
  add_logic<kernels::all, reduce_ops::All>();
}

}  // namespace sonde::cuda
