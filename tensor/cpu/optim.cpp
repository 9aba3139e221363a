// Steps of optimisers. Memory is the bound, so each rule is one pass over parameter, gradient and
// state.
#include "tensor/kernels/optim.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/optim.cpp"
#include <hwy/foreach_target.h>

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "tensor/cpu/concatenated.hpp"
#include "tensor/cpu/register.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using kernels::AdamCoefficients, kernels::RmsPropCoefficients, kernels::SgdCoefficients;

// A number of a rule as a vector.
template <class D>
auto Constant(D d, double value) {
  return hn::Set(d, static_cast<hn::TFromD<D>>(value));
}

// g = sign grad + weight_decay p.
template <class D, class V, class C>
V Decayed(D d, V p, V grad, const C& c) {
  return hn::MulAdd(Constant(d, c.weight_decay), p, hn::Mul(Constant(d, c.sign), grad));
}

// A rule: `states`, what it keeps of each of the three states; and a call that takes vectors of the
// parameter and the gradient, changes those of the states and returns the new parameter.
template <bool has_momentum>
struct SgdRule {
  static constexpr bool states[] = {has_momentum, false, false};
  using Coefficients = SgdCoefficients;
  template <class D, class V>
  static V Apply(D d, const SgdCoefficients& c, V p, V grad, V* s) {
    V step = Decayed(d, p, grad, c);
    if constexpr (has_momentum) {
      const V momentum = Constant(d, c.momentum), g = step;
      s[0] = hn::MulAdd(momentum, s[0], hn::Mul(Constant(d, c.fresh), g));
      step = c.nesterov ? hn::MulAdd(momentum, s[0], g) : s[0];
    }
    return hn::NegMulAdd(Constant(d, c.lr), step, p);
  }
};

template <bool amsgrad>
struct AdamRule {
  static constexpr bool states[] = {true, true, amsgrad};
  using Coefficients = AdamCoefficients;
  template <class D, class V>
  static V Apply(D d, const AdamCoefficients& c, V p, V grad, V* s) {
    const V g = Decayed(d, p, grad, c);
    s[0] = hn::MulAdd(Constant(d, 1 - c.beta1), hn::Sub(g, s[0]), s[0]);
    s[1] = hn::MulAdd(Constant(d, c.beta2), s[1], hn::Mul(Constant(d, 1 - c.beta2), hn::Mul(g, g)));
    if constexpr (amsgrad) s[2] = hn::Max(s[2], s[1]);
    const V size =
        hn::MulAdd(hn::Sqrt(s[amsgrad ? 2 : 1]), Constant(d, c.root), Constant(d, c.eps));
    return hn::NegMulAdd(Constant(d, c.step), hn::Div(s[0], size),
                         hn::Mul(Constant(d, c.shrink), p));
  }
};

template <bool centered, bool has_momentum>
struct RmsPropRule {
  static constexpr bool states[] = {true, centered, has_momentum};
  using Coefficients = RmsPropCoefficients;
  template <class D, class V>
  static V Apply(D d, const RmsPropCoefficients& c, V p, V grad, V* s) {
    const V g = Decayed(d, p, grad, c), fresh = Constant(d, 1 - c.alpha);
    s[0] = hn::MulAdd(Constant(d, c.alpha), s[0], hn::Mul(fresh, hn::Mul(g, g)));
    V variance = s[0];
    if constexpr (centered) {
      s[1] = hn::MulAdd(fresh, hn::Sub(g, s[1]), s[1]);
      variance = hn::NegMulAdd(s[1], s[1], s[0]);
    }
    V step = hn::Div(g, hn::Add(hn::Sqrt(variance), Constant(d, c.eps)));
    if constexpr (has_momentum) step = s[2] = hn::MulAdd(Constant(d, c.momentum), s[2], step);
    return hn::NegMulAdd(Constant(d, c.lr), step, p);
  }
};

// The rule on n elements; what is left behind whole vectors runs the same code on a masked one, so
// a result does not depend on where a stretch begins.
template <class Rule, class T>
void Stretch(const typename Rule::Coefficients& c, T* p, const T* grad, T* const* s,
             std::int64_t n) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  // Four and more streams are too many for the hardware's prefetcher.
  constexpr std::int64_t ahead = 1024 / sizeof(T);
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    V state[3];
    hwy::Prefetch(p + i + ahead);
    hwy::Prefetch(grad + i + ahead);
    for (int k = 0; k < 3; ++k)
      if (Rule::states[k]) {
        hwy::Prefetch(s[k] + i + ahead);
        state[k] = hn::LoadU(d, s[k] + i);
      }
    hn::StoreU(Rule::Apply(d, c, hn::LoadU(d, p + i), hn::LoadU(d, grad + i), state), d, p + i);
    for (int k = 0; k < 3; ++k)
      if (Rule::states[k]) hn::StoreU(state[k], d, s[k] + i);
  }
  if (i == n) return;
  const auto mask = hn::FirstN(d, static_cast<std::size_t>(n - i));
  V state[3];
  for (int k = 0; k < 3; ++k)
    if (Rule::states[k]) state[k] = hn::MaskedLoad(mask, d, s[k] + i);
  hn::BlendedStore(
      Rule::Apply(d, c, hn::MaskedLoad(mask, d, p + i), hn::MaskedLoad(mask, d, grad + i), state),
      mask, d, p + i);
  for (int k = 0; k < 3; ++k)
    if (Rule::states[k]) hn::BlendedStore(state[k], mask, d, s[k] + i);
}

