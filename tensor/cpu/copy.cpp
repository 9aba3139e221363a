#include <algorithm>
#include <cstring>

#include "tensor/cpu/elementwise.hpp"
#include "tensor/cpu/register.hpp"
#include "tensor/cpu/stream_copy.hpp"
#include "tensor/cpu/transpose.hpp"
#include "tensor/parallel.hpp"

namespace sonde::cpu {
namespace {

constexpr std::int64_t copy_grain = 1 << 17;

template <class From, class To>
To convert(From v) {
  if constexpr (std::is_same_v<From, To>)
    return v;
  else if constexpr (std::is_same_v<From, f16_t> || std::is_same_v<From, bf16_t>)
    return convert<float, To>(to_float(v));
  else if constexpr (std::is_same_v<To, f16_t>)
    return to_f16(static_cast<float>(v));
  else if constexpr (std::is_same_v<To, bf16_t>)
    return to_bf16(static_cast<float>(v));
  else if constexpr (std::is_same_v<To, bool>)
    return v != From{};
  else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // Saturates, NaN gives 0: a cast out of range would be undefined.
    if (!(v == v)) return To{};
    constexpr auto lo = static_cast<double>(std::numeric_limits<To>::min());
    constexpr double hi = -2.0 * static_cast<double>(std::numeric_limits<To>::min() / 2);
    if constexpr (std::is_unsigned_v<To>) {
      if (v <= From(-1)) return To{};
      if (v >= From(256)) return std::numeric_limits<To>::max();
    } else {
      if (static_cast<double>(v) < lo) return std::numeric_limits<To>::min();
      if (static_cast<double>(v) >= hi) return std::numeric_limits<To>::max();
    }
    return static_cast<To>(v);
  } else
    return static_cast<To>(v);
}

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
    std::fill_n(to, n, convert<From, To>(*from));
  } else if (stride[0] == sizeof(To) && stride[1] == sizeof(From)) {
    if constexpr (std::is_same_v<From, To>)
      copy_block(out, in, static_cast<std::size_t>(n) * sizeof(To));
    else
      for (std::int64_t i = 0; i < n; ++i) to[i] = convert<From, To>(from[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i, out += stride[0], in += stride[1])
      *reinterpret_cast<To*>(out) = convert<From, To>(*reinterpret_cast<const From*>(in));
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
