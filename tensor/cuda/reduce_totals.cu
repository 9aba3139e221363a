// Sums and products. The totals of floats are doubles: one addition in f64 for sixteen in f32.
#include "tensor/cuda/reduce_rules.hpp"
#include "tensor/cuda/register.hpp"

namespace sonde::cuda {

void register_reduce_totals() {
  add_totals<kernels::sum, reduce_ops::Sum, std::int64_t>();
  add_totals<kernels::prod, reduce_ops::Prod, std::int64_t>();
}

}  // namespace sonde::cuda
