// The sensitivity study: resuming, interpolation, and verdicts in worlds where the truth is
// planted.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <functional>
#include <string>

#include "autograd/observe.hpp"
#include "experiments/common/folder.hpp"
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

// Runs a program with this body in a folder.
int program(const fs::path& folder, bool resume, const std::function<void(Run&)>& body) {
  std::vector<std::string> words{"study", "--quiet", "--out", folder.string()};
  if (resume) words.push_back("--resume");
  std::vector<const char*> argv;
  for (const auto& w : words) argv.push_back(w.c_str());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = run_program(
      {"study", "Measures.", "Somebody", "nothing"}, [](Cli&) {}, body,
      static_cast<int>(argv.size()), argv.data());
  testing::internal::GetCapturedStdout();
  const std::string err = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(code == done || code == interrupted_run) << err;
  return code;
}

// Runs the small study; a signal comes after so many kernels, if not zero.
int study(const fs::path& folder, bool resume, int signal_after = 0) {
  const StudyOptions o = small_study();
  const ImageSet train = striped_images(120, 4, 1), test = striped_images(40, 4, 2);
  return program(folder, resume, [&](Run& run) {
    SignalAfter observer(signal_after);
    const ObserverScope scope(observer);
    const Findings f = run_study(run, o, train, test);
    run.results.table = measurement_table(f.measurements, o.seed);
    run.results.metrics = sensitivity_metrics(f, o);
    run.results.figures = study_figures(f, o, train);
  });
}

TEST(Study, InterruptedAgainAndAgainItEndsWithTheSameBits) {
  TempFolder folder;
  ASSERT_EQ(study(folder.path() / "whole", false), done);
  const fs::path part = folder.path() / "part";
  int interruptions = 0;
  bool within_an_evaluation = false;
  for (int kernels = 40; study(part, interruptions > 0, kernels) == interrupted_run;
       kernels += 60) {
    ++interruptions;
    for (const std::string& name : names_in(part))
      if (name.starts_with("checkpoint") && name.ends_with(".json"))
        within_an_evaluation |= read_bytes(part / name).find("\"swept\"") != std::string::npos;
  }
  EXPECT_GT(interruptions, 3);
  EXPECT_TRUE(within_an_evaluation);
  for (const char* name : {"results.csv", "log.jsonl", "figures/sensitivity_curves.svg",
                           "figures/learning_curves.csv"})
    EXPECT_EQ(read_bytes(part / name), read_bytes(folder.path() / "whole" / name)) << name;
  EXPECT_NE(read_bytes(part / "results.csv").find("scattered"), std::string::npos);
}

Measurement planted(const char* model, std::int64_t repetition, double level, double spread,
                    const char* stage = "0.90", double sigma = 3) {
  Measurement m{model,   repetition, stage, {.step = 1, .train_accuracy = 0.9},
                "patch", "train",    sigma, {},
                {level}, 100};
  for (int i = 0; i < 50; ++i)
    m.by_input.push_back(level + spread * std::sin(i + 7.0 * static_cast<double>(repetition)));
  return m;
}

// With more images than a look has: the levels are met between two looks, and few looks are at all
// images.
TEST(Study, AllImagesAreEvaluatedWhereALevelIsNear) {
  TempFolder folder;
  StudyOptions o = small_study();
  o.eval_every = 2;
  o.lr = 1e-4;
  o.repetitions = 1;
  const ImageSet train = striped_images(1500, 4, 1), test = striped_images(40, 4, 2);
  Findings f;
  ASSERT_EQ(
      program(folder.path() / "run", false, [&](auto& run) { f = run_study(run, o, train, test); }),
      done);
  ASSERT_GT(f.curves.size(), 3u);
  const std::int64_t last = f.curves.back().moment.step;
  EXPECT_LT(static_cast<std::int64_t>(f.curves.size()), last / o.eval_every);
  for (std::size_t i = 1; i < f.curves.size(); ++i)
    EXPECT_LE(f.curves[i].moment.step - f.curves[i - 1].moment.step, 8 * o.eval_every);
  EXPECT_GE(f.curves.back().moment.train_accuracy, 0.9);
  for (const Measurement& m : f.measurements)
    if (m.stage != "init") EXPECT_NEAR(m.moment.train_accuracy, std::stod(m.stage), 1e-12);
}

