#include <algorithm>
#include <cstring>

#include "tensor/cpu/elementwise.hpp"
#include "tensor/cpu/register.hpp"
#include "tensor/cpu/stream_copy.hpp"
#include "tensor/cpu/transpose.hpp"
#include "tensor/functors/convert.hpp"
#include "tensor/parallel.hpp"

namespace sonde::cpu {
namespace {

constexpr std::int64_t copy_grain = 1 << 17;

// Chunks this long belong to a copy of which no cache would keep the result.
constexpr std::size_t streaming_chunk = static_cast<std::size_t>(streaming_bytes / max_chunks);

void copy_block(std::byte* to, const std::byte* from, std::size_t bytes) {
  if (bytes >= streaming_chunk)
    stream_copy(to, from, bytes);
  else
    std::memcpy(to, from, bytes);
}

template <class From, class To>
void convert_loop(std::byte* const* ptr, const std::int64_t* stride, std::int64_t n,
                  const double*) {
  std::byte *out = ptr[0], *in = ptr[1];
  const From* from = reinterpret_cast<const From*>(in);
  To* to = reinterpret_cast<To*>(out);
  if (stride[0] == sizeof(To) && stride[1] == 0) {
    std::fill_n(to, n, functors::convert<To>(*from));
  } else if (stride[0] == sizeof(To) && stride[1] == sizeof(From)) {
    if constexpr (std::is_same_v<From, To>)
      copy_block(out, in, static_cast<std::size_t>(n) * sizeof(To));
    else
      for (std::int64_t i = 0; i < n; ++i) to[i] = functors::convert<To>(from[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i, out += stride[0], in += stride[1])
      *reinterpret_cast<To*>(out) = functors::convert<To>(*reinterpret_cast<const From*>(in));
  }
}

void copy(std::span<const Tensor> in, Tensor& out, const double* params) {
  if (transposing_copy(in[0], out)) return;
  const Loop loop = visit_dtype(in[0].dtype(), [&](auto from) {
    return visit_dtype(
        out.dtype(), [&](auto to) -> Loop { return &convert_loop<decltype(from), decltype(to)>; });
  });
  strided_loop(in, out, loop, params, copy_grain);
}

}  // namespace

void register_copy() {
  kernels::copy.add(DeviceType::cpu,
                    {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::boolean,
                     DType::f16, DType::bf16},
                    &copy);
}

}  // namespace sonde::cpu
