// Plain loops for the first operations, until the vectorised kernels of the families replace them.
#include "tensor/cpu/register.hpp"
#include "tensor/cpu/strided_loop.hpp"
#include "tensor/kernels/elementwise.hpp"
#include "tensor/kernels/reduce.hpp"

namespace sonde::cpu {
namespace {

template <class T, class F>
void binary_loop(std::byte* const* p, const std::int64_t* s, std::int64_t n, const double*) {
  for (std::int64_t i = 0; i < n; ++i)
    *reinterpret_cast<T*>(p[0] + i * s[0]) =
        F{}(*reinterpret_cast<const T*>(p[1] + i * s[1]), *reinterpret_cast<const T*>(p[2] + i * s[2]));
}
template <class T>
void neg_loop(std::byte* const* p, const std::int64_t* s, std::int64_t n, const double*) {
  for (std::int64_t i = 0; i < n; ++i)
    *reinterpret_cast<T*>(p[0] + i * s[0]) = -*reinterpret_cast<const T*>(p[1] + i * s[1]);
}
template <Loop loop>
void run(std::span<const Tensor> in, Tensor& out, const double* params) {
  strided_loop(in, out, loop, params, 1 << 16);
}
template <class T>
void add_type() {
  constexpr DType t = dtype_of<T>;
  kernels::neg.add(DeviceType::cpu, {t}, &run<&neg_loop<T>>);
  kernels::add.add(DeviceType::cpu, {t}, &run<&binary_loop<T, std::plus<T>>>);
  kernels::sub.add(DeviceType::cpu, {t}, &run<&binary_loop<T, std::minus<T>>>);
  kernels::mul.add(DeviceType::cpu, {t}, &run<&binary_loop<T, std::multiplies<T>>>);
  if constexpr (std::is_floating_point_v<T>)
    kernels::div.add(DeviceType::cpu, {t}, &run<&binary_loop<T, std::divides<T>>>);
}

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
  add_type<float>();
  add_type<double>();
  add_type<std::int32_t>();
  add_type<std::int64_t>();
  kernels::sum.add(DeviceType::cpu, {DType::f32}, &sum<float, float>);
  kernels::sum.add(DeviceType::cpu, {DType::f64}, &sum<double, double>);
  kernels::sum.add(DeviceType::cpu, {DType::i32}, &sum<std::int32_t, std::int64_t>);
  kernels::sum.add(DeviceType::cpu, {DType::i64}, &sum<std::int64_t, std::int64_t>);
  kernels::sum.add(DeviceType::cpu, {DType::boolean}, &sum<bool, std::int64_t>);
}

}  // namespace sonde::cpu
