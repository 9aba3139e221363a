#include "tensor/cuda/elementwise.hpp"
#include "tensor/cuda/elementwise_families.hpp"
#include "tensor/functors/compare.hpp"

namespace sonde::cuda {

namespace {

template <class... T>
void add_where() {
  (add_kernel<kernels::where, functors::Where, Weight::light, T, bool, T, T>(), ...);
}

}  // namespace

void register_comparisons() {
  using namespace functors;
  add_predicate<kernels::eq, Eq, 2>();
  add_predicate<kernels::ne, Ne, 2>();
  add_predicate<kernels::lt, Lt, 2>();
  add_predicate<kernels::le, Le, 2>();
  add_predicate<kernels::gt, Gt, 2>();
  add_predicate<kernels::ge, Ge, 2>();
  add_predicate<kernels::logical_not, LogicalNot, 1>();
  add_predicate<kernels::logical_and, LogicalAnd, 2>();
  add_predicate<kernels::logical_or, LogicalOr, 2>();
  add_predicate<kernels::logical_xor, LogicalXor, 2>();
  add_float_predicate<kernels::isnan, IsNan, 1>();
  add_float_predicate<kernels::isinf, IsInf, 1>();
  add_float_predicate<kernels::isfinite, IsFinite, 1>();
}

void register_choice() {
  add_where<float, double, std::int32_t, std::int64_t, std::uint8_t, bool>();
}

}  // namespace sonde::cuda
