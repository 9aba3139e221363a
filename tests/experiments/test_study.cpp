// The sensitivity study: resuming, interpolation, and verdicts in worlds where the truth is
// planted.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <csignal>

#include "autograd/observe.hpp"
#include "experiments/common/program.hpp"
#include "experiments/vision/findings.hpp"
#include "experiments/vision/invariants.hpp"
#include "study_data.hpp"
#include "temp_folder.hpp"

namespace sonde::experiments {
namespace {

namespace fs = std::filesystem;

// Sends the process a SIGTERM when so many kernels have run, at the same place on every machine.
class SignalAfter : public Observer {
 public:
  explicit SignalAfter(int kernels) : left_(kernels) {}
  void on_kernel(const Primitive&, std::span<const Tensor>, const Vars&, std::source_location,
                 std::int64_t) override {
    if (left_.fetch_sub(1) == 1) std::raise(SIGTERM);
  }

 private:
  std::atomic<int> left_;
};

// Runs the small study in a folder; a signal comes after so many kernels, if not zero.
int study(const fs::path& folder, bool resume, int signal_after = 0) {
  std::vector<std::string> words{"study", "--quiet", "--out", folder.string()};
  if (resume) words.push_back("--resume");
  std::vector<const char*> argv;
  for (const auto& w : words) argv.push_back(w.c_str());
  const StudyOptions o = small_study();
  const ImageSet train = striped_images(120, 4, 1), test = striped_images(40, 4, 2);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = run_program(
      {"study", "Measures.", "Somebody", "nothing"}, [](Cli&) {},
      [&](Run& run) {
        SignalAfter observer(signal_after);
        const ObserverScope scope(observer);
        const Findings f = run_study(run, o, train, test);
        run.results.table = measurement_table(f.measurements, o.seed);
        run.results.metrics = sensitivity_metrics(f, o);
        run.results.figures = study_figures(f, o, 8);
      },
      static_cast<int>(argv.size()), argv.data());
  testing::internal::GetCapturedStdout();
  const std::string err = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(code == done || code == interrupted_run) << err;
  return code;
}

TEST(Study, InterruptedAgainAndAgainItEndsWithTheSameBits) {
  TempFolder folder;
  ASSERT_EQ(study(folder.path() / "whole", false), done);
  const fs::path part = folder.path() / "part";
  int interruptions = 0;
  for (int kernels = 40; study(part, interruptions > 0, kernels) == interrupted_run; kernels += 60)
    ++interruptions;
  EXPECT_GT(interruptions, 3);
  for (const char* name :
       {"results.csv", "log.jsonl", "figures/sensitivity_mlp.svg", "figures/learning_curves.csv"})
    EXPECT_EQ(read_bytes(part / name), read_bytes(folder.path() / "whole" / name)) << name;
  EXPECT_NE(read_bytes(part / "results.csv").find("scattered"), std::string::npos);
}

Measurement planted(const char* model, std::int64_t repetition, double level, double spread) {
  Measurement m{model, repetition, "0.90", {.step = 1, .train_accuracy = 0.9}, "patch", "train", 3,
                {},    {level},    100};
  for (int i = 0; i < 50; ++i)
    m.by_input.push_back(level + spread * std::sin(i + 7.0 * static_cast<double>(repetition)));
  return m;
}

std::vector<Measurement> world(double vit, double mlp, int repetitions, double spread) {
  std::vector<Measurement> all;
  for (int r = 0; r < repetitions; ++r) {
    all.push_back(planted("vit", r, vit, spread));
    all.push_back(planted("mlp", r, mlp, -spread));
  }
  return all;
}

Verdict verdict(const std::vector<Measurement>& all) {
  const StudyOptions o{.models = {"vit", "mlp"}, .accuracies = {0.8, 0.9}, .sigmas = {3}};
  const auto claims = comparison_claims(all, o);
  EXPECT_EQ(claims.size(), 1u);  // 0.80 is below the accuracies the claim speaks of
  return claims[0].verdict;
}

TEST(Study, VerdictsFollowTheTruth) {
  EXPECT_EQ(verdict(world(0.02, 0.05, 3, 0.01)), Verdict::reproduced);
  EXPECT_EQ(verdict(world(0.05, 0.02, 3, 0.01)), Verdict::not_reproduced);
  EXPECT_EQ(verdict(world(0.05, 0.05, 3, 0.05)), Verdict::inconclusive);
  EXPECT_EQ(verdict(world(0.02, 0.05, 2, 0.01)), Verdict::inconclusive);  // too few repetitions
  EXPECT_EQ(verdict({planted("mlp", 0, 0.1, 0)}), Verdict::inconclusive);
}

TEST(Study, OneModelHasNothingToCompare) {
  const StudyOptions o{.models = {"mlp"}, .accuracies = {0.9}, .sigmas = {3}};
  const auto claims = comparison_claims(world(0.1, 0.1, 3, 0), o);
  ASSERT_EQ(claims.size(), 1u);
  EXPECT_EQ(claims[0].verdict, Verdict::inconclusive);
  EXPECT_NE(claims[0].reason.find("mlp"), std::string::npos);
}

TEST(Study, InterpolatesToTheAccuracy) {
  Measurement before = planted("mlp", 0, 0.2, 0), after = planted("mlp", 0, 0.6, 0);
  before.moment = {.step = 10, .train_accuracy = 0.88, .test_accuracy = 0.80};
  after.moment = {.step = 20, .train_accuracy = 0.92, .test_accuracy = 0.84};
  const Measurement at = interpolated(before, after, 0.89);
  EXPECT_NEAR(at.value(), 0.3, 1e-12);
  EXPECT_NEAR(at.moment.test_accuracy, 0.81, 1e-12);
  EXPECT_EQ(at.moment.step, 20);
  before.moment.train_accuracy =
      0.95;  // the accuracy fell between the evaluations: nothing to interpolate
  EXPECT_EQ(interpolated(before, after, 0.89).value(), after.value());
}

TEST(Study, MeasurementsRoundTripThroughJson) {
  Measurement m = planted("mlp", 2, 1.0 / 3, 0.1);
  const Measurement back = measurement_from_json(parse_json(to_json(m).dump(), "test"));
  EXPECT_EQ(back.by_input, m.by_input);
  EXPECT_EQ(back.moment.train_accuracy, m.moment.train_accuracy);
  EXPECT_EQ(back.stage, m.stage);
  EXPECT_THROW(measurement_from_json(Json::object()), Error);
}

TEST(Study, InvariantsHoldForEveryModel) {
  const ImageSet data = striped_images(60, 4, 1);
  StudyOptions o = small_study();
  for (const std::string& name : image_model_names()) {
    o.models = {name};
    for (const Claim& c : invariants(o, data))
      EXPECT_EQ(c.verdict, Verdict::pass) << name << ' ' << c.id;
  }
}

TEST(Study, ImpossibleSettingsAreBadUsage) {
  const ImageSet data = striped_images(60, 4, 1);
  check_possible(small_study(), data);
  auto refused = [&](auto change) {
    StudyOptions o = small_study();
    change(o);
    try {
      check_possible(o, data);
      ADD_FAILURE() << "was accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::usage);
    }
  };
  refused([](StudyOptions& o) { o.patch = 3; });
  refused([](StudyOptions& o) { o.batch = 61; });
  refused([](StudyOptions& o) { o.sigmas = {}; });
  refused([](StudyOptions& o) { o.accuracies = {0.9, 0.901}; });
}

}  // namespace
}  // namespace sonde::experiments
