// ntk_spectrum on a network small enough to have its Jacobian beside it. This program is the killed
// one too: it calls itself with "ntk_spectrum" and that program's words.
#include <cmath>

#include "autograd/ops.hpp"
#include "experiments/network/network.hpp"
#include "program_run.hpp"
#include "tensor/io_npz.hpp"

namespace sonde::experiments {
namespace {

class NtkSpectrum : public testing::Test {
 protected:
  void SetUp() override { write_small_table(data.path()); }

  std::vector<std::string> words(const std::vector<std::string>& more = {}) const {
    return overridden(
        {"--model", "mlp", "--width", "4", "--depth", "1", "--data", data.path().string(),
         "--samples", "20", "--test", "10", "--tile", "6", "--threads", "1"},
        more);
  }
  Ended run(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = words(more);
    all.insert(all.end(), {"--quiet", "--out", out.string()});
    return run_program_with(ntk_spectrum, all);
  }
  NamedTensors exported() const { return load_npz((out / "export/kernel.npz").string()); }
  double metric(const char* name) const {
    return summary_of(out).at("metrics").at(name).at("value").get<double>();
  }
  Network network() const {
    NetworkOptions o{.model = "mlp",
                     .size = {.width = 4, .depth = 1},
                     .data = data.path().string(),
                     .precision = "f64"};
    return load_network(o, {}, 20, 10);
  }
  // Derivatives [samples, outputs, parameters] by a loop over outputs and samples.
  static Tensor jacobian_of(const Network& n, const ImageSet& set) {
    const Vars p = n.module->parameters();
    Vars rows;
    for (std::int64_t i = 0; i < set.size(); ++i)
      for (std::int64_t a = 0; a < 3; ++a) {
        const Vars g = grad([&](const Vars& x) {
          return make_vars(
              select(select(nn::functional_call(*n.module, x, set.images.slice(0, i, i + 1)), 0, 0),
                     0, a));
        })(p);
        Vars flat;
        for (const Var& v : g) flat.push_back(reshape(v, {v.numel()}));
        rows.push_back(concat(flat, 0));
      }
    return stack(rows, 0).tensor();
  }

