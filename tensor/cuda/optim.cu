// Steps of optimisers: one launch for all parameters that follow the same variant of a rule. Bound
// by memory: parameter, gradient and state are read once, and written once.
#include "tensor/kernels/optim.hpp"

#include "tensor/cuda/concatenated.hpp"
#include "tensor/cuda/optim_rules.hpp"
#include "tensor/cuda/pack.hpp"
#include "tensor/cuda/register.hpp"

namespace sonde::cuda {
namespace {

using kernels::AdamCoefficients, kernels::ParameterStep, kernels::RmsPropCoefficients,
    kernels::SgdCoefficients;

// One parameter as the kernel sees it.
template <class T, class Rule>
struct Task {
  T* parameter;
  const T* grad;
  T* state[3];
  Rule rule;
  bool packs;  // all begin at a multiple of 16 bytes
};

// `width` elements from `i` on.
template <int width, class T, class Rule>
__device__ void step_pack(const Task<T, Rule>& t, std::int64_t i) {
  Pack<T, width> p = load_pack<width>(t.parameter + i), s[3];
  const Pack<T, width> grad = load_pack<width>(t.grad + i);
#pragma unroll
  for (int k = 0; k < 3; ++k)
    if (Rule::uses(k)) s[k] = load_pack<width>(t.state[k] + i);
#pragma unroll
  for (int e = 0; e < width; ++e) {
    T state[3] = {s[0].v[e], s[1].v[e], s[2].v[e]};
    p.v[e] = t.rule(p.v[e], grad.v[e], state);
#pragma unroll
    for (int k = 0; k < 3; ++k) s[k].v[e] = state[k];
  }
  store_pack(t.parameter + i, p);
#pragma unroll
  for (int k = 0; k < 3; ++k)
    if (Rule::uses(k)) store_pack(t.state[k] + i, s[k]);
}

template <class T, class Rule>
__global__ void step_kernel(PartTable<Task<T, Rule>> table) {
  const auto thread = static_cast<std::int64_t>(threadIdx.x), threads = std::int64_t{blockDim.x};
  for (std::int64_t c = blockIdx.x; c < table.chunks; c += gridDim.x) {
    const auto chunk = chunk_of(table, c);
    const Task<T, Rule> t = chunk.info;
    constexpr int width = widest<T>;
    std::int64_t rest = chunk.begin;
    if (t.packs) {
      rest = chunk.end - (chunk.end - chunk.begin) % width;
      for (std::int64_t i = chunk.begin + thread * width; i < rest; i += threads * width)
        step_pack<width>(t, i);
    }
    for (std::int64_t i = rest + thread; i < chunk.end; i += threads) step_pack<1>(t, i);
  }
}

template <class T, class Rule>
Task<T, Rule> task_of(Stream& stream, ParameterStep& step,
                      std::span<const typename Rule::Coefficients> coefficients) {
  Task<T, Rule> task{pointer<T>(stream, step.parameter),
                     pointer<const T>(stream, step.grad),
                     {},
                     Rule(coefficients[step.coefficients]),
                     true};
  step.parameter.storage().bump_version();
  task.packs = takes_packs(task.parameter, {}) && takes_packs(task.grad, {});
  for (int k = 0; k < 3; ++k) {
    if (!Rule::uses(k)) continue;
    Tensor& state = step.state[static_cast<std::size_t>(k)];
    task.state[k] = pointer<T>(stream, state);
    state.storage().bump_version();
    task.packs = task.packs && takes_packs(task.state[k], {});
  }
  return task;
}

// Steps the parameters for which `follows(state)` says that they follow the rule.
template <class T, class Rule, class Follows>
void run(const char* op, std::span<ParameterStep> parameters,
         std::span<const typename Rule::Coefficients> coefficients, Follows follows) {
  PartList<Task<T, Rule>> list;
  Stream* stream = nullptr;
  Device device;
  for (ParameterStep& step : parameters) {
    if (!step.grad || step.parameter.dtype() != dtype_of<T> || !follows(step.state)) continue;
    device = step.parameter.device();
    stream = &stream_of(device);
    list.add(task_of<T, Rule>(*stream, step, coefficients), step.parameter.numel());
  }
  if (list.chunks() == 0) return;
  Tensor memory;
  const auto table = list.send(*stream, device, memory);
  launch(op, *stream, {std::min<std::int64_t>(table.chunks, 1 << 16), 256, 0}, step_kernel<T, Rule>,
         table);
}

using States = std::array<Tensor, 3>;

template <class T>
void sgd(std::span<ParameterStep> p, std::span<const SgdCoefficients> c) {
  run<T, SgdRule<T, true>>("sgd_step", p, c, [](const States& s) { return bool(s[0]); });
  run<T, SgdRule<T, false>>("sgd_step", p, c, [](const States& s) { return !s[0]; });
}

template <class T>
void adam(std::span<ParameterStep> p, std::span<const AdamCoefficients> c) {
  run<T, AdamRule<T, true>>("adam_step", p, c, [](const States& s) { return bool(s[2]); });
  run<T, AdamRule<T, false>>("adam_step", p, c, [](const States& s) { return !s[2]; });
}

template <class T, bool centered, bool has_momentum>
void rmsprop_variant(std::span<ParameterStep> p, std::span<const RmsPropCoefficients> c) {
  run<T, RmsPropRule<T, centered, has_momentum>>("rmsprop_step", p, c, [](const States& s) {
    return bool(s[1]) == centered && bool(s[2]) == has_momentum;
  });
}

template <class T>
void rmsprop(std::span<ParameterStep> p, std::span<const RmsPropCoefficients> c) {
  rmsprop_variant<T, false, false>(p, c);
  rmsprop_variant<T, false, true>(p, c);
  rmsprop_variant<T, true, false>(p, c);
  rmsprop_variant<T, true, true>(p, c);
}

}  // namespace

void register_optim() {
  const DeviceType cuda = DeviceType::cuda;
  kernels::sgd_step.add(cuda, {DType::f32}, &sgd<float>);
  kernels::sgd_step.add(cuda, {DType::f64}, &sgd<double>);
  kernels::adam_step.add(cuda, {DType::f32}, &adam<float>);
  kernels::adam_step.add(cuda, {DType::f64}, &adam<double>);
  kernels::rmsprop_step.add(cuda, {DType::f32}, &rmsprop<float>);
  kernels::rmsprop_step.add(cuda, {DType::f64}, &rmsprop<double>);
}

}  // namespace sonde::cuda
