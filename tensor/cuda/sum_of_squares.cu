// The sum of the squares of many tensors, in f64: one sum for each chunk, then one of those. Chunks
// are cut by sizes alone, so the result has the same bits on every device.
#include "tensor/cuda/block_reduce.hpp"
#include "tensor/cuda/concatenated.hpp"
#include "tensor/cuda/pack.hpp"
#include "tensor/cuda/register.hpp"
#include "tensor/kernels/optim.hpp"

namespace sonde::cuda {
namespace {

constexpr int threads = 256;

template <class T>
struct Source {
  const T* x;
  bool packs;  // begins at a multiple of 16 bytes
};

// Each thread takes the same elements whether they come in packs or not.
template <class T>
__global__ void squares_kernel(PartTable<Source<T>> table, double* sum_of_chunk) {
  constexpr int width = widest<T>;
  for (std::int64_t c = blockIdx.x; c < table.chunks; c += gridDim.x) {
    const auto chunk = chunk_of(table, c);
    const Source<T> source = chunk.info;
    double sum = 0;
    for (std::int64_t i = chunk.begin + static_cast<std::int64_t>(threadIdx.x) * width;
         i < chunk.end; i += std::int64_t{threads} * width) {
      Pack<T, width> x{};
      if (source.packs && i + width <= chunk.end) {
        x = load_pack<width>(source.x + i);
      } else {
        for (int e = 0; e < width; ++e)
          if (i + e < chunk.end) x.v[e] = source.x[i + e];
      }
      for (int e = 0; e < width; ++e) {
        const double value = static_cast<double>(x.v[e]);
        sum = fma(value, value, sum);
      }
    }
    sum = reduce_block(sum, Plus());
    if (threadIdx.x == 0) sum_of_chunk[c] = sum;
  }
}

__global__ void total_kernel(const double* sum_of_chunk, std::int64_t chunks, double* total) {
  double sum = 0;
  for (std::int64_t c = threadIdx.x; c < chunks; c += blockDim.x) sum += sum_of_chunk[c];
  sum = reduce_block(sum, Plus());
  if (threadIdx.x == 0) *total = sum;
}

// One wait: the caller is told a number.
template <class T>
double sum_of_squares(std::span<const Tensor> tensors) {
  if (tensors.empty()) return 0;
  const Device device = tensors[0].device();
  Stream& stream = stream_of(device);
  PartList<Source<T>> list;
  for (const Tensor& t : tensors) {
    const T* x = pointer<const T>(stream, t);
    list.add({x, takes_packs(x, {})}, t.numel());
  }
  if (list.chunks() == 0) return 0;
  Tensor memory;
  const auto table = list.send(stream, device, memory);
  const Tensor sums = Tensor::empty(Dims{table.chunks}, DType::f64, device);
  const Tensor total = Tensor::empty(Dims{}, DType::f64, device);
  launch("sum_of_squares", stream, {std::min<std::int64_t>(table.chunks, 1 << 16), threads, 0},
         squares_kernel<T>, table, pointer<double>(stream, sums));
  launch("sum_of_squares", stream, {1, 1024, 0}, total_kernel, pointer<const double>(stream, sums),
         table.chunks, pointer<double>(stream, total));
  return total.item();
}

}  // namespace

void register_sum_of_squares() {
  kernels::sum_of_squares.add(DeviceType::cuda, {DType::f32}, &sum_of_squares<float>);
  kernels::sum_of_squares.add(DeviceType::cuda, {DType::f64}, &sum_of_squares<double>);
}

}  // namespace sonde::cuda
