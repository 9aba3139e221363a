#include "tensor/cuda/deviance.hpp"

#include "tensor/cuda/register.hpp"
#include "tensor/kernels/reduce.hpp"

namespace sonde::cuda {
namespace {

template <class T>
void deviance(const Tensor& in, const Dims& axes, Tensor& out) {
  reduce_in_one_step(in, axes, out, StepStrides::any,
                     [](const Tensor& from, Tensor& to, const ReduceStep& step, bool) {
                       reduce_middle<Deviance<T>>("deviance", from, to, step);
                     });
}

}  // namespace

void register_deviance() {
  kernels::deviance.add(DeviceType::cuda, {DType::f32}, &deviance<float>);
  kernels::deviance.add(DeviceType::cuda, {DType::f64}, &deviance<double>);
}

}  // namespace sonde::cuda
