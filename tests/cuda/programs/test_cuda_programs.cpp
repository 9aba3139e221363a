// Whole programs with --device cuda find what they find on the CPU. On a machine without a card the
// backend that they load is the simulated device's.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "experiments/common/csv.hpp"
#include "experiments/common/folder.hpp"
#include "experiments/common/json.hpp"
#include "tensor/backend.hpp"
#include "tests/temp_folder.hpp"

namespace sonde::experiments {
namespace {

bool on_a_card() {
  return std::getenv("SONDE_TEST_GPU") != nullptr;
}

class CudaPrograms : public testing::Test {
 protected:
  void SetUp() override {
    if (on_a_card() && device_count(DeviceType::cuda) == 0) GTEST_SKIP() << "no card";
  }

  // Runs the program on both devices.
  void run(const std::string& program, const std::string& words) {
    const std::string command = std::string(SONDE_PROGRAMS) + "/" + program + " " + words +
                                " --quiet --threads 1 > /dev/null --out " + folder_.path().string();
    ASSERT_EQ(std::system((command + "/cpu").c_str()), 0) << command;
    const std::string where =
        on_a_card() ? "" : "LD_LIBRARY_PATH=" + std::string(SONDE_STAND_IN) + " ";
    ASSERT_EQ(std::system((where + command + "/cuda --device cuda").c_str()), 0) << command;
    expect_same_verdicts();
    expect_device_named();
  }

  // The numbers of results.csv, row by row; the first row has the names.
  std::vector<std::vector<double>> numbers(const std::string& device) const {
    const std::string text = read_bytes(folder_.path() / device / "results.csv");
    CsvReader reader(text, "results.csv");
    std::vector<std::vector<double>> rows;
    while (reader.next()) {
      if (reader.column() == 1) rows.emplace_back();
      char* end = nullptr;
      const double v = std::strtod(reader.field().c_str(), &end);
      if (end != reader.field().c_str() && *end == '\0') rows.back().push_back(v);
    }
    EXPECT_GT(rows.size(), 1u);
    return rows;
  }

  // Each number within `tolerance` times the largest of the last `among` in its row; times 1 if
  // `among` is 0.
  void expect_close(double tolerance, std::size_t among) const {
    const auto here = numbers("cpu"), there = numbers("cuda");
    ASSERT_EQ(here.size(), there.size());
    for (std::size_t r = 1; r < here.size(); ++r) {
      ASSERT_EQ(here[r].size(), there[r].size());
      ASSERT_GE(here[r].size(), among);
      double scale = among == 0 ? 1 : 0;
      for (std::size_t i = here[r].size() - among; i < here[r].size(); ++i)
        scale = std::max(scale, std::abs(here[r][i]));
      for (std::size_t i = 0; i < here[r].size(); ++i)
        EXPECT_LE(std::abs(here[r][i] - there[r][i]), tolerance * scale)
            << "row " << r << ", number " << i;
    }
  }

 private:
  Json summary(const std::string& device) const {
    return parse_json(read_bytes(folder_.path() / device / "summary.json"), "summary");
  }
  void expect_same_verdicts() const {
    const Json here = summary("cpu"), there = summary("cuda");
    ASSERT_EQ(here.at("claims").size(), there.at("claims").size());
    EXPECT_FALSE(here.at("claims").empty());
    for (std::size_t i = 0; i < here.at("claims").size(); ++i)
      EXPECT_EQ(here.at("claims")[i].at("verdict"), there.at("claims")[i].at("verdict"))
          << here.at("claims")[i].at("id");
  }
  void expect_device_named() const {
    EXPECT_EQ(summary("cpu").at("device"), "cpu");
    EXPECT_EQ(summary("cuda").at("device"), "cuda:0");
    EXPECT_NE(summary("cuda").at("device_name"), summary("cpu").at("device_name"));
  }

  sonde::TempFolder folder_;
};

// A training, and decisions on its test images: shares of some images, that rounding may move.
TEST_F(CudaPrograms, SensitivityVision) {
  run("sensitivity_vision",
      "--quick --models mlp --train 200 --test 50 --images 4 --epochs 1 --batch 20 --eval-every 5 "
      "--accuracy 0.2 --seeds 1 --scattered 1 --sigma 3");
  expect_close(0.05, 0);
}

// Norms of blocks in f64; beside a row's largest, as some are zero but for rounding.
TEST_F(CudaPrograms, HessianGrowth) {
  run("hessian_growth", "--quick --studies exact");
  expect_close(1e-6, 3);
}

}  // namespace
}  // namespace sonde::experiments
