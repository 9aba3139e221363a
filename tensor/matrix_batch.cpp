#include "tensor/matrix_batch.hpp"

#include "tensor/kernels/elementwise.hpp"

namespace sonde {

MatrixBatch batch_of(const Tensor& a) {
  const std::int64_t rows = a.size(-2), cols = a.size(-1);
  std::int64_t count = 1;
  for (int i = 0; i < a.rank() - 2; ++i) count *= a.shape()[i];
  return {count, rows, cols};
}

void copy_into(const Tensor& from, const Tensor& to) {
  Tensor target = to;
  kernels::copy.find(to.device(), from.dtype())(std::span(&from, 1), target, nullptr);
}

Tensor work_copy(const Tensor& a) {
  Tensor copy = Tensor::empty(a.shape(), a.dtype(), a.device());
  copy_into(a, copy);
  return copy;
}

void check_info(std::span<const int> info, std::string_view op, std::string_view failure) {
  for (std::size_t i = 0; i < info.size(); ++i)
    if (info[i] != 0) fail(ErrorCode::numeric, op, "matrix {} of {} {}", i, info.size(), failure);
}

}  // namespace sonde
