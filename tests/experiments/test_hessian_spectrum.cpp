// hessian_spectrum on a network small enough to have its whole Hessian beside it. This program is
// the killed one too: it calls itself with "hessian_spectrum" and that program's words.
#include <cmath>

#include "autograd/ops.hpp"
#include "experiments/common/checkpoint.hpp"
#include "experiments/common/csv.hpp"
#include "experiments/network/network.hpp"
#include "program_run.hpp"
#include "tensor/io_npy.hpp"
#include "tensor/io_npz.hpp"

namespace sonde::experiments {
namespace {

class HessianSpectrum : public testing::Test {
 protected:
  void SetUp() override { write_small_table(data.path()); }

  std::vector<std::string> words(const std::vector<std::string>& more = {}) const {
    return overridden({"--model",   "mlp",         "--width",    "4",        "--depth",
                       "1",         "--precision", "f64",        "--data",   data.path().string(),
                       "--samples", "24",          "--batch",    "10",       "--largest",
                       "4",         "--tolerance", "1e-9",       "--probes", "4",
                       "--steps",   "12",          "--products", "12",       "--threads",
                       "1"},
                      more);
  }
  Ended run(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = words(more);
    all.insert(all.end(), {"--quiet", "--out", out.string()});
    return run_program_with(hessian_spectrum, all);
  }
  // The eigenvalues, ascending, of the whole Hessian of the whole batch by another path.
  std::vector<double> whole() const {
    NetworkOptions o{.model = "mlp",
                     .size = {.width = 4, .depth = 1},
                     .data = data.path().string(),
                     .precision = "f64"};
    const Network n = load_network(o, {}, 24, 1);
    const Vars p = n.module->parameters();
    Vars pieces;
    for (const Var& v : p) pieces.push_back(reshape(v, {v.numel()}));
    const Function loss = [&](const Var& x) {
      Vars parts;
      std::int64_t begin = 0;
      for (const Var& v : p) {
        parts.push_back(reshape(slice(x, 0, begin, begin + v.numel()), v.shape()));
        begin += v.numel();
      }
      return cross_entropy(nn::functional_call(*n.module, parts, n.train.images), n.train.labels);
    };
    return eigh(hessian(loss, concat(pieces, 0))).values.tensor().to_vector<double>();
  }

