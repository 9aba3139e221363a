/// @file
/// Inner loops of elementwise kernels, compiled once per target: one op is one functor.
///
/// A *vector functor* maps Highway vectors, `op(d, v...)`; a *lane functor* maps single elements,
/// `op(x...)`, and leaves the vectors to the compiler. Either way there is one loop, over
/// contiguous operands; operands of other strides are packed into blocks that stay in the L1 cache.
/// So a result never depends on strides or on where a chunk begins.
#if defined(SONDE_TENSOR_CPU_ELEMENTWISE_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef SONDE_TENSOR_CPU_ELEMENTWISE_INL_HPP_
#undef SONDE_TENSOR_CPU_ELEMENTWISE_INL_HPP_
#else
#define SONDE_TENSOR_CPU_ELEMENTWISE_INL_HPP_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <tuple>
#include <type_traits>
#include <utility>

#include "tensor/cpu/elementwise.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// The functor with its scalar attributes, if it takes any.
template <class Op>
Op MakeOp(const double* params) {
  if constexpr (std::is_constructible_v<Op, const double*>)
    return Op(params);
  else
    return Op();
}

/// out[i] = op(in[i]...) for a vector functor; the tail runs the same code on masked vectors.
template <class Op, class T>
class VectorKernel {
 public:
  explicit VectorKernel(const double* params) : op_(MakeOp<Op>(params)) {}

  template <class... In>
  void operator()(T* out, std::size_t n, const In*... in) const {
    const std::size_t lanes = hn::Lanes(d_);
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) hn::StoreU(op_(d_, hn::LoadU(d_, in + i)...), d_, out + i);
    if (i < n) Part(out + i, n - i, (in + i)...);
  }

 protected:
  // The first n < lanes elements.
  template <class... In>
  HWY_INLINE void Part(T* out, std::size_t n, const In*... in) const {
    const auto mask = hn::FirstN(d_, n);
    hn::BlendedStore(op_(d_, hn::MaskedLoad(mask, d_, in)...), mask, d_, out);
  }
  static constexpr hn::ScalableTag<T> d_{};
  Op op_;
};

/// The same with stores that bypass the caches; these must be aligned.
template <class Op, class T>
class StreamingKernel : VectorKernel<Op, T> {
 public:
  using VectorKernel<Op, T>::VectorKernel;

  template <class... In>
  void operator()(T* out, std::size_t n, const In*... in) const {
    const std::size_t lanes = hn::Lanes(this->d_), width = lanes * sizeof(T);
    const std::size_t past = reinterpret_cast<std::uintptr_t>(out) % width;
    std::size_t i = past == 0 ? 0 : std::min(n, (width - past) / sizeof(T));
    if (i != 0) this->Part(out, i, in...);
    for (; i + lanes <= n; i += lanes)
      hn::Stream(this->op_(this->d_, hn::LoadU(this->d_, in + i)...), this->d_, out + i);
    if (i < n) this->Part(out + i, n - i, (in + i)...);
    hwy::FlushStream();
  }
};

/// out[i] = op(in[i]...) for a lane functor.
template <class Op, class Out>
class LaneKernel {
 public:
  explicit LaneKernel(const double* params) : op_(MakeOp<Op>(params)) {}

  template <class... In>
  void operator()(Out* out, std::size_t n, const In*... in) const {
#pragma GCC ivdep
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<Out>(op_(in[i]...));
  }

 private:
  Op op_;
};

inline constexpr std::int64_t block_elements = 512;

/// An input of any stride, read as contiguous blocks.
template <class T>
class BlockReader {
 public:
  BlockReader() {}  // leaves the buffer alone
  void Start(const std::byte* p, std::int64_t stride, std::int64_t n) {
    p_ = p;
    stride_ = stride;
    if (stride_ == 0)
      std::fill_n(buffer_, std::min(n, block_elements), *reinterpret_cast<const T*>(p_));
  }
  const T* Next(std::int64_t n) {
    const T* here = reinterpret_cast<const T*>(p_);
    p_ += n * stride_;
    if (stride_ == sizeof(T)) return here;
    if (stride_ != 0)
      for (std::int64_t i = 0; i < n; ++i)
        buffer_[i] =
            *reinterpret_cast<const T*>(reinterpret_cast<const std::byte*>(here) + i * stride_);
    return buffer_;
  }

 private:
  const std::byte* p_;
  std::int64_t stride_;
  T buffer_[block_elements];
};

/// The Loop of kernel K: all operands contiguous, or block by block.
template <class K, class Out, class... In>
class ElementLoop {
 public:
  static void Run(std::byte* const* ptr, const std::int64_t* stride, std::int64_t n,
                  const double* params) {
    Dispatch(ptr, stride, n, K(params), std::index_sequence_for<In...>());
  }

