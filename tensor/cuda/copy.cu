#include "tensor/cuda/elementwise.hpp"
#include "tensor/cuda/register.hpp"
#include "tensor/cuda/transpose.hpp"
#include "tensor/functors/convert.hpp"

namespace sonde::cuda {
namespace {

struct Identity {
  template <class T>
  __device__ T operator()(T x) const {
    return x;
  }
};

// Elements as they are, in words of their width.
template <class Word>
void move_words(std::span<const Tensor> in, const Tensor& out) {
  ElementwiseOf<Weight::light, Word, Word>::run("copy", Identity(), in, out);
}

void move_strided(std::span<const Tensor> in, const Tensor& out) {
  switch (size_of(out.dtype())) {
    case 1:
      return move_words<std::uint8_t>(in, out);
    case 2:
      return move_words<std::uint16_t>(in, out);
    case 4:
      return move_words<std::uint32_t>(in, out);
    default:
      return move_words<std::uint64_t>(in, out);
  }
}

// One block on both sides, one transposition, or any walk.
void move(Stream& stream, const Tensor& in, const Tensor& out) {
  void *to = address(stream, out), *from = address(stream, in);
  const Walk walk = walk_of(std::span(&in, 1), out);
  const std::int64_t width = size_of(out.dtype());
  if (walk.rank == 1 && walk.stride[0][0] == width && walk.stride[0][1] == width) {
    if (to == from) return;
    const auto bytes = static_cast<std::size_t>(walk.size[0] * width);
    return check(
        cudaMemcpyAsync(walk.base[0], walk.base[1], bytes, cudaMemcpyDeviceToDevice, stream.handle),
        "copy");
  }
  if (const int axis = crossed_axis(walk, 1); axis != 0)
    return transposing_copy(stream, walk, axis);
  move_strided(std::span(&in, 1), out);
}

template <class From>
void convert_from(std::span<const Tensor> in, const Tensor& out) {
  visit_dtype(out.dtype(), [&](auto to) {
    using To = decltype(to);
    if constexpr (!std::is_same_v<From, To>)
      ElementwiseOf<Weight::light, To, From>::run("copy", functors::Convert<To>(), in, out);
  });
}

// A number of the host is converted there: what is left is to fill `out` with it.
template <class From>
void copy(std::span<const Tensor> in, Tensor& out, const double*) {
  if (out.numel() == 0) return;
  if (is_number(in[0])) {
    const Tensor number = in[0].to(out.dtype());
    move_strided(std::span(&number, 1), out);
  } else if (out.dtype() == dtype_of<From>) {
    move(stream_of(out.device()), in[0], out);
  } else {
    convert_from<From>(in, out);
  }
}

template <class... From>
void add_copies() {
  (kernels::copy.add(DeviceType::cuda, {dtype_of<From>}, &copy<From>), ...);
}

}  // namespace

void register_copy() {
  add_copies<float, double, std::int32_t, std::int64_t, std::uint8_t, bool, f16_t, bf16_t>();
}

}  // namespace sonde::cuda