// A world in which vit's sensitivity differs from mlp's by as much at each of the repetitions, give
// or take `scatter`.
std::vector<Measurement> world(double vit, double mlp, int repetitions, double scatter,
                               const char* stage = "0.90", double sigma = 3) {
  std::vector<Measurement> all;
  for (int r = 0; r < repetitions; ++r) {
    all.push_back(planted("vit", r, vit + scatter * std::cos(2.0 * r), 0.01, stage, sigma));
    all.push_back(planted("mlp", r, mlp, -0.01, stage, sigma));
  }
  return all;
}

StudyOptions two_models() {
  return {.models = {"vit", "mlp"},
          .accuracies = {0.8, 0.9},
          .sigmas = {0.5, 3},
          .criterion = {.others = {"mlp"}, .accuracies = {0.9}, .sigmas = {3}}};
}

const Claim& with_id(const std::vector<Claim>& claims, std::string_view id) {
  const auto found = std::ranges::find(claims, id, &Claim::id);
  EXPECT_NE(found, claims.end()) << id;
  return found == claims.end() ? claims.front() : *found;
}

Verdict verdict(const std::vector<Measurement>& all) {
  const auto claims = comparison_claims(all, two_models());
  EXPECT_EQ(claims.size(), 3u);  // whole, sigma 3, and the pair: 0.80 is not in the criterion
  const Verdict v = with_id(claims, "vit-below-mlp-at-0.90-sigma-3").verdict;
  EXPECT_EQ(with_id(claims, "vit-lowest").verdict, v);
  EXPECT_EQ(with_id(claims, "vit-lowest-sigma-3").verdict, v);
  return v;
}

TEST(Study, VerdictsFollowTheTruth) {
  EXPECT_EQ(verdict(world(0.02, 0.05, 3, 0.001)), Verdict::reproduced);
  EXPECT_EQ(verdict(world(0.05, 0.02, 3, 0.001)), Verdict::not_reproduced);
  EXPECT_EQ(verdict(world(0.05, 0.05, 3, 0.001)), Verdict::inconclusive);
  EXPECT_EQ(verdict(world(0.02, 0.05, 2, 0.001)), Verdict::inconclusive);  // too few repetitions
  EXPECT_EQ(verdict({planted("mlp", 0, 0.1, 0)}), Verdict::inconclusive);
}

// Three repetitions that scatter: the bootstrap takes the few it has for all there are.
TEST(Study, FewRepetitionsAreJudgedByStudentsT) {
  const std::vector<Measurement> all = world(0.02, 0.05, 3, 0.03);
  const auto both = paired_difference(all, "vit", "mlp", "0.90", 3, 1);
  ASSERT_TRUE(both);
  EXPECT_LT(both->bootstrap.ci95->high, 0);
  EXPECT_GT(both->student_t.ci95->high, 0);
  EXPECT_EQ(&both->decisive(), &both->student_t);
  EXPECT_EQ(verdict(all), Verdict::inconclusive);
  const auto many = paired_difference(world(0.02, 0.05, 30, 0.03), "vit", "mlp", "0.90", 3, 1);
  EXPECT_EQ(&many->decisive(), &many->bootstrap);
}

TEST(Study, ADemonstrationConcludesNothing) {
  StudyOptions o = two_models();
  o.demo = true;
  for (const Claim& c : comparison_claims(world(0.02, 0.05, 3, 0.001), o)) {
    EXPECT_EQ(c.verdict, Verdict::inconclusive) << c.id;
    EXPECT_NE(c.reason.find("--quick"), std::string::npos);
  }
}