 private:
  template <std::size_t... i>
  static void Dispatch(std::byte* const* ptr, const std::int64_t* stride, std::int64_t n,
                       const K& kernel, std::index_sequence<i...> each) {
    if (stride[0] == sizeof(Out) && ((stride[i + 1] == sizeof(In)) && ...))
      kernel(reinterpret_cast<Out*>(ptr[0]), static_cast<std::size_t>(n),
             reinterpret_cast<const In*>(ptr[i + 1])...);
    else
      Blocks(ptr, stride, n, kernel, each);
  }

  template <std::size_t... i>
  HWY_NOINLINE static void Blocks(std::byte* const* ptr, const std::int64_t* stride, std::int64_t n,
                                  const K& kernel, std::index_sequence<i...>) {
    std::tuple<BlockReader<In>...> in;
    (std::get<i>(in).Start(ptr[i + 1], stride[i + 1], n), ...);
    Out buffer[block_elements];
    std::byte* out = ptr[0];
    for (std::int64_t rest = n; rest > 0;) {
      const std::int64_t m = std::min(rest, block_elements);
      const bool direct = stride[0] == sizeof(Out);
      Out* target = direct ? reinterpret_cast<Out*>(out) : buffer;
      kernel(target, static_cast<std::size_t>(m), std::get<i>(in).Next(m)...);
      if (!direct)
        for (std::int64_t k = 0; k < m; ++k)
          *reinterpret_cast<Out*>(out + k * stride[0]) = buffer[k];
      out += m * stride[0];
      rest -= m;
    }
  }
};

/// Installs the vector functor Op of `arity` inputs for f32 and f64.
template <Kernel<kernels::Elementwise>& slot, class Op, class T, std::size_t... i>
void AddVectorAs(Grain grain, std::index_sequence<i...>) {
  ElementwiseLoop kernel{&ElementLoop<VectorKernel<Op, T>, T, decltype((void)i, T())...>::Run,
                         nullptr, grain};
  if (grain == Grain::light)
    kernel.streaming = &ElementLoop<StreamingKernel<Op, T>, T, decltype((void)i, T())...>::Run;
  install<slot>(dtype_of<T>, kernel);
}
template <Kernel<kernels::Elementwise>& slot, class Op, std::size_t arity>
void AddVector(Grain grain) {
  AddVectorAs<slot, Op, float>(grain, std::make_index_sequence<arity>());
  AddVectorAs<slot, Op, double>(grain, std::make_index_sequence<arity>());
}

/// Installs the lane functor Op of `arity` inputs, from T to Out (or T again), for each dtype T in
/// the list.
template <Kernel<kernels::Elementwise>& slot, class Op, class Out, class T, std::size_t... i>
void AddLanesAs(Grain grain, std::index_sequence<i...>) {
  install<slot>(
      dtype_of<T>,
      {&ElementLoop<LaneKernel<Op, Out>, Out, decltype((void)i, T())...>::Run, nullptr, grain});
}
/// T x ... x T -> T for i32, i64 and u8.
template <Kernel<kernels::Elementwise>& slot, class Op, std::size_t arity>
void AddIntegerLanes(Grain grain = Grain::light) {
  constexpr std::make_index_sequence<arity> each;
  AddLanesAs<slot, Op, std::int32_t, std::int32_t>(grain, each);
  AddLanesAs<slot, Op, std::int64_t, std::int64_t>(grain, each);
  AddLanesAs<slot, Op, std::uint8_t, std::uint8_t>(grain, each);
}
/// T x ... x T -> T for f32 and f64.
template <Kernel<kernels::Elementwise>& slot, class Op, std::size_t arity>
void AddFloatLanes(Grain grain) {
  constexpr std::make_index_sequence<arity> each;
  AddLanesAs<slot, Op, float, float>(grain, each);
  AddLanesAs<slot, Op, double, double>(grain, each);
}
/// T x ... x T -> bool for f32 and f64.
template <Kernel<kernels::Elementwise>& slot, class Op, std::size_t arity>
void AddFloatPredicate() {
  constexpr std::make_index_sequence<arity> each;
  AddLanesAs<slot, Op, bool, float>(Grain::light, each);
  AddLanesAs<slot, Op, bool, double>(Grain::light, each);
}
/// T x ... x T -> bool for the six dtypes that compute.
template <Kernel<kernels::Elementwise>& slot, class Op, std::size_t arity>
void AddPredicate() {
  constexpr std::make_index_sequence<arity> each;
  AddFloatPredicate<slot, Op, arity>();
  AddLanesAs<slot, Op, bool, std::int32_t>(Grain::light, each);
  AddLanesAs<slot, Op, bool, std::int64_t>(Grain::light, each);
  AddLanesAs<slot, Op, bool, std::uint8_t>(Grain::light, each);
  AddLanesAs<slot, Op, bool, bool>(Grain::light, each);
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
