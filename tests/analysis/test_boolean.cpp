// Exact anchors: Boolean functions whose sensitivity is known in closed form, and networks that do
// not look at their input.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "analysis/boolean.hpp"
#include "analysis/sensitivity.hpp"
#include "autograd/ops.hpp"
#include "nn/mlp.hpp"
#include "nn/models/vit.hpp"
#include "nn/state_dict.hpp"

namespace sonde {
namespace {

std::int64_t sign_of(std::uint32_t bits) {
  return std::popcount(bits) % 2 ? -1 : 1;
}
std::int64_t constant(std::uint32_t) {
  return 1;
}
std::int64_t parity(std::uint32_t x) {
  return sign_of(x);
}
CubeFunction dictator(int i) {
  return [=](std::uint32_t x) { return sign_of(x & 1u << i); };
}
CubeFunction sparse_parity(std::uint32_t set) {
  return [=](std::uint32_t x) { return sign_of(x & set); };
}
CubeFunction majority(int d) {
  return [=](std::uint32_t x) { return std::int64_t{2 * std::popcount(x) < d ? 1 : -1}; };
}
CubeFunction random_function(std::uint64_t seed) {
  return [=](std::uint32_t x) { return std::int64_t{philox::bits({seed, 5}, x) & 1 ? 1 : -1}; };
}

// d C(d-1, (d-1)/2) / 2^(d-1): each coordinate decides when the others are tied.
double majority_sensitivity(int d) {
  double value = d;
  for (int i = 1; i <= (d - 1) / 2; ++i) value *= double(d - i) / i / 4;
  return value;
}

// The value by counting flips, and by the Fourier identity, which does not use the cube's edges.
void expect_average(const CubeFunction& f, int d, double expected) {
  EXPECT_DOUBLE_EQ(average_sensitivity(f, d), expected) << "dimension " << d;
  EXPECT_DOUBLE_EQ(total_influence(fourier_coefficients(truth_table(f, d))), expected)
      << "dimension " << d;
}

TEST(Boolean, ParityIsAsSensitiveAsCanBe) {
  for (int d = 1; d <= max_cube_dimension; ++d) {
    expect_average(parity, d, d);
    EXPECT_EQ(max_sensitivity(parity, d), d);
  }
}

TEST(Boolean, ADictatorHasSensitivityOne) {
  for (int d : {1, 2, 7, 12})
    for (int i = 0; i < d; ++i) {
      expect_average(dictator(i), d, 1);
      EXPECT_EQ(max_sensitivity(dictator(i), d), 1);
    }
}

TEST(Boolean, ParityOfSomeCoordinatesHasTheirNumber) {
  for (int k = 0; k <= 10; ++k) {
    const std::uint32_t set = ((1u << k) - 1) << (10 - k);
    expect_average(sparse_parity(set), 10, k);
    EXPECT_EQ(max_sensitivity(sparse_parity(set), 10), k);
  }
  expect_average(sparse_parity(0b10000000010000000100), 20, 3);
}

TEST(Boolean, MajorityIsAsTheBinomialSays) {
  EXPECT_EQ(majority_sensitivity(3), 1.5);
  EXPECT_EQ(majority_sensitivity(5), 1.875);
  for (int d = 1; d <= 19; d += 2) {
    expect_average(majority(d), d, majority_sensitivity(d));
    EXPECT_EQ(max_sensitivity(majority(d), d), (d + 1) / 2);
  }
}

TEST(Boolean, AConstantHasNone) {
  expect_average(constant, 9, 0);
  EXPECT_EQ(max_sensitivity(constant, 9), 0);
}

TEST(Boolean, CountingAndFourierAgreeOnAnyFunction) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const int d = 1 + static_cast<int>(seed) % 14;
    const auto table = truth_table(random_function(seed), d);
    const auto c = fourier_coefficients(table);
    EXPECT_DOUBLE_EQ(average_sensitivity(table), total_influence(c));
    double energy = 0;  // Parseval: the mean of f^2
    for (double v : c) energy += v * v;
    EXPECT_DOUBLE_EQ(energy, 1);
  }
}

// Against the definition, one set at a time.
TEST(Boolean, FourierCoefficientsAreMeansAgainstMonomials) {
  const auto table = truth_table(random_function(3), 6);
  const auto c = fourier_coefficients(table);
  for (std::uint32_t u = 0; u < table.size(); ++u) {
    double sum = 0;
    for (std::uint32_t x = 0; x < table.size(); ++x)
      sum += static_cast<double>(table[x] * sign_of(u & x));
    EXPECT_EQ(c[u], sum / 64) << u;
  }
}

