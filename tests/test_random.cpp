#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tensor/functors/normal_quantile.hpp"
#include "tensor/kernels/random.hpp"
#include "tensor/parallel.hpp"
#include "tensor/random.hpp"

#if __has_include(<Random123/philox.h>)
#include <Random123/philox.h>
#define SONDE_HAS_RANDOM123 1
#endif

namespace sonde {
namespace {

using kernels::RandomParams;

void expect_block(philox::Block got, philox::Block want) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(got.word[i], want.word[i]) << "word " << i;
}

TEST(Philox, KnownAnswersOfRandom123) {  // kat_vectors of Random123 1.14
  expect_block(philox::generate({{0, 0, 0, 0}}, 0, 0),
               {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
  expect_block(philox::generate({{~0u, ~0u, ~0u, ~0u}}, ~0u, ~0u),
               {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}});
  expect_block(
      philox::generate({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0),
      {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});
}

#ifdef SONDE_HAS_RANDOM123
TEST(Philox, EqualsRandom123) {
  r123::Philox4x32 reference;
  for (std::uint32_t i = 0; i < 10000; ++i) {
    const std::uint32_t a = i * 2654435761u, b = a ^ 0x5bd1e995u;
    const auto want = reference({{a, b, a + b, i}}, {{b * 3, a * 5}});
    expect_block(philox::generate({{a, b, a + b, i}}, b * 3, a * 5),
                 {{want[0], want[1], want[2], want[3]}});
  }
}
#endif

Tensor draw(Kernel<kernels::Random>& kernel, const Tensor& keys, const Dims& shape, DType dtype,
            RandomParams p = {}) {
  Tensor out = Tensor::empty(shape, dtype);
  kernel.find({}, dtype)(keys, p, out);
  return out;
}

Tensor one_key(std::uint64_t seed) {
  return random_key(seed).unsqueeze(0);
}

TEST(Random, VectorLoopsEqualThePlainFunctions) {
  const Tensor out = draw(kernels::random_uniform, one_key(7), {1, 1003}, DType::f64);
  for (std::int64_t i = 0; i < 1003; ++i)
    EXPECT_EQ(out.at({0, i}), philox::unit(philox::bits({7, 0}, static_cast<std::uint64_t>(i))));
}

TEST(Random, NormalIsBoxMullerOfTheBits) {
  const Tensor out = draw(kernels::random_normal, one_key(3), {1, 777}, DType::f64);
  for (std::uint64_t i = 0; i + 1 < 777; i += 2) {
    const double u = philox::unit(philox::bits({3, 0}, i)),
                 v = philox::unit(philox::bits({3, 0}, i + 1));
    const double radius = std::sqrt(-2 * std::log1p(-u));
    EXPECT_NEAR(out.at({0, static_cast<std::int64_t>(i)}), radius * std::cos(2 * M_PI * v),
                4e-15 + 1e-15 * radius);
    EXPECT_NEAR(out.at({0, static_cast<std::int64_t>(i) + 1}), radius * std::sin(2 * M_PI * v),
                4e-15 + 1e-15 * radius);
  }
}

TEST(Random, SameBitsForAnyThreadCountAndAnyLanes) {
  const int before = threads();
  const Tensor keys = Tensor::from<std::int64_t>({1, 2, 3, 4, -5, 6}, {3, 2});
  for (auto* kernel :
       {&kernels::random_uniform, &kernels::random_normal, &kernels::random_truncated_normal}) {
    const RandomParams p{0, 1, -2, 2};
    set_threads(1);
    const auto want = draw(*kernel, keys, {3, 33333}, DType::f32, p).to_vector<float>();
    for (int t : {2, 3, 7}) {
      set_threads(t);
      EXPECT_EQ(draw(*kernel, keys, {3, 33333}, DType::f32, p).to_vector<float>(), want)
          << kernel->op();
    }
    for (std::int64_t lane = 0; lane < 3; ++lane) {
      const auto alone = draw(*kernel, keys.slice(0, lane, lane + 1), {1, 33333}, DType::f32, p)
                             .to_vector<float>();
      EXPECT_TRUE(std::equal(alone.begin(), alone.end(), want.begin() + lane * 33333))
          << kernel->op();
    }
  }
  set_threads(before);
}

TEST(Random, AShorterDrawIsThePrefix) {
  const auto longer =
      draw(kernels::random_normal, one_key(9), {1, 4099}, DType::f64).to_vector<double>();
  for (std::int64_t n : {0, 1, 2, 15, 513, 4098}) {
    const auto shorter =
        draw(kernels::random_normal, one_key(9), {1, n}, DType::f64).to_vector<double>();
    EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), longer.begin())) << n;
  }
}