template <class C, class T>
using StretchFn = void (*)(const C&, T* p, const T* grad, T* const* s, std::int64_t n);

// The variant of the rule for the states that a parameter has.
template <class T>
StretchFn<SgdCoefficients, T> Choose(const SgdCoefficients&, bool b, bool, bool) {
  return b ? &Stretch<SgdRule<true>, T> : &Stretch<SgdRule<false>, T>;
}
template <class T>
StretchFn<AdamCoefficients, T> Choose(const AdamCoefficients&, bool, bool, bool w) {
  return w ? &Stretch<AdamRule<true>, T> : &Stretch<AdamRule<false>, T>;
}
template <class T>
StretchFn<RmsPropCoefficients, T> Choose(const RmsPropCoefficients&, bool, bool a, bool b) {
  if (a) return b ? &Stretch<RmsPropRule<true, true>, T> : &Stretch<RmsPropRule<true, false>, T>;
  return b ? &Stretch<RmsPropRule<false, true>, T> : &Stretch<RmsPropRule<false, false>, T>;
}

constexpr std::int64_t grain = 1 << 15;  // elements worth about 20 us

// One parameter as the loop sees it.
template <class C, class T>
struct Task {
  StretchFn<C, T> run;
  const C* coefficients;
  T* parameter;
  const T* grad;
  T* state[3];
};

template <class C, class T>
Task<C, T> MakeTask(kernels::ParameterStep& step, std::span<const C> coefficients) {
  const C& c = coefficients[step.coefficients];
  auto& s = step.state;
  Task<C, T> task{Choose<T>(c, bool(s[0]), bool(s[1]), bool(s[2])),
                  &c,
                  step.parameter.mutable_data<T>(),
                  step.grad.data<T>(),
                  {}};
  for (std::size_t k = 0; k < 3; ++k)
    if (s[k]) task.state[k] = s[k].template mutable_data<T>();
  return task;
}

template <class C, class T>
void Step(std::span<kernels::ParameterStep> parameters, std::span<const C> coefficients) {
  std::vector<Task<C, T>> tasks;
  tasks.reserve(parameters.size());
  Concatenation all;
  for (kernels::ParameterStep& step : parameters) {
    if (!step.grad || step.parameter.dtype() != dtype_of<T>) continue;
    tasks.push_back(MakeTask<C, T>(step, coefficients));
    all.add(step.parameter.numel());
  }
  all.for_each_stretch(chunk_count(all.size(), grain),
                       [&](std::int64_t, std::size_t i, std::int64_t first, std::int64_t count) {
                         const Task<C, T>& t = tasks[i];
                         T* state[3];
                         for (int k = 0; k < 3; ++k)
                           state[k] = t.state[k] ? t.state[k] + first : nullptr;
                         t.run(*t.coefficients, t.parameter + first, t.grad + first, state, count);
                       });
}

// 32 partial sums, which the compiler keeps in vectors, added in order.
template <class T>
double SquaresOf(const T* x, std::int64_t n) {
  constexpr int ways = 32;
  double partial[ways] = {};
  std::int64_t i = 0;
  for (; i + ways <= n; i += ways)
    for (int k = 0; k < ways; ++k) {
      const double value = x[i + k];
      partial[k] += value * value;
    }
  for (int k = 0; i + k < n; ++k) partial[k] += static_cast<double>(x[i + k]) * x[i + k];
  double sum = 0;
  for (const double p : partial) sum += p;
  return sum;
}

template <class T>
double SumOfSquares(std::span<const Tensor> tensors) {
  Concatenation all;
  for (const Tensor& t : tensors) all.add(t.numel());
  double partial[max_chunks] = {};
  all.for_each_stretch(
      chunk_count(all.size(), 2 * grain),
      [&](std::int64_t chunk, std::size_t i, std::int64_t first, std::int64_t count) {
        partial[chunk] += SquaresOf(tensors[i].data<T>() + first, count);
      });
  double sum = 0;
  for (const double p : partial) sum += p;
  return sum;
}

template <class C>
void AddStep(Kernel<kernels::OptimizerStep<C>>& slot) {
  slot.add(DeviceType::cpu, {DType::f32}, &Step<C, float>);
  slot.add(DeviceType::cpu, {DType::f64}, &Step<C, double>);
}

void AddOptimKernels() {
  AddStep(kernels::sgd_step);
  AddStep(kernels::adam_step);
  AddStep(kernels::rmsprop_step);
  kernels::sum_of_squares.add(DeviceType::cpu, {DType::f32}, &SumOfSquares<float>);
  kernels::sum_of_squares.add(DeviceType::cpu, {DType::f64}, &SumOfSquares<double>);
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {
HWY_EXPORT(AddOptimKernels);
void register_optim() {
  HWY_DYNAMIC_DISPATCH(AddOptimKernels)();
}
}  // namespace sonde::cpu
#endif
