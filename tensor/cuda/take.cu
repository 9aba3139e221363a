// take and one_hot. Both are bound by memory; take moves words of up to 16 bytes.
#include "tensor/cuda/pack.hpp"
#include "tensor/cuda/register.hpp"
#include "tensor/cuda/slices.hpp"
#include "tensor/kernels/index.hpp"

namespace sonde::cuda {
namespace {

__global__ void check_kernel(const std::int64_t* index, std::int64_t count, IndexGuard guard) {
  for (std::int64_t i = thread_index(); i < count; i += grid_threads())
    if (!guard.allows(index[i])) guard.report(index[i], i);
}

// Slices of `words` words each; `total` words in all.
template <class Word>
__global__ void take_kernel(Slices s, const Word* x, Word* out, std::int64_t words,
                            std::int64_t total) {
  constexpr int ways = 4;  // words of a thread: so many loads are under way at once
  const std::int64_t stride = blockDim.x;
  for (std::int64_t first = blockIdx.x * stride * ways + threadIdx.x; first < total;
       first += gridDim.x * stride * ways) {
    Word value[ways];
#pragma unroll
    for (int w = 0; w < ways; ++w) {
      value[w] = Word{};
      const std::int64_t i = first + w * stride;
      if (i >= total) continue;
      const std::int64_t slice = quotient(i, words), word = i - slice * words;
      const std::int64_t o = quotient(slice, s.count), lane = s.lanes == 1 ? 0 : o / s.share;
      const std::int64_t at = lane * s.count + slice - o * s.count, chosen = s.index[at];
      if (s.guard.allows(chosen))
        value[w] = x[(o * s.guard.n + chosen) * words + word];
      else if (word == 0 && o == lane * s.share)  // once is enough
        s.guard.report(chosen, at);
    }
#pragma unroll
    for (int w = 0; w < ways; ++w)
      if (first + w * stride < total) out[first + w * stride] = value[w];
  }
}

template <class Word>
void take_words(Stream& stream, const Slices& s, const Tensor& x, const Tensor& out) {
  const auto width = static_cast<std::int64_t>(sizeof(Word));
  const std::int64_t words = s.inner * size_of(x.dtype()) / width,
                     total = s.outer * s.count * words;
  launch("take", stream, grid_over((total + 3) / 4), take_kernel<Word>, s,
         pointer<const Word>(stream, x), pointer<Word>(stream, out), words, total);
}

// x and index are copied first if they are not row-major.
void take(const Tensor& x0, const Tensor& index0, int axis, bool lanes, Tensor& out) {
  Stream& stream = stream_of(out.device());
  const Tensor x = x0.contiguous(), index = index0.contiguous();
  const Slices s(stream, "take", x.shape(), index, axis, lanes);
  if (out.numel() == 0) return check_only(stream, index, s.guard);
  const auto places = reinterpret_cast<std::uintptr_t>(address(stream, x)) |
                      reinterpret_cast<std::uintptr_t>(address(stream, out)) |
                      static_cast<std::uintptr_t>(s.inner * size_of(x.dtype()));
  switch (places & -places & 15) {  // the largest power of two, below 16, that divides all
    case 1:
      return take_words<std::uint8_t>(stream, s, x, out);
    case 2:
      return take_words<std::uint16_t>(stream, s, x, out);
    case 4:
      return take_words<std::uint32_t>(stream, s, x, out);
    case 8:
      return take_words<uint2>(stream, s, x, out);
    default:
      return take_words<uint4>(stream, s, x, out);
  }
}

template <class T, int width>
__global__ void one_hot_kernel(const std::int64_t* index, IndexGuard guard, Pack<T, width>* out,
                               std::int64_t count) {
  const std::int64_t n = guard.n;
  for (std::int64_t i = thread_index(); i < count; i += grid_threads()) {
    std::int64_t row = quotient(i * width, n), column = i * width - row * n;
    std::int64_t chosen = index[row];
    Pack<T, width> value;
#pragma unroll
    for (int w = 0; w < width; ++w) {
      if (column == n) {
        column = 0;
        chosen = index[++row];
      }
      if (column == 0 && !guard.allows(chosen)) guard.report(chosen, row);
      value.v[w] = static_cast<T>(column++ == chosen);
    }
    out[i] = value;
  }
}

template <class T, int width>
void one_hot_by(Stream& stream, const Tensor& index, const IndexGuard& guard, const Tensor& out) {
  const std::int64_t count = out.numel() / width;
  launch("one_hot", stream, grid_over(count), one_hot_kernel<T, width>,
         pointer<const std::int64_t>(stream, index), guard, pointer<Pack<T, width>>(stream, out),
         count);
}

template <class T>
void one_hot(const Tensor& index0, Tensor& out) {
  Stream& stream = stream_of(out.device());
  const Tensor index = index0.contiguous();
  const IndexGuard guard{stream.faults.note(), "one_hot", out.shape().back()};
  if (out.numel() == 0) return check_only(stream, index, guard);
  constexpr int width = widest<T>;
  if (takes_packs(pointer<T>(stream, out), {out.numel()}))
    one_hot_by<T, width>(stream, index, guard, out);
  else
    one_hot_by<T, 1>(stream, index, guard, out);
}

}  // namespace

void check_only(Stream& stream, const Tensor& index, const IndexGuard& guard) {
  launch(guard.op, stream, grid_over(index.numel()), check_kernel,
         pointer<const std::int64_t>(stream, index), index.numel(), guard);
}

void register_take() {
  const DeviceType cuda = DeviceType::cuda;
  kernels::take.add(cuda,
                    {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::boolean,
                     DType::f16, DType::bf16},
                    &take);
  kernels::one_hot.add(cuda, {DType::f32}, &one_hot<float>);
  kernels::one_hot.add(cuda, {DType::f64}, &one_hot<double>);
  kernels::one_hot.add(cuda, {DType::i32}, &one_hot<std::int32_t>);
  kernels::one_hot.add(cuda, {DType::i64}, &one_hot<std::int64_t>);
  kernels::one_hot.add(cuda, {DType::u8, DType::boolean}, &one_hot<std::uint8_t>);
}

}  // namespace sonde::cuda