TEST(Random, FloatIsTheRoundedDouble) {
  const auto f = draw(kernels::random_normal, one_key(5), {1, 1000}, DType::f32).to_vector<float>();
  const auto d =
      draw(kernels::random_normal, one_key(5), {1, 1000}, DType::f64).to_vector<double>();
  for (std::size_t i = 0; i < f.size(); ++i) EXPECT_EQ(f[i], static_cast<float>(d[i]));
}

// Mean and variance of n draws within five standard errors of the truth.
void expect_moments(const std::vector<double>& x, double mean, double variance, double fourth) {
  const auto n = static_cast<double>(x.size());
  double m = 0, v = 0;
  for (double y : x) m += y / n;
  for (double y : x) v += (y - mean) * (y - mean) / n;
  EXPECT_NEAR(m, mean, 5 * std::sqrt(variance / n));
  EXPECT_NEAR(v, variance, 5 * std::sqrt((fourth - variance * variance) / n));
}

TEST(Random, Moments) {
  const Dims shape{1, 200000};
  auto sample = [&](Kernel<kernels::Random>& k, RandomParams p) {
    return draw(k, one_key(11), shape, DType::f64, p).to_vector<double>();
  };
  expect_moments(sample(kernels::random_uniform, {-1, 3}), 1, 16.0 / 12, 256.0 / 80);
  expect_moments(sample(kernels::random_normal, {2, 3}), 2, 9, 3 * 81);
  expect_moments(sample(kernels::random_bernoulli, {0.3}), 0.3, 0.21, 0.21 * (1 - 3 * 0.21));
  // Standard normal within [-1, 1]: variance 1 - 2 phi(1) / (2 Phi(1) - 1).
  const double mass = std::erf(1 / std::sqrt(2.0)),
               variance = 1 - 2 * std::exp(-0.5) / std::sqrt(2 * M_PI) / mass;
  expect_moments(sample(kernels::random_truncated_normal, {0, 1, -1, 1}), 0, variance, 0.2);
}

TEST(Random, BoundsHold) {
  const auto narrow =
      draw(kernels::random_uniform, one_key(1), {1, 100000}, DType::f32, {1, 1 + 0x1p-22})
          .to_vector<float>();
  EXPECT_LT(*std::max_element(narrow.begin(), narrow.end()), 1 + 0x1p-22f);
  EXPECT_GE(*std::min_element(narrow.begin(), narrow.end()), 1);
  const auto tail =
      draw(kernels::random_truncated_normal, one_key(1), {1, 10000}, DType::f64, {0, 1, 6, 7})
          .to_vector<double>();
  EXPECT_GE(*std::min_element(tail.begin(), tail.end()), 6);
  EXPECT_LE(*std::max_element(tail.begin(), tail.end()), 7);
  EXPECT_LT(std::accumulate(tail.begin(), tail.end(), 0.0) / 1e4,
            6.2);  // mass sits at the near end
}

TEST(Random, QuantileInvertsTheDistribution) {
  for (double z = -8; z <= 8; z += 0.01)
    EXPECT_NEAR(functors::normal_quantile(functors::normal_probability(z)), z, z < 5 ? 1e-9 : 2e-2)
        << z;
  EXPECT_NEAR(functors::normal_quantile(1e-300), -37.0471, 1e-4);
  EXPECT_TRUE(std::isinf(functors::normal_quantile(0)));
}

