// Lesson 1: strides and views. A tensor is a block of memory and a rule for walking it.
#include <fmt/core.h>

#include "tensor/allocator.hpp"
#include "tensor/tensor.hpp"

using namespace sonde;

namespace {

// What a handle knows, and whether it walks the same block of memory as `block`.
void show(const char* what, const Tensor& t, const Tensor& block) {
  const bool shared = &t.storage() == &block.storage();
  fmt::print("{:22} shape {:7} strides {:8} offset {:2}  {}\n", what, to_string(t.shape()),
             to_string(t.strides()), t.offset(), shared ? "same block" : "a copy");
}

// The rule itself: element (i, j) lies at offset + i * strides[0] + j * strides[1].
float element(const Tensor& t, std::int64_t i, std::int64_t j) {
  const auto* start = reinterpret_cast<const float*>(t.storage().data());
  return start[t.offset() + i * t.strides()[0] + j * t.strides()[1]];
}

void views(const Tensor& a) {
  fmt::print("-- one block, many walks\n{}\n", to_string(a));
  show("a", a, a);
  const Tensor t = a.transpose(0, 1);
  show("a.transpose(0, 1)", t, a);
  show("a.select(0, 1)", a.select(0, 1), a);
  show("a.slice(1, {}, {}, 2)", a.slice(1, {}, {}, 2), a);
  show("a.flip({1})", a.flip({1}), a);
  show("a.diagonal()", a.diagonal(), a);
  fmt::print("element (2, 1) of the transpose, by hand: {}; by at(): {}\n", element(t, 2, 1),
             t.at({2, 1}));
}

void broadcasting() {
  fmt::print("\n-- broadcasting is stride 0\n");
  const Tensor row = Tensor::from<float>({10, 20, 30, 40}, {4});
  const std::int64_t before = current_bytes();
  const Tensor big = row.expand({1000000, 4});
  show("row.expand({10^6, 4})", big, row);
  fmt::print("elements: {}, new bytes for them: {}\n", big.numel(), current_bytes() - before);
}

void reshapes(const Tensor& a) {
  fmt::print("\n-- when must a reshape copy?\n");
  show("a.reshape({2, 6})", a.reshape({2, 6}), a);
  show("a.reshape({3, 2, 2})", a.reshape({3, 2, 2}), a);
  const Tensor t = a.transpose(0, 1);  // [4,3], strides [1,4]
  show("t.reshape({2, 2, 3})", t.reshape({2, 2, 3}), a);
  show("t.reshape({12})", t.reshape({12}), a);
  fmt::print("is t row-major? {}. Is it one block without gaps? {}.\n", t.is_contiguous(),
             t.is_dense());
}

void mistake() {
  fmt::print("\n-- a mistake: writing through a broadcast view\n");
  const Tensor one = Tensor::zeros({1, 3});
  Tensor many = one.expand({2, 3});
  many.mutable_data<float>()[0] = 7;  // meant: element (0, 0) only
  fmt::print("{}\n", to_string(many));
  Tensor own = one.expand({2, 3}).clone();  // the cure: a copy has memory for each element
  own.mutable_data<float>()[0] = 5;
  fmt::print("{}\n", to_string(own));
}

}  // namespace

int main() {
  const Tensor a = Tensor::arange(12, DType::f32).reshape({3, 4});
  views(a);
  broadcasting();
  reshapes(a);
  mistake();
}
