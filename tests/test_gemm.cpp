#include <gtest/gtest.h>

#include <random>

#include "tensor/cpu/gemm.hpp"
#include "tensor/kernels/matmul.hpp"
#include "tensor/parallel.hpp"
#include "tensor/tensor.hpp"

namespace sonde {
namespace {

Tensor random(const Dims& shape, DType dtype, unsigned seed) {
  std::mt19937 bits(seed);
  Tensor t = Tensor::empty(shape, DType::f64);
  for (std::int64_t i = 0; i < t.numel(); ++i) t.data<double>()[i] = bits() * 0x1p-32 - 0.5;
  return t.to(dtype);
}

Tensor matmul(const Tensor& a, const Tensor& b, const Dims& shape) {
  Tensor out = Tensor::full(shape, NAN, a.dtype());
  kernels::matmul.find(a.device(), a.dtype())(a, b, out);
  return out;
}

// Every element of a small product; every 97th of a large one.
void expect_product(const Tensor& a, const Tensor& b, const Tensor& c, const std::string& what) {
  const std::int64_t n = c.shape()[1], k = a.shape()[1], step = c.numel() > 2000 ? 97 : 1;
  const double eps = a.dtype() == DType::f32 ? 1.2e-7 : 2.3e-16,
               tolerance = eps * (4 + static_cast<double>(k));
  const auto x = a.to_vector<double>(), y = b.to_vector<double>(), z = c.to_vector<double>();
  const auto at = [](const std::vector<double>& v, std::int64_t i) {
    return v[static_cast<std::size_t>(i)];
  };
  for (std::int64_t e = 0; e < c.numel(); e += step) {
    double sum = 0;
    for (std::int64_t p = 0; p < k; ++p) sum += at(x, e / n * k + p) * at(y, p * n + e % n);
    ASSERT_NEAR(at(z, e), sum, tolerance)
        << what << " " << to_string(a.spec()) << " x " << to_string(b.spec());
  }
}

const std::int64_t edge_sizes[] = {1, 2, 5, 6, 7, 13, 16, 17, 31, 33, 48, 63, 64, 65, 100, 129};

TEST(Gemm, EdgesOfTheRegisterBlocks) {
  for (DType dtype : {DType::f32, DType::f64})
    for (std::int64_t m : edge_sizes)
      for (std::int64_t n : edge_sizes) {
        const std::int64_t k = 1 + (m * 7 + n) % 40;
        const Tensor a = random({m, k}, dtype, 1), b = random({k, n}, dtype, 2);
        expect_product(a, b, matmul(a, b, {m, n}), "NN");
      }
}

// As stored, transposed, every second element, reversed, broadcast.
Tensor with_strides(int kind, const Dims& shape, DType dtype, unsigned seed) {
  const std::int64_t r = shape[0], c = shape[1];
  switch (kind) {
    case 0:
      return random(shape, dtype, seed);
    case 1:
      return random({c, r}, dtype, seed).transpose(0, 1);
    case 2:
      return random({r, 2 * c}, dtype, seed).slice(1, {}, {}, 2);
    case 3:
      return random(shape, dtype, seed).flip({0, 1});
    default:
      return random({1, c}, dtype, seed).expand(shape);
  }
}

TEST(Gemm, AnyStrides) {
  for (DType dtype : {DType::f32, DType::f64})
    for (auto [m, n, k] :
         {std::tuple{9, 21, 5}, {1, 40, 33}, {40, 1, 33}, {70, 80, 90}, {300, 30, 500}})
      for (int ka = 0; ka < 5; ++ka)
        for (int kb = 0; kb < 5; ++kb) {
          const Tensor a = with_strides(ka, {m, k}, dtype, 3),
                       b = with_strides(kb, {k, n}, dtype, 4);
          expect_product(a, b, matmul(a, b, {m, n}), "strides " + std::to_string(10 * ka + kb));
        }
}

TEST(Gemm, LargeProductsAndTheirStrides) {
  for (DType dtype : {DType::f32, DType::f64})
    for (auto [m, n, k] :
         {std::tuple{700, 650, 640}, {250, 1100, 400}, {13, 2000, 1500}, {1500, 13, 2000}})
      for (int kind : {0, 1, 2}) {
        const Tensor a = with_strides(kind, {m, k}, dtype, 5),
                     b = with_strides((kind + 1) % 3, {k, n}, dtype, 6);
        expect_product(a, b, matmul(a, b, {m, n}), "large " + std::to_string(kind));
      }
}

TEST(Gemm, BatchesBroadcast) {
  const std::pair<Dims, Dims> shapes[] = {{{4, 5, 6}, {6, 7}},
                                          {{5, 6}, {4, 6, 7}},
                                          {{3, 1, 5, 6}, {4, 6, 7}},
                                          {{2, 3, 5, 6}, {2, 3, 6, 7}},
                                          {{2, 1, 5, 6}, {1, 3, 6, 7}}};
  for (const auto& [sa, sb] : shapes) {
    const Tensor a = random(sa, DType::f64, 7), b = random(sb, DType::f64, 8);
    Dims batch_a = sa, batch_b = sb;
    for (Dims* d : {&batch_a, &batch_b}) d->erase(d->rank() - 1), d->erase(d->rank() - 1);
    Dims shape = broadcast_shapes(batch_a, batch_b, "matmul");
    const Dims batch = shape;
    shape.push_back(5), shape.push_back(7);
    const auto full = [&](const Tensor& t, std::int64_t r, std::int64_t c) {
      Dims s = batch;
      s.push_back(r), s.push_back(c);
      return t.expand(s).reshape({-1, r, c});
    };
    const Tensor out = matmul(a, b, shape).reshape({-1, 5, 7});
    for (std::int64_t i = 0; i < out.shape()[0]; ++i)
      expect_product(full(a, 5, 6).select(0, i), full(b, 6, 7).select(0, i), out.select(0, i),
                     to_string(sa));
  }
}

TEST(Gemm, WritesAnyOutput) {
  const Tensor a = random({9, 5}, DType::f32, 1), b = random({5, 8}, DType::f32, 2);
  for (Tensor out : {Tensor::zeros({8, 9}).transpose(0, 1),
                     Tensor::zeros({9, 16}).slice(1, {}, {}, 2), Tensor::zeros({9, 8}).flip({0})}) {
    kernels::matmul.find({}, DType::f32)(a, b, out);
    expect_product(a, b, out, "output");
  }
}

TEST(Gemm, EmptyProducts) {
  for (DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64}) {
    const Tensor zero = matmul(Tensor::ones({3, 0}, dtype), Tensor::ones({0, 4}, dtype), {3, 4});
    EXPECT_EQ(zero.to_vector<double>(), std::vector<double>(12, 0.0));
    EXPECT_EQ(matmul(Tensor::ones({0, 3}, dtype), Tensor::ones({3, 4}, dtype), {0, 4}).numel(), 0);
    EXPECT_EQ(
        matmul(Tensor::ones({0, 2, 3}, dtype), Tensor::ones({3, 4}, dtype), {0, 2, 4}).numel(), 0);
  }
}

TEST(Gemm, AccumulatesAndAddsABias) {
  for (auto [m, n, k] :
       {std::tuple{5, 7, 3}, {700, 650, 640}, {40, 1, 90}, {1, 40, 90}, {6, 6, 0}}) {
    const Tensor a = random({m, k}, DType::f64, 1), b = random({k, n}, DType::f64, 2),
                 ab = matmul(a, b, {m, n});
    const Tensor bias = random({n}, DType::f64, 3);
    const auto am = cpu::matrix<const double>(a.data<double>(), m, k);
    const auto bm = cpu::matrix<const double>(b.data<double>(), k, n);
    Tensor sum = Tensor::ones({m, n}, DType::f64), biased = Tensor::empty({m, n}, DType::f64);
    cpu::gemm<double>(am, bm, cpu::matrix(sum.data<double>(), m, n), cpu::GemmStart::accumulate);
    cpu::gemm_bias<double>(am, bm, bias.data<double>(), cpu::matrix(biased.data<double>(), m, n));
    for (std::int64_t e = 0; e < m * n; e += 1 + m * n / 500) {
      const double product = ab.data<double>()[e];
      ASSERT_NEAR(sum.data<double>()[e], product + 1, 1e-12) << m;
      ASSERT_NEAR(biased.data<double>()[e], product + bias.data<double>()[e % n], 1e-12) << m;
    }
  }
}

TEST(Gemm, OneColumnMoreThanAVector) {
  for (std::int64_t n : {3, 5, 9, 17, 33})
    for (DType dtype : {DType::f32, DType::f64}) {
      const Tensor a = random({n, 32}, dtype, 1), b = random({n, 32}, dtype, 2).transpose(0, 1);
      expect_product(a, b, matmul(a, b, {n, n}), "NT");
    }
  const Tensor a = random({17, 32}, DType::f32, 1), b = random({17, 32}, DType::f32, 2),
               c = Tensor::ones({17, 17});
  const auto am = cpu::matrix<const float>(a.data<float>(), 17, 32),
             bm = cpu::matrix<const float>(b.data<float>(), 17, 32);
  cpu::gemm<float>(am, bm.transposed(), cpu::matrix(c.data<float>(), 17, 17),
                   cpu::GemmStart::accumulate);
  const Tensor product = matmul(a, b.transpose(0, 1), {17, 17});
  for (std::int64_t i = 0; i < 17; ++i)
    EXPECT_NEAR(c.at({i, 16}), product.at({i, 16}) + 1, 1e-5) << i;
}

// Half a million squares: a single sum in f32 would lose three digits.
TEST(Gemm, LongSumsKeepTheirDigits) {
  constexpr std::int64_t k = 1 << 19;
  for (const std::int64_t m : {2, 24}) {
    const Tensor a = random({m, k}, DType::f32, 3), c = matmul(a, a.transpose(0, 1), {m, m});
    for (std::int64_t i = 0; i < 2; ++i) {
      double sum = 0;
      for (std::int64_t p = 0; p < k; ++p) sum += std::pow(a.data<float>()[i * k + p], 2.0);
      EXPECT_NEAR(c.data<float>()[i * m + i] / sum, 1, 1e-5) << m << " rows";
    }
  }
}

TEST(Gemm, LongSumsAccumulateToo) {
  constexpr std::int64_t k = 40000, m = 3, n = 20;
  const Tensor a = random({m, k}, DType::f64, 3), b = random({k, n}, DType::f64, 4),
               c = Tensor::ones({m, n}, DType::f64), product = matmul(a, b, {m, n});
  cpu::gemm<double>(cpu::matrix<const double>(a.data<double>(), m, k),
                    cpu::matrix<const double>(b.data<double>(), k, n),
                    cpu::matrix(c.data<double>(), m, n), cpu::GemmStart::accumulate);
  for (std::int64_t i = 0; i < c.numel(); ++i)
    EXPECT_NEAR(c.data<double>()[i], product.data<double>()[i] + 1, 1e-11);
  expect_product(a, b, product, "NN");
}

TEST(Gemm, IntegersWrapAround) {
  const Tensor a = Tensor::from<std::int32_t>({1 << 30, 2, 3, 4}, {2, 2});
  EXPECT_EQ(matmul(a, a, {2, 2}).to_vector<std::int32_t>()[1],
            static_cast<std::int32_t>(0x80000008u));
  const Tensor x = Tensor::arange(6).reshape({2, 3}), y = x.transpose(0, 1);
  EXPECT_EQ(matmul(x, y, {2, 2}).to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{5, 14, 14, 50}));
}

TEST(Gemm, SameBitsForAnyThreadCount) {
  const int before = threads();
  for (auto [batch, m, n, k] : {std::tuple{1, 700, 900, 800},
                                {1, 256, 256, 256},
                                {50, 64, 48, 33},
                                {1, 1, 3000, 900},
                                {1, 24, 40, 40000}}) {
    const Tensor a = random({batch, m, k}, DType::f32, 1), b = random({batch, k, n}, DType::f32, 2);
    set_threads(1);
    const auto expected = matmul(a, b, {batch, m, n}).to_vector<float>();
    for (int t : {2, 3}) {
      set_threads(t);
      EXPECT_EQ(matmul(a, b, {batch, m, n}).to_vector<float>(), expected) << t;
    }
  }
  set_threads(before);
}

}  // namespace
}  // namespace sonde