TEST(Study, OneOfTwoSigmasIsPartial) {
  StudyOptions o = two_models();
  o.sigmas = o.criterion.sigmas = {1, 3};
  std::vector<Measurement> all = world(0.02, 0.05, 3, 0.001);
  std::ranges::move(world(0.05, 0.02, 3, 0.001, "0.90", 1), std::back_inserter(all));
  const auto claims = comparison_claims(all, o);
  EXPECT_EQ(with_id(claims, "vit-lowest-sigma-3").verdict, Verdict::reproduced);
  EXPECT_EQ(with_id(claims, "vit-lowest-sigma-1").verdict, Verdict::not_reproduced);
  EXPECT_EQ(with_id(claims, "vit-lowest").verdict, Verdict::not_reproduced);
  EXPECT_NE(with_id(claims, "vit-lowest").reason.find("partial: vit-lowest-sigma-3"),
            std::string::npos);
}

TEST(Study, WhatWasNotMeasuredIsNotConcluded) {
  StudyOptions o = two_models();
  o.criterion.others = {"mlp", "cnn"};
  const auto claims = comparison_claims(world(0.02, 0.05, 3, 0.001), o);
  EXPECT_EQ(with_id(claims, "vit-below-mlp-at-0.90-sigma-3").verdict, Verdict::reproduced);
  EXPECT_EQ(with_id(claims, "vit-lowest").verdict, Verdict::inconclusive);
  EXPECT_NE(with_id(claims, "vit-lowest").reason.find("cnn"), std::string::npos);
}

TEST(Study, UntrainedNetworksAreANegativeControl) {
  auto control = [](double vit, double mlp) {
    const auto claims = control_claims(world(vit, mlp, 3, 0.001, "init"), two_models());
    EXPECT_EQ(claims.size(), 1u);
    return claims.front().verdict;
  };
  EXPECT_EQ(control(0.05, 0.02), Verdict::reproduced);
  EXPECT_EQ(control(0.02, 0.05), Verdict::not_reproduced);  // the order was there before training
}

TEST(Study, BothIntervalsAreInTableAndSummary) {
  Findings f{world(0.02, 0.05, 3, 0.001), {}};
  const Table table = measurement_table(f.measurements, 1);
  ASSERT_EQ(table.rows.size(), 8u);  // three repetitions and their mean, of each
  const auto column = [&](std::string_view name) {
    return static_cast<std::size_t>(std::ranges::find(table.columns, name) - table.columns.begin());
  };
  const auto& last = table.rows.back();
  EXPECT_EQ(last[column("repetition")], "all");
  for (const char* name : {"bootstrap_low", "student_t_high", "binomial_error"})
    EXPECT_FALSE(last[column(name)].empty()) << name;
  std::vector<std::string> names;
  for (const Metric& m : sensitivity_metrics(f, two_models())) names.push_back(m.name);
  for (const char* name : {"sensitivity.vit.0.90.train.patch.sigma-3",
                           "sensitivity.vit.0.90.train.patch.sigma-3.bootstrap",
                           "difference.vit-mlp.0.90.train.patch.sigma-3",
                           "difference.vit-mlp.0.90.train.patch.sigma-3.bootstrap"})
    EXPECT_NE(std::ranges::find(names, name), names.end()) << name;
}

TEST(Study, InterpolatesToTheAccuracy) {
  Measurement before = planted("mlp", 0, 0.2, 0), after = planted("mlp", 0, 0.6, 0);
  before.moment = {.step = 10, .train_accuracy = 0.88, .test_accuracy = 0.80};
  after.moment = {.step = 20, .train_accuracy = 0.92, .test_accuracy = 0.84};
  const Measurement at = interpolated(before, after, 0.89);
  EXPECT_NEAR(at.value(), 0.3, 1e-12);
  EXPECT_NEAR(at.moment.test_accuracy, 0.81, 1e-12);
  EXPECT_EQ(at.moment.step, 20);
  EXPECT_EQ(interpolated(before, after, 0.88).value(), before.value());
  EXPECT_EQ(interpolated(before, after, 0.87).value(), before.value());  // never beyond
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
  StudyOptions o = small_study();
  o.batch = 5;  // the largest networks have millions of weights
  for (const std::string& name : image_model_names()) {
    o.models = {name};
    // DenseNet halves an image four times.
    const ImageSet data = striped_images(60, 4, 1, name == "densenet" ? 16 : 8);
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
