// Functions of bit strings, the network that learns them, its training and what is measured of it.
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/boolean.hpp"
#include "autograd/ops.hpp"
#include "experiments/boolean/encoder.hpp"
#include "experiments/boolean/measurement.hpp"
#include "experiments/boolean/target.hpp"
#include "experiments/boolean/training.hpp"

namespace sonde::experiments {
namespace {

std::vector<double> labels_of(const Target& t, std::initializer_list<std::int64_t> bits) {
  const auto n = static_cast<std::int64_t>(bits.size());
  return t.labels(Tensor::from<std::int64_t>(std::vector(bits), {1, n})).to_vector<double>();
}

TEST(Targets, LabelsOfStrings) {
  EXPECT_EQ(labels_of(target("parity"), {1, 0, 1, 1})[0], 1);
  EXPECT_EQ(labels_of(target("parity"), {1, 0, 0, 1})[0], 0);
  EXPECT_EQ(labels_of(target("majority"), {1, 0, 1, 1})[0], 1);
  EXPECT_EQ(labels_of(target("majority"), {1, 0, 1, 0})[0], 0);  // a tie
  EXPECT_EQ(labels_of(target("majority"), {0, 1, 1})[0], 1);
  EXPECT_EQ(labels_of(target("first"), {1, 0, 0, 0})[0], 1);
  EXPECT_EQ(labels_of(target("mean"), {1, 0, 0, 0})[0], 0.25);
  EXPECT_EQ(labels_of(sparse_parity({0, 3}), {1, 1, 1, 1})[0], 0);
  EXPECT_EQ(labels_of(sparse_parity({0, 3}), {1, 1, 1, 0})[0], 1);
  const Target table =
      table_target("and", Tensor::from<std::int64_t>({0, 0, 0, 1, 0, 0, 0, 0}, {8}));
  EXPECT_EQ(labels_of(table, {0, 1, 1})[0], 1);  // the first bit is the most significant
  EXPECT_EQ(labels_of(table, {1, 1, 0})[0], 0);
  EXPECT_THROW(target("parit"), Error);
  EXPECT_THROW(labels_of(table, {1, 1}), Error);
}

// Counted string by string, against closed forms and the transform.
TEST(Targets, AverageSensitivitiesAreExact) {
  for (const std::int64_t n : {1, 2, 4, 7, 10}) {
    std::vector<Target> all{sparse_parity({0}),
                            random_target(n, {7, static_cast<std::uint64_t>(n)})};
    for (const std::string& name : target_names()) all.push_back(target(name));
    for (const Target& t : all) {
      const std::vector<double> f = t.labels(all_strings(n)).to_vector<double>();
      double sum = 0;
      for (std::size_t x = 0; x < f.size(); ++x)
        for (std::int64_t i = 0; i < n; ++i)
          sum += std::pow(f[x] - f[x ^ (std::size_t{1} << i)], 2);
      const double expected = sum / static_cast<double>(f.size());
      EXPECT_NEAR(t.average_sensitivity(n), expected, 1e-6 * expected) << t.name << " " << n;
    }
  }
  EXPECT_NEAR(target("majority").average_sensitivity(20), 3.5239, 5e-5);
  double mean = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    mean += random_target(10, {seed, 1}).average_sensitivity(10) / 20;
  EXPECT_NEAR(mean, 5, 0.1);
}

TEST(BitEncoder, HasTheAuthorsSizes) {
  const auto moving = [](std::int64_t width) {
    std::int64_t count = 0;
    for (const nn::NamedEntry& p :
         BitEncoder({1, 0}, {.length = 7, .width = width}).named_parameters())
      if (!p.path.starts_with("positional_encoding")) count += p.handle->value.numel();
    return count;
  };
  EXPECT_EQ(moving(4), 281);
  EXPECT_EQ(moving(32), 12'993);
  EXPECT_EQ(moving(128), 199'425);
}

TEST(BitEncoder, ReadsTheLastOfUpToItsLength) {
  const BitEncoder net({1, 0}, {.length = 6, .width = 8});
  EXPECT_EQ(net(all_strings(3)).shape(), (Dims{8}));
  EXPECT_THROW(net(all_strings(7)), Error);
  EXPECT_THROW(BitEncoder({1, 0}, {.width = 7}), Error);
}

}  // namespace
}  // namespace sonde::experiments