std::vector<double> coefficients(const CubeFunction& f, int d) {
  return fourier_coefficients(truth_table(f, d));
}

// The targets of Hahn and Rofin (arXiv:2402.09963) on 4, 7, 10 and 20 bits; a tie is no majority.
TEST(Boolean, TargetsHaveTheirExactSensitivities) {
  const struct {
    int d;
    double majority;
  } cases[] = {{4, 1.5}, {7, 2.1875}, {10, 2.4609375}, {20, 3.5239410400390625}};
  for (const auto& [d, expected] : cases) {
    expect_average(parity, d, d);
    expect_average(dictator(0), d, 1);
    expect_average([d](std::uint32_t x) { return std::int64_t{2 * std::popcount(x) > d ? 1 : -1}; },
                   d, expected);
    std::vector<double> share(std::size_t{1} << d);  // of bits that are set, as values -1 ... 1
    for (std::size_t x = 0; x < share.size(); ++x) share[x] = 2.0 * std::popcount(x) / d - 1;
    EXPECT_NEAR(total_influence(fourier_coefficients(std::span<const double>(share))), 1.0 / d,
                1e-12);
  }
}

TEST(Boolean, RandomFunctionsChangeAtHalfOfTheEdges) {
  double sum = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    sum += average_sensitivity(random_function(seed), 10) / 20;
  EXPECT_NEAR(sum, 5, 0.1);
}

TEST(Boolean, InfluencesSayWhichCoordinatesMatter) {
  EXPECT_EQ(influences(truth_table(parity, 4)), std::vector<double>(4, 1));
  EXPECT_EQ(influences(truth_table(dictator(2), 4)), (std::vector<double>{0, 0, 1, 0}));
  EXPECT_EQ(influences(truth_table(sparse_parity(0b1010), 4)), (std::vector<double>{0, 1, 0, 1}));
  EXPECT_EQ(influences(truth_table(majority(5), 5)), std::vector<double>(5, 0.375));
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const auto table = truth_table(random_function(seed), 9);
    double sum = 0;
    for (double v : influences(table)) sum += v;
    EXPECT_DOUBLE_EQ(sum, average_sensitivity(table));
  }
}

