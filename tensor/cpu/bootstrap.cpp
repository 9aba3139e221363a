// Plain loops for the first operations, until the vectorised kernels of the families replace them.
#include "tensor/cpu/register.hpp"
#include "tensor/kernels/reduce.hpp"

namespace sonde::cpu {
namespace {

template <class T, class Out>
void sum(const Tensor& in, const Dims& axes, Tensor& out) {
  const Tensor source = in.contiguous();
  Dims step = contiguous_strides(in.shape());
  Tensor flat = out;
  for (std::int64_t i = 0; i < out.numel(); ++i) out.data<Out>()[i] = Out{};
  Dims index = Dims::filled(in.rank(), 0);
  for (std::int64_t k = 0; k < in.numel(); ++k) {
    std::int64_t position = 0;
    for (int d = 0; d < in.rank(); ++d) {
      bool reduced = false;
      for (std::int64_t a : axes) reduced |= a == d;
      index[d] = k / step[d] % in.shape()[d];
      if (!reduced) position = position * in.shape()[d] + index[d];
    }
    out.data<Out>()[position] += static_cast<Out>(source.data<T>()[k]);
  }
}

}  // namespace

void register_bootstrap() {
  kernels::sum.add(DeviceType::cpu, {DType::f32}, &sum<float, float>);
  kernels::sum.add(DeviceType::cpu, {DType::f64}, &sum<double, double>);
  kernels::sum.add(DeviceType::cpu, {DType::i32}, &sum<std::int32_t, std::int64_t>);
  kernels::sum.add(DeviceType::cpu, {DType::i64}, &sum<std::int64_t, std::int64_t>);
  kernels::sum.add(DeviceType::cpu, {DType::boolean}, &sum<bool, std::int64_t>);
}

}  // namespace sonde::cpu