  TempFolder data, folder;
  const std::filesystem::path out = folder.path() / "run";
};

TEST_F(HessianSpectrum, IsThatOfTheWholeMatrix) {
  const Ended ended = run();
  ASSERT_EQ(ended.code, 0) << ended.err;
  expect_all_pass(out);
  const std::vector<double> all = whole();
  const NamedTensors found = load_npz((out / "export/eigenvalues.npz").string());
  const auto values = found.at("eigenvalues").to_vector<double>();
  ASSERT_EQ(values.size(), 6u);  // four largest, two smallest
  const double norm = std::max(all.back(), -all.front());
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(values[i], all[all.size() - 1 - i], 1e-8 * norm);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(values[4 + i], all[i], 1e-8 * norm);
  double trace = 0;
  for (const double v : all) trace += v;
  const Json metrics = summary_of(out).at("metrics");
  EXPECT_NEAR(metrics.at("trace").at("value").get<double>(), trace,
              5 * metrics.at("trace").at("std_error").get<double>() + 1e-10);
  // Nodes, weights and the curve are exported.
  const NamedTensors density = load_npz((out / "export/density.npz").string());
  EXPECT_EQ(density.at("nodes").numel(), 4 * 12);
  EXPECT_NEAR(sum(Var(density.at("weights"))).item(), 4, 1e-10);
  const auto grid = density.at("grid").to_vector<double>(),
             curve = density.at("density").to_vector<double>();
  double mass = 0;
  for (std::size_t i = 1; i < grid.size(); ++i)
    mass += (grid[i] - grid[i - 1]) * (curve[i] + curve[i - 1]) / 2;
  EXPECT_NEAR(mass, 1, 2e-3);
}

TEST_F(HessianSpectrum, OneVectorForEachDimensionIsExact) {
  ASSERT_EQ(run({"--products", "200"}).code, 0);
  const std::vector<double> all = whole();
  double trace = 0, squares = 0;
  for (const double v : all) trace += v, squares += v * v;
  const Json metrics = summary_of(out).at("metrics");
  EXPECT_NEAR(metrics.at("trace").at("value").get<double>(), trace, 1e-12);
  EXPECT_NEAR(metrics.at("frobenius_norm").at("value").get<double>(), std::sqrt(squares), 1e-12);
}

TEST_F(HessianSpectrum, GaussNewtonAndFisherAreOneAndAPartIsAPart) {
  const auto largest = [&](const std::vector<std::string>& more) {
    const Ended ended = run(more);
    EXPECT_EQ(ended.code, 0) << ended.err;
    expect_all_pass(out);
    return summary_of(out).at("metrics").at("largest_eigenvalue").at("value").get<double>();
  };
  const double ggn = largest({"--matrix", "ggn"});
  EXPECT_FALSE(summary_of(out).at("metrics").contains("smallest_eigenvalue"));
  EXPECT_NEAR(largest({"--matrix", "fisher"}), ggn, 1e-8 * ggn);
  EXPECT_LT(largest({"--matrix", "ggn", "--params", "layers.1.*"}), ggn);
  EXPECT_GT(largest({"--loss", "mse"}), 0);
}

TEST_F(HessianSpectrum, BlocksAreMeasuredAlone) {
  ASSERT_EQ(run({"--by", "block", "--block-products", "50", "--vectors"}).code, 0);
  const Json all = summary_of(out).at("metrics");
  std::string csv = read_bytes(out / "results.csv");
  EXPECT_NE(csv.find("trace,layers.0,0,"), std::string::npos);
  CsvReader reader(csv, "results");
  std::vector<std::string> row;
  double traces = 0;
  while (reader.next()) {
    row.push_back(reader.field());
    if (!reader.ends_row()) continue;
    if (row[0] == "trace" && row[1] != "all") traces += std::stod(row[3]);
    row.clear();
  }
  double exact = 0;
  for (const double v : whole()) exact += v;
  EXPECT_NEAR(traces, exact, 1e-10);  // 50 vectors are as many as dimensions
  const NamedTensors found = load_npz((out / "export/eigenvalues.npz").string());
  EXPECT_EQ(found.at("eigenvectors.layers.0.weight").shape(), (Dims{6, 4, 5}));
}

TEST_F(HessianSpectrum, ADryRunTellsTheCostAndLeavesNothing) {
  const Ended ended = run({"--dry-run"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  for (const char* part : {"eigenvalues by Lanczos", "density by quadrature", "48 products",
                           "trace and norm", "24 products", "floating-point operations", "within"})
    EXPECT_NE(ended.out.find(part), std::string::npos) << part << "\n" << ended.out;
  EXPECT_FALSE(std::filesystem::exists(out));
  EXPECT_EQ(folder.count(), 0u);
}

TEST_F(HessianSpectrum, BadOptionsAreToldInALine) {
  const auto expect = [&](int code, const std::vector<std::string>& more,
                          const std::vector<std::string>& parts) {
    expect_told(run(more), code, parts);
  };
  expect(2, {"--model", "perceptron"}, {"--model"});
  expect(2, {"--seeds", "2"}, {"--seeds", "--seed"});
  expect(2, {"--by", "block", "--params", "layers.0.*"}, {"--by"});
  expect(2, {"--samples", "500"}, {"--samples", "500"});
  expect(3, {"--params", "conv*"}, {"conv*", "layers.0.weight"});
  expect(3, {"--data", (folder.path() / "nowhere").string()}, {"nowhere"});
  expect(3, {"--weights", (folder.path() / "none").string()}, {"none"});
  expect(3, {"--max-memory", "0.001", "--samples", "48", "--steps", "9000", "--width", "400"},
         {"--max-memory", "density", "MiB"});
}

TEST_F(HessianSpectrum, TrainModeIsRefusedWithItsCause) {
  TempFolder images;
  save_npy(images / "x.npy", normal(random_key(1), {20, 8, 8}).tensor());
  save_npy(images / "y.npy", Tensor::arange(20));
  const Ended ended = run_program_with(
      hessian_spectrum, {"--model", "resnet", "--mode", "train", "--batch", "4", "--samples", "8",
                         "--data", images.path().string(), "--out", out.string(), "--quiet"});
  EXPECT_EQ(ended.code, 4);
  EXPECT_NE(ended.err.find("batch norm is in training mode"), std::string::npos) << ended.err;
}

TEST_F(HessianSpectrum, ACheckpointOfSomethingElseIsRefused) {
  for (const Json& state : {Json{{"parts", {{"loss", "none"}}}}, Json{{"epoch", 3}}}) {
    ASSERT_EQ(run().code, 0);
    CheckpointFiles files(out);
    Checkpoint changed = files.read()->checkpoint;
    changed.state.erase("parts");
    changed.state.update(state);
    files.write(changed);
    const Ended ended = run({"--resume"});
    EXPECT_EQ(ended.code, 3) << ended.err;
    EXPECT_NE(ended.err.find("checkpoint"), std::string::npos) << ended.err;
  }
}

TEST_F(HessianSpectrum, KilledAtEachCheckpointItResumesToTheSameBits) {
  expect_resumes(hessian_spectrum, "hessian_spectrum", words({"--by", "block"}), 8);
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "hessian_spectrum")
    return sonde::experiments::hessian_spectrum(argc - 1, argv + 1);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