TEST(Boolean, DegreeProfileIsTheWeightByDegree) {
  EXPECT_EQ(degree_profile(coefficients(parity, 5)), (std::vector<double>{0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(degree_profile(coefficients(dictator(3), 5)), (std::vector<double>{0, 1, 0, 0, 0, 0}));
  EXPECT_EQ(degree_profile(coefficients(sparse_parity(7), 5)),
            (std::vector<double>{0, 0, 0, 1, 0, 0}));
  EXPECT_EQ(degree_profile(coefficients(majority(3), 3)), (std::vector<double>{0, 0.75, 0, 0.25}));
  const auto c = coefficients(random_function(2), 11);
  double weight = 0, influence = 0, k = 0;
  for (double w : degree_profile(c)) weight += w, influence += k++ * w;
  EXPECT_DOUBLE_EQ(weight, 1);
  EXPECT_DOUBLE_EQ(influence, total_influence(c));
}

// Against the definition: every coordinate of y is that of x with probability (1 + rho) / 2.
double stability_by_pairs(const std::vector<std::int64_t>& table, int d, double rho) {
  double sum = 0;
  for (std::uint32_t x = 0; x < table.size(); ++x)
    for (std::uint32_t y = 0; y < table.size(); ++y) {
      const int flips = std::popcount(x ^ y);
      sum += static_cast<double>(table[x] * table[y]) * std::pow((1 - rho) / 2, flips) *
             std::pow((1 + rho) / 2, d - flips);
    }
  return sum / static_cast<double>(table.size());
}

TEST(Boolean, NoiseStabilityIsTheCorrelationOfNoisyCopies) {
  for (double rho : {-1.0, -0.3, 0.0, 0.5, 0.9, 1.0}) {
    EXPECT_DOUBLE_EQ(noise_stability(coefficients(parity, 6), rho), std::pow(rho, 6));
    EXPECT_DOUBLE_EQ(noise_stability(coefficients(dictator(1), 6), rho), rho);
    EXPECT_NEAR(noise_stability(coefficients(majority(3), 3), rho),
                0.75 * rho + 0.25 * rho * rho * rho, 1e-15);
    for (const CubeFunction& f : {random_function(4), majority(7)})
      EXPECT_NEAR(noise_stability(coefficients(f, 7), rho),
                  stability_by_pairs(truth_table(f, 7), 7, rho), 1e-13);
  }
  // Sheppard's formula, the limit of majority: 2 / pi arcsin rho, approached like 1 / sqrt d.
  EXPECT_NEAR(noise_stability(coefficients(majority(19), 19), 0.5), 1.0 / 3, 0.02);
}

// Two layers that compute majority: logits (0, x_1 + ... + x_d).
TEST(Boolean, ANetworkIsMeasuredByItsPredictions) {
  constexpr int d = 9;
  nn::Mlp net({d, 1, 2}, {1, 2}, {.activation = [](const Var& x) { return tanh(x); }});
  nn::load_state_dict(net, {{"layers.0.weight", Tensor::ones({1, d})},
                            {"layers.0.bias", Tensor::zeros({1})},
                            {"layers.1.weight", Tensor::from<float>({0, 1}, {2, 1})},
                            {"layers.1.bias", Tensor::zeros({2})}});
  const auto classes = predictions(net(Var(cube_points(d))).tensor());
  EXPECT_EQ(average_sensitivity(classes), majority_sensitivity(d));
  EXPECT_EQ(max_sensitivity(classes), 5);
}

TEST(Boolean, BadInputIsATypedError) {
  auto code = [](auto&& call) {
    try {
      call();
    } catch (const Error& e) {
      return e.code();
    }
    return ErrorCode::usage;
  };
  for (int d : {-1, 0, 21, 64}) {
    EXPECT_EQ(code([&] { truth_table(parity, d); }), ErrorCode::value);
    EXPECT_EQ(code([&] { cube_points(d); }), ErrorCode::value);
  }
  for (std::size_t size : {0u, 1u, 3u, 1000u, 1u << 21}) {
    const std::vector<std::int64_t> table(size);
    const std::vector<double> c(size);
    EXPECT_EQ(code([&] { average_sensitivity(table); }), ErrorCode::shape);
    EXPECT_EQ(code([&] { max_sensitivity(table); }), ErrorCode::shape);
    EXPECT_EQ(code([&] { fourier_coefficients(table); }), ErrorCode::shape);
    EXPECT_EQ(code([&] { total_influence(c); }), ErrorCode::shape);
    EXPECT_EQ(code([&] { influences(table); }), ErrorCode::shape);
    EXPECT_EQ(code([&] { degree_profile(c); }), ErrorCode::shape);
    EXPECT_EQ(code([&] { noise_stability(c, 0.5); }), ErrorCode::shape);
  }
  for (double rho : {-1.1, 1.1, std::nan("")})
    EXPECT_EQ(code([&] { noise_stability(std::vector<double>{1, 0}, rho); }), ErrorCode::value);
}

// Flips of a network's prediction under noise on patches of random images.
std::int64_t flips(const nn::Module& net) {
  Tensor images = Tensor::empty({20, 1, 8, 8});
  float* to = images.mutable_data<float>();
  for (std::uint64_t i = 0; i < 20 * 64; ++i)
    *to++ = static_cast<float>(philox::bits({9, 9}, i) >> 40) / (1 << 23) - 1;
  const auto noise = patch_noise(1, 8, 8, 4);
  return sensitivity([&](const Tensor& x) { return net(Var(x)).tensor(); }, images, *noise,
                     {.sigma = 3, .draws = 5, .key = {4, 4}})
      .flips;
}

void clear(nn::Module& net, const std::string& parameter) {
  NamedTensors state = nn::state_dict(net);
  state[parameter] = Tensor::zeros(state.at(parameter).shape());
  nn::load_state_dict(net, state);
}

// Both networks flip while they look at the image, and never once their first weights are zero: of
// the ViT only the positions are left.
TEST(ImageIndependent, AnMlpWithoutFirstWeightsNeverFlips) {
  nn::Mlp net({64, 32, 10}, {1, 2}, {.activation = [](const Var& x) { return relu(x); }});
  EXPECT_GT(flips(net), 0);
  clear(net, "layers.0.weight");
  EXPECT_EQ(flips(net), 0);
}

TEST(ImageIndependent, AVitOfPositionsOnlyNeverFlips) {
  nn::Vit net({.channels = 1, .height = 8, .width = 8}, {1, 2},
              {.dim = 16, .depth = 1, .heads = 2});
  EXPECT_GT(flips(net), 0);
  clear(net, "patch_embed.proj.weight");
  EXPECT_EQ(flips(net), 0);
}

}  // namespace
}  // namespace sonde
