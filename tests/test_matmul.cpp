#include <gtest/gtest.h>

#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"

namespace sonde {
namespace {

Tensor counted(const Dims& shape) {
  return Tensor::arange(numel(shape), DType::f64, -3, 0.7).reshape(shape);
}

void expect_error(ErrorCode code, std::string_view part, const std::function<void()>& f) {
  try {
    f();
    ADD_FAILURE() << "no error, expected one with: " << part;
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("test_matmul.cpp"), std::string::npos) << e.what();
  }
}

TEST(Matmul, ErrorsNameBothShapes) {
  const Var a = counted({5, 3}), b = counted({4, 2});
  expect_error(ErrorCode::shape, "inner sizes differ: lhs [5,3], rhs [4,2] (3 != 4)",
               [&] { matmul(a, b); });
  expect_error(ErrorCode::shape, "rank 1 at least",
               [&] { matmul(a, Tensor::scalar(1, DType::f64)); });
  expect_error(ErrorCode::broadcast, "", [&] { matmul(counted({2, 3, 3}), counted({4, 3, 3})); });
  expect_error(ErrorCode::dtype, "differ in type", [&] { matmul(a, Tensor::ones({3, 2})); });
  expect_error(ErrorCode::dtype, "bool", [&] {
    matmul(Tensor::ones({2, 2}, DType::boolean), Tensor::ones({2, 2}, DType::boolean));
  });
  expect_error(ErrorCode::shape, "two vectors", [&] { dot(a, b); });
}

TEST(Matmul, IntegersMultiplyAsIntegers) {
  const Var a = Tensor::arange(6).reshape({2, 3});
  EXPECT_EQ(matmul(a, a, {.b = true}).tensor().to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{5, 14, 14, 50}));
}

TEST(Matmul, LanesOfVectorsEqualOneProduct) {
  const Var w = counted({4, 3}), x = counted({5, 3});
  const auto times = vmap([&](const Var& v) { return matmul(w, v); });
  EXPECT_EQ(times(x).tensor().to_vector<double>(),
            matmul(x, w, {.b = true}).tensor().to_vector<double>());
}

TEST(Einsum, ImplicitResultIsAlphabetical) {
  const Var a = counted({2, 3}), b = counted({3, 4});
  EXPECT_EQ(einsum("kj,ji", {a, b}).shape(), (Dims{4, 2}));
  EXPECT_EQ(einsum("ba", {a}).shape(), (Dims{3, 2}));
  EXPECT_EQ(einsum("...a,ab", {counted({5, 2, 3}), b}).shape(), (Dims{5, 2, 4}));
  EXPECT_EQ(einsum("ii", {counted({3, 3})}).rank(), 0);
}

TEST(Einsum, SizeOneBroadcasts) {
  EXPECT_EQ(einsum("ij,ij->ij", {counted({2, 1}), counted({2, 3})}).shape(), (Dims{2, 3}));
  EXPECT_EQ(einsum("...,...", {counted({4, 1}), counted({3})}).shape(), (Dims{4, 3}));
}

TEST(Einsum, EmptyAxes) {
  EXPECT_EQ(einsum("ij,jk->ik", {counted({2, 0}), counted({0, 3})}).tensor().to_vector<double>(),
            std::vector<double>(6, 0.0));
  EXPECT_EQ(einsum("ii->i", {counted({0, 0})}).numel(), 0);
}

TEST(Einsum, MalformedEquations) {
  const Var a = counted({2, 3});
  expect_error(ErrorCode::value, "groups", [&] { einsum("ij", {a, a}); });
  expect_error(ErrorCode::value, "letters", [&] { einsum("i1->i", {counted({2})}); });
  expect_error(ErrorCode::value, "in no operand", [&] { einsum("ij->ik", {a}); });
  expect_error(ErrorCode::value, "repeated", [&] { einsum("ij->ii", {a}); });
  expect_error(ErrorCode::value, "letters", [&] { einsum("ij->i->j", {a}); });
  expect_error(ErrorCode::shape, "letters for operand", [&] { einsum("ijk->i", {a}); });
  expect_error(ErrorCode::shape, "stands for", [&] { einsum("ij,ij->i", {a, counted({3, 2})}); });
  expect_error(ErrorCode::shape, "stands for", [&] { einsum("ii->i", {a}); });
  expect_error(ErrorCode::value, "no operands", [&] { einsum("", {}); });
}

}  // namespace
}  // namespace sonde