Tensor integers(std::uint64_t seed, std::int64_t low, std::int64_t high, std::int64_t n) {
  Tensor out = Tensor::empty({1, n}, DType::i64);
  kernels::random_integers.find({}, DType::i64)(one_key(seed), low, high, out);
  return out;
}

TEST(Random, IntegersAreEvenlySpread) {
  const auto v = integers(4, -2, 5, 70000).to_vector<std::int64_t>();
  std::vector<int> count(7, 0);
  for (auto x : v) ++count.at(static_cast<std::size_t>(x + 2));
  double chi2 = 0;
  for (int c : count) chi2 += (c - 10000.0) * (c - 10000.0) / 10000.0;
  EXPECT_LT(chi2, 27.9);  // 6 degrees of freedom, p = 1e-4
  const auto all = integers(4, INT64_MIN, INT64_MAX, 1000).to_vector<std::int64_t>();
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](auto x) { return x == INT64_MAX; }), 0);
}

TEST(Philox, RejectionDrawsAgain) {
  // A range just above 2^63 rejects almost half of the first draws; what is kept is uniform below
  // it.
  const std::uint64_t range = (std::uint64_t{1} << 63) + 1;
  double mean = 0;
  int rejected = 0;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    const std::uint64_t first = philox::bits({1, 2}, i), v = philox::below({1, 2}, i, first, range);
    ASSERT_LT(v, range);
    __extension__ using Wide = unsigned __int128;
    rejected += v != static_cast<std::uint64_t>((Wide{first} * range) >> 64);
    mean += static_cast<double>(v) / static_cast<double>(range) / 20000;
  }
  EXPECT_NEAR(rejected, 10000, 400);
  EXPECT_NEAR(mean, 0.5, 0.011);
}

TEST(Random, PermutationHoldsEveryIndexOnce) {
  for (std::int64_t n : {0, 1, 2, 1000}) {
    Tensor out = Tensor::empty({2, n}, DType::i64);
    kernels::random_permutation.find({}, DType::i64)(
        Tensor::from<std::int64_t>({1, 0, 2, 0}, {2, 2}), out);
    for (int lane = 0; lane < 2; ++lane) {
      auto v = out.select(0, lane).to_vector<std::int64_t>();
      if (n == 1000) EXPECT_FALSE(std::is_sorted(v.begin(), v.end()));
      std::sort(v.begin(), v.end());
      for (std::int64_t i = 0; i < n; ++i) EXPECT_EQ(v[static_cast<std::size_t>(i)], i);
    }
    if (n == 1000)
      EXPECT_NE(out.select(0, 0).to_vector<std::int64_t>(),
                out.select(0, 1).to_vector<std::int64_t>());
  }
}

TEST(Random, KeysSplitAndFold) {
  Tensor children = Tensor::empty({1, 4, 2}, DType::i64),
         folded = Tensor::empty({1, 2}, DType::i64);
  kernels::split_keys.find({}, DType::i64)(one_key(8), children);
  kernels::fold_keys.find({}, DType::i64)(one_key(8), Tensor::from<std::int64_t>({3}, {1}), folded);
  for (std::int64_t i = 0; i < 4; ++i)
    EXPECT_EQ(to_key(children.select(0, 0).select(0, i)),
              philox::child({8, 0}, static_cast<std::uint64_t>(i)));
  EXPECT_EQ(to_key(folded.select(0, 0)), philox::fold_in({8, 0}, 3));
  EXPECT_FALSE(philox::fold_in({8, 0}, 3) == philox::child({8, 0}, 3));
  EXPECT_THROW(to_key(Tensor::zeros({3}, DType::i64)), Error);
  EXPECT_THROW(to_key(Tensor::zeros({2})), Error);
}

}  // namespace
}  // namespace sonde
