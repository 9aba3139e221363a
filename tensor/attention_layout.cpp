#include "tensor/attention_layout.hpp"

#include <algorithm>

namespace sonde {

Tensor dense_rows(const Tensor& t) {
  return t.size(-1) <= 1 || t.strides().back() == 1 ? t : t.contiguous();
}

Dims row_order(const Tensor& t) {
  Dims order;
  for (int i = 0; i + 1 < t.rank(); ++i) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return t.strides()[a] > t.strides()[b]; });
  order.push_back(t.rank() - 1);
  return order;
}

Dims scores_shape(const Tensor& q, std::int64_t keys) {
  Dims shape = q.shape();
  shape[shape.rank() - 1] = keys;
  return shape;
}

}  // namespace sonde
