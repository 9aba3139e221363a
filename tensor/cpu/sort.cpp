// Sorting along an axis. Each element becomes an unsigned key with the same order, NaN the largest;
// the position breaks ties, which makes any sorting algorithm stable.
#include <algorithm>
#include <limits>
#include <utility>

#include "tensor/cpu/register.hpp"
#include "tensor/kernels/index.hpp"
#include "tensor/order_key.hpp"
#include "tensor/parallel.hpp"
#include "tensor/rows_along.hpp"

namespace sonde::cpu {
namespace {

constexpr std::int64_t grain = 1 << 12;

// Key and position in one 64-bit number: half the memory, one comparison. For keys of 32 bits,
// lines below 2^32.
struct Packed {
  std::uint64_t both;
  Packed(std::uint32_t key, std::int64_t i)
      : both(std::uint64_t{key} << 32 | static_cast<std::uint64_t>(i)) {}
  std::int64_t position() const { return static_cast<std::int64_t>(both & 0xffffffffu); }
  bool operator<(const Packed& o) const { return both < o.both; }
};

struct Wide {
  std::uint64_t key;
  std::int64_t i;
  Wide(std::uint64_t k, std::int64_t position) : key(k), i(position) {}
  std::int64_t position() const { return i; }
  bool operator<(const Wide& o) const { return key != o.key ? key < o.key : i < o.i; }
};

template <class Entry>
void order_first(Entry* first, std::int64_t n, std::int64_t k) {
  if (k < n) {
    std::nth_element(first, first + k, first + n);
    std::sort(first, first + k);
  } else {
    std::sort(first, first + n);
  }
}

// Rows of x [rows, n]; the first k in order go to values and indices [rows, k].
template <class T, class Entry>
void sort_rows(const T* x, std::int64_t rows, std::int64_t n, std::int64_t k, bool descending,
               T* values, std::int64_t* indices) {
  parallel_for(rows, grain / n, [&](std::int64_t begin, std::int64_t end) {
    const Tensor scratch = Tensor::empty({n * static_cast<std::int64_t>(sizeof(Entry))}, DType::u8);
    auto* entry = reinterpret_cast<Entry*>(scratch.bytes());
    for (std::int64_t row = begin; row < end; ++row) {
      const T* line = x + row * n;
      for (std::int64_t i = 0; i < n; ++i)
        std::construct_at(entry + i, order_key(line[i], descending), i);
      order_first(entry, n, k);
      for (std::int64_t j = 0; j < k; ++j) {
        indices[row * k + j] = entry[j].position();
        values[row * k + j] = line[entry[j].position()];
      }
    }
  });
}

template <class T>
void sort(const Tensor& x0, int axis, bool descending, Tensor& values0, Tensor& indices0) {
  if (values0.numel() == 0) return;
  const Tensor x = x0.transpose(axis, -1).contiguous();
  const Tensor values = rows_along(values0, axis), indices = rows_along(indices0, axis);
  const std::int64_t n = x.shape().back(), rows = x.numel() / n, k = values.shape().back();
  auto run = [&]<class Entry>(std::type_identity<Entry>) {
    sort_rows<T, Entry>(x.data<T>(), rows, n, k, descending, values.data<T>(),
                        indices.data<std::int64_t>());
  };
  if constexpr (sizeof(T) <= 4) {
    if (n <= std::numeric_limits<std::uint32_t>::max())
      run(std::type_identity<Packed>());
    else
      run(std::type_identity<Wide>());
  } else {
    run(std::type_identity<Wide>());
  }
  put_rows(values, values0, axis);
  put_rows(indices, indices0, axis);
}

}  // namespace

void register_sort() {
  const DeviceType cpu = DeviceType::cpu;
  kernels::sort.add(cpu, {DType::f32}, &sort<float>);
  kernels::sort.add(cpu, {DType::f64}, &sort<double>);
  kernels::sort.add(cpu, {DType::i32}, &sort<std::int32_t>);
  kernels::sort.add(cpu, {DType::i64}, &sort<std::int64_t>);
  kernels::sort.add(cpu, {DType::u8}, &sort<std::uint8_t>);
  kernels::sort.add(cpu, {DType::boolean}, &sort<bool>);
}

}  // namespace sonde::cpu
