#include "tensor/cuda/sum_parts.hpp"

#include "tensor/cuda/launch.hpp"

namespace sonde::cuda {
namespace {

// Neighbouring threads add neighbouring elements; eight loads of each are in flight.
template <class T>
__global__ void sum_parts_kernel(const T* parts, std::int64_t count, T* out, std::int64_t size) {
  for (std::int64_t i = thread_index(); i < size; i += grid_threads()) {
    T sum = 0;
#pragma unroll 8
    for (std::int64_t p = 0; p < count; ++p) sum += parts[p * size + i];
    out[i] = sum;
  }
}

}  // namespace

std::int64_t parts_for(std::int64_t blocks, std::int64_t terms, std::int64_t least) {
  const std::int64_t wanted = (busy_blocks + blocks - 1) / blocks;
  return std::clamp<std::int64_t>(terms / least, 1, wanted);
}

template <class T>
void sum_parts(std::string_view op, Stream& stream, const Tensor& parts, const Tensor& out) {
  launch(op, stream, grid_over(out.numel(), 128), sum_parts_kernel<T>, pointer<T>(stream, parts),
         parts.size(0), pointer<T>(stream, out), out.numel());
}

template void sum_parts<float>(std::string_view, Stream&, const Tensor&, const Tensor&);
template void sum_parts<double>(std::string_view, Stream&, const Tensor&, const Tensor&);

}  // namespace sonde::cuda
