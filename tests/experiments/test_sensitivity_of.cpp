// sensitivity_of against a loop over samples and positions. This program is the killed one too: it
// calls itself with "sensitivity_of" and that program's words.
#include <cmath>

#include "autograd/ops.hpp"
#include "experiments/common/csv.hpp"
#include "experiments/network/network.hpp"
#include "experiments/vision/trainer.hpp"
#include "program_run.hpp"
#include "tensor/io_npy.hpp"

namespace sonde::experiments {
namespace {

class SensitivityOf : public testing::Test {
 protected:
  void SetUp() override {
    save_npy(images / "x.npy", normal(random_key(1), {100, 8, 8}).tensor());
    save_npy(images / "y.npy", (remainder(Tensor::arange(100), 3)).tensor());
    write_small_table(table.path());
  }
  std::vector<std::string> words(const std::vector<std::string>& more = {}) const {
    return overridden(
        {"--model", "vit", "--width", "16", "--depth", "1", "--data", images.path().string(),
         "--samples", "12", "--sigma", "0.5,4", "--threads", "1"},
        more);
  }
  Ended run(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = words(more);
    all.insert(all.end(), {"--quiet", "--out", out.string()});
    return run_program_with(sensitivity_of, all);
  }
  // The rows of results.csv that begin with these fields, as their fourth field.
  std::vector<double> values(const std::string& noise, const std::string& sigma,
                             bool positions) const {
    const std::string text = read_bytes(out / "results.csv");
    CsvReader reader(text, "results");
    std::vector<std::string> row;
    std::vector<double> found;
    while (reader.next()) {
      row.push_back(reader.field());
      if (!reader.ends_row()) continue;
      if (row[0] == noise && row[1] == sigma && (row[2] != "all") == positions)
        found.push_back(std::stod(row[3]));
      row.clear();
    }
    return found;
  }
  double metric(const std::string& name) const {
    return summary_of(out).at("metrics").at(name).at("value").get<double>();
  }

  TempFolder images, table, folder;
  const std::filesystem::path out = folder.path() / "run";
};

TEST_F(SensitivityOf, IsThatOfTheDefinition) {
  const Ended ended = run();
  ASSERT_EQ(ended.code, 0) << ended.err;
  expect_all_pass(out);
  NetworkOptions o{
      .model = "vit", .size = {.width = 16, .depth = 1}, .data = images.path().string()};
  const Network n = load_network(o, {}, 1, 12);
  const Classifier classify = classifier(*n.module);
  const auto clean = predictions(classify(n.test.images));
  const auto noise = patch_noise(1, 8, 8, 4);
  std::vector<double> flips(4);
  for (std::int64_t i = 0; i < 12; ++i)
    for (std::int64_t t = 0; t < 4; ++t) {
      const Tensor one = n.test.images.slice(0, i, i + 1).clone();
      const Trial trial{i, t, 0};
      disturb(one, *noise, 4, {1, 20}, std::span(&trial, 1));
      flips[static_cast<std::size_t>(t)] +=
          predictions(classify(one))[0] != clean[static_cast<std::size_t>(i)];
    }
  const std::vector<double> found = values("patch", "4", true);
  ASSERT_EQ(found.size(), 4u);
  double mean = 0;
  for (std::size_t t = 0; t < 4; ++t) {
    EXPECT_DOUBLE_EQ(found[t], flips[t] / 12);
    mean += flips[t] / 48;
  }
  EXPECT_NEAR(metric("patch.4"), mean, 1e-15);
  EXPECT_GT(mean, 0);
  EXPECT_EQ(values("token", "4", true).size(), 4u);
  EXPECT_EQ(values("scattered", "4", false).size(), 1u);
}

TEST_F(SensitivityOf, TablesHaveColumnsAndBits) {
  ASSERT_EQ(run({"--model", "mlp", "--data", table.path().string(), "--split", "train", "--samples",
                 "30", "--precision", "f64"})
                .code,
            0);
  expect_all_pass(out);
  EXPECT_EQ(values("patch", "4", true).size(), 5u);
  EXPECT_EQ(values("whole", "4", false).size(), 1u);
  // Of zeros and ones alone, every one can be flipped.
  TempFolder bits;
  std::ofstream csv(bits / "data.csv");
  for (int i = 0; i < 40; ++i) csv << i % 2 << ',' << i / 2 % 2 << ',' << i / 4 % 2 << ",0\n";
  csv << "1,0,1,1\n";
  csv.close();
  ASSERT_EQ(run({"--model", "mlp", "--data", bits.path().string(), "--split", "train", "--samples",
                 "30", "--depth", "2"})
                .code,
            0);
  expect_all_pass(out);
  EXPECT_EQ(values("bits", "", true).size(), 3u);
  EXPECT_EQ(values("bits", "", false).size(), 1u);
}

TEST_F(SensitivityOf, ADryRunTellsTheCostAndLeavesNothing) {
  const Ended ended = run({"--dry-run"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  for (const char* part : {"patch noise", "96 runs", "scattered noise", "240 runs", "token noise",
                           "Disturbed are 12 test samples", "within"})
    EXPECT_NE(ended.out.find(part), std::string::npos) << part << "\n" << ended.out;
  EXPECT_EQ(folder.count(), 0u);
}

TEST_F(SensitivityOf, BadOptionsAreToldInALine) {
  const auto expect = [&](int code, const std::vector<std::string>& more,
                          const std::vector<std::string>& parts) {
    expect_told(run(more), code, parts);
  };
  expect(2, {"--noise", "loud"}, {"--noise"});
  expect(2, {"--noise", "bits"}, {"--noise", "two whole numbers"});
  expect(2, {"--patch", "3"}, {"--patch", "8 x 8"});
  expect(2, {"--model", "cnn", "--depth", "0", "--noise", "token"},
         {"--tap", "'cnn' offers no value at patch_embed.out"});
  expect(2, {"--tap", "head.out", "--noise", "token"}, {"--tap", "[1,3]"});
  expect(2, {"--samples", "90"}, {"90"});
  expect(3, {"--max-memory", "0.001"}, {"--max-memory"});
}

TEST_F(SensitivityOf, KilledAtEachCheckpointItResumesToTheSameBits) {
  expect_resumes(sensitivity_of, "sensitivity_of", words(), 6);
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "sensitivity_of")
    return sonde::experiments::sensitivity_of(argc - 1, argv + 1);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