  TempFolder data, folder;
  const std::filesystem::path out = folder.path() / "run";
};

TEST_F(NtkSpectrum, IsTheProductOfTheJacobians) {
  const Ended ended = run({"--kernel", "full"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  expect_all_pass(out);
  const Network n = network();
  const Var j = jacobian_of(n, n.train), whole = matmul(j, j, {.b = true});
  const Tensor kernel = exported().at("kernel");
  EXPECT_LT(amax(abs(Var(kernel) - whole)).item(), 1e-12 * amax(abs(whole)).item());
  const auto values = exported().at("eigenvalues").to_vector<double>(),
             expected = eigh(whole).values.tensor().to_vector<double>();
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(values[i], expected[expected.size() - 1 - i], 1e-11 * expected.back());

  // The traced kernel is its trace over outputs.
  ASSERT_EQ(run().code, 0);
  expect_all_pass(out);
  const Tensor traced = exported().at("kernel");
  for (std::int64_t a = 0; a < 20; ++a)
    for (std::int64_t b = 0; b < 20; ++b) {
      double sum = 0;
      for (std::int64_t o = 0; o < 3; ++o) sum += kernel.at({3 * a + o, 3 * b + o});
      EXPECT_NEAR(traced.at({a, b}), sum, 1e-12 * std::abs(sum) + 1e-13);
    }
}

TEST_F(NtkSpectrum, RegressionIsThatOfTheFormula) {
  ASSERT_EQ(run({"--ridge", "0.01"}).code, 0);
  const Network n = network();
  const auto traced = [](const Tensor& j1, const Tensor& j2) {
    return matmul(j1.reshape({j1.size(0) / 3, 3 * j1.size(1)}),
                  j2.reshape({j2.size(0) / 3, 3 * j2.size(1)}), {.b = true});
  };
  const Tensor train = jacobian_of(n, n.train), test = jacobian_of(n, n.test);
  const Var k = traced(train, train);
  const double ridge = 0.01 * sum(diagonal(k)).item() / 20;
  const Var y = one_hot(n.train.labels, 3, DType::f64) - 1.0 / 3;
  const Var predicted =
      matmul(traced(test, train), solve(k + ridge * Var(Tensor::eye(20, DType::f64)), y));
  const auto classes = argmax(predicted, 1).tensor().to_vector<std::int64_t>(),
             labels = n.test.labels.to_vector<std::int64_t>();
  double right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) right += classes[i] == labels[i];
  EXPECT_EQ(metric("regression_accuracy"), right / 10);
  EXPECT_GT(right, 5);  // the columns tell the classes
}

// A kernel that stays on disk: the same eigenvalues, labels and predictions by products alone.
TEST_F(NtkSpectrum, TilesAloneTellTheSame) {
  for (const char* blocks : {"traced", "full"}) {
    ASSERT_EQ(run({"--kernel", blocks}).code, 0);
    const auto all = exported().at("eigenvalues").to_vector<double>();
    const double alignment = metric("label_alignment"), right = metric("regression_accuracy"),
                 power = metric("label_power");
    const Ended ended = run({"--kernel", blocks, "--dense", "4", "--largest", "5"});
    ASSERT_EQ(ended.code, 0) << ended.err;
    expect_all_pass(out);
    const auto largest = exported().at("eigenvalues").to_vector<double>();
    ASSERT_EQ(largest.size(), 5u);
    for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(largest[i], all[i], 1e-8 * all[0]);
    EXPECT_NEAR(metric("label_alignment"), alignment, 1e-12);
    EXPECT_NEAR(metric("label_power"), power, 1e-6);
    EXPECT_EQ(metric("regression_accuracy"), right);
    EXPECT_FALSE(exported().contains("kernel"));
  }
}

TEST_F(NtkSpectrum, EveryMethodFindsTheSame) {
  std::vector<double> found;
  for (const char* method : {"auto", "contract", "products", "structured"}) {
    ASSERT_EQ(run({"--method", method}).code, 0) << method;
    expect_all_pass(out);
    found.push_back(metric("largest_eigenvalue"));
    EXPECT_NEAR(found.back(), found.front(), 1e-11 * found.front()) << method;
  }
}

TEST_F(NtkSpectrum, SomeOutputsAndSomeParameters) {
  ASSERT_EQ(run({"--kernel", "full", "--outputs", "2,0"}).code, 0);
  EXPECT_EQ(exported().at("kernel").shape(), (Dims{40, 40}));
  EXPECT_FALSE(summary_of(out).at("metrics").contains("regression_accuracy"));
  const double all = metric("largest_eigenvalue");
  ASSERT_EQ(run({"--kernel", "full", "--outputs", "2,0", "--params", "layers.1.*"}).code, 0);
  EXPECT_LT(metric("largest_eigenvalue"), all);
}

TEST_F(NtkSpectrum, ADryRunTellsTheCostAndLeavesNothing) {
  const Ended ended = run({"--dry-run"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  for (const char* part : {"20 samples", "eigenvalues", "kernel regression", "10 test samples",
                           "tiles of 6", "on disk", "within"})
    EXPECT_NE(ended.out.find(part), std::string::npos) << part << "\n" << ended.out;
  EXPECT_EQ(folder.count(), 0u);
}

TEST_F(NtkSpectrum, BadOptionsAreToldInALine) {
  const auto expect = [&](int code, const std::vector<std::string>& more,
                          const std::vector<std::string>& parts) {
    expect_told(run(more), code, parts);
  };
  expect(2, {"--method", "guess"}, {"--method"});
  expect(2, {"--outputs", "3"}, {"--outputs", "3 outputs", "number 3"});
  expect(2, {"--outputs", "1,1"}, {"--outputs", "twice"});
  expect(2, {"--test", "13"}, {"--test", "13"});
  expect(2, {"--seeds", "3"}, {"--seeds"});
  expect(3, {"--params", "conv*"}, {"conv*", "layers.0.weight"});
  expect(3, {"--max-memory", "0.001", "--width", "2000"}, {"limit"});
}

TEST_F(NtkSpectrum, KilledAtEachCheckpointItResumesToTheSameBits) {
  expect_resumes(ntk_spectrum, "ntk_spectrum", words({"--tile", "4"}), 4);
}

TEST_F(NtkSpectrum, KilledWithAKernelOnDiskItResumesToTheSameBits) {
  expect_resumes(ntk_spectrum, "ntk_spectrum", words({"--dense", "4", "--largest", "5"}), 5);
}

TEST_F(NtkSpectrum, AnotherKernelStartsOver) {
  ASSERT_EQ(run().code, 0);
  const double first = metric("largest_eigenvalue");
  ASSERT_EQ(run({"--seed", "2"}).code, 0);
  EXPECT_NE(metric("largest_eigenvalue"), first);
  EXPECT_TRUE(std::filesystem::exists(out / "tiles" / "tile_0_0.npy"));
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "ntk_spectrum")
    return sonde::experiments::ntk_spectrum(argc - 1, argv + 1);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
