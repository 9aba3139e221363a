// A run in its folder: the contract's files and exit codes, the lock, signals, resuming to the same
// bits.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "autograd/ops.hpp"
#include "experiments/common/program.hpp"
#include "temp_folder.hpp"
#include "tensor/parallel.hpp"

namespace sonde::experiments {
namespace {

namespace fs = std::filesystem;

// A toy experiment: adds up numbers, with a checkpoint at each one. `disturb` is called before step
// i.
class Toy {
 public:
  explicit Toy(fs::path folder) : folder_(std::move(folder)) {}

  int run(std::vector<std::string> more = {}, const std::function<void(int)>& disturb = {}) {
    std::vector<std::string> words{"toy", "--quiet", "--out", folder_.string()};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<const char*> argv;
    for (const auto& w : words) argv.push_back(w.c_str());
    const int before = threads();
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = run_program(
        {"toy", "Adds numbers.", "Nobody, 2024", "nothing"},
        [this](Cli& cli) {
          cli.integer("count", count_, {5, 10, 20}, {1, 100}, "numbers");
        },
        [&](Run& r) { body(r, disturb); }, static_cast<int>(argv.size()), argv.data());
    out = testing::internal::GetCapturedStdout();
    err = testing::internal::GetCapturedStderr();
    set_threads(before);
    return code;
  }
  std::string file(const char* name) const { return read_bytes(folder_ / name); }

  std::string out, err;

 private:
  void body(Run& r, const std::function<void(int)>& disturb) {
    Tensor sum = Tensor::zeros({100}, DType::f64);
    std::int64_t first = 0;
    if (const auto checkpoint = r.resumed()) {
      first = checkpoint->state.at("next").get<std::int64_t>();
      sum = checkpoint->tensor("sum");
    }
    for (std::int64_t i = first; i < count_; ++i) {
      if (disturb) disturb(static_cast<int>(i));
      auto state = [&] { return Checkpoint{{{"next", i}}, {{"sum", sum}}}; };
      r.stop_if_interrupted(state);
      sum.mutable_data<double>()[0] += 0.1 * static_cast<double>(i);
      r.log({{"step", i}, {"sum", sum.at({0})}});
      if (i % 3 == 2) r.save({{{"next", i + 1}}, {{"sum", sum}}});
    }
    r.results.table = {{"sum"}, {{std::to_string(sum.at({0}))}}};
    r.results.metrics = {{"sum", "Sum", Estimate::exact(sum.at({0}))}};
    r.results.claims = {
        check("finite", "The sum is finite", "sum < 1e9", Estimate::exact(sum.at({0})), true)};
    Figure f("sum", "Sum", {.label = "x"}, {.label = "y"});
    f.level("sum", sum.at({0}));
    r.results.figures = {{std::move(f), "The sum."}};
  }
  fs::path folder_;
  std::int64_t count_ = 0;
};

TEST(Run, WritesTheFilesOfTheContract) {
  TempFolder folder;
  Toy toy(folder.path() / "deep" / "run");
  ASSERT_EQ(toy.run({"--seed", "4", "--threads", "2"}), done) << toy.err;
  const Json summary = parse_json(toy.file("summary.json"), "summary");
  EXPECT_EQ(summary["experiment"], "toy");
  EXPECT_EQ(summary["seed"], 4);
  EXPECT_EQ(summary["threads"], 2);
  EXPECT_NEAR(summary["metrics"]["sum"]["value"].get<double>(), 4.5, 1e-12);
  EXPECT_EQ(summary["claims"][0]["verdict"], "pass");
  EXPECT_GT(summary["peak_bytes"], 0);
  EXPECT_FALSE(summary["blas_core"].get<std::string>().empty());
  const Json config = parse_json(toy.file("config.json"), "config");
  EXPECT_EQ(config["settings"]["count"], 10);
  EXPECT_TRUE(config["command"].get<std::string>().ends_with("--seed 4 --threads 2")) << config;
  const std::string log = toy.file("log.jsonl");
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 10);
  for (const char* name : {"results.csv", "report.html", "figures/sum.svg", "figures/sum.csv"})
    EXPECT_FALSE(toy.file(name).empty()) << name;
  EXPECT_NE(toy.out.find("Report: "), std::string::npos);
  EXPECT_NE(toy.out.find("pass"), std::string::npos);
  EXPECT_EQ(toy.err, "");
  EXPECT_EQ(toy.file(".lock"), "");
}

TEST(Run, ProfilesEveryOperationOnRequest) {
  TempFolder folder;
  Toy toy(folder.path() / "run");
  ASSERT_EQ(toy.run({"--profile"}, [](int) { neg(Tensor::ones({3})); }), done) << toy.err;
  EXPECT_NE(toy.file("profile.txt").find("neg                             10"), std::string::npos);
  const Json trace = parse_json(toy.file("profile.json"), "profile");
  EXPECT_EQ(trace["traceEvents"].size(), 10u);
  EXPECT_EQ(trace["traceEvents"][0]["args"]["in"], "f32[3]");
  ASSERT_EQ(toy.run(), done);  // a run without it leaves no old profile behind
  EXPECT_FALSE(fs::exists(folder.path() / "run" / "profile.txt"));
}

TEST(Run, ResumesToTheSameBitsWhereverItWasStopped) {
  TempFolder folder;
  Toy whole(folder.path() / "whole");
  ASSERT_EQ(whole.run(), done);
  for (int stop : {0, 2, 3, 8})
    for (bool signal : {true, false}) {
      SCOPED_TRACE(std::to_string(stop) + (signal ? " by signal" : " by an error"));
      Toy part(folder.path() / ("part" + std::to_string(2 * stop + signal)));
      auto disturb = [&](int i) {
        if (i != stop) return;
        if (signal)
          std::raise(SIGTERM);
        else
          throw std::runtime_error("power cut");
      };
      EXPECT_EQ(part.run({}, disturb), signal ? interrupted_run : defect);
      EXPECT_EQ(part.file("summary.json"), "");
      EXPECT_NE(part.err.find(signal ? "--resume" : "power cut"), std::string::npos);
      ASSERT_EQ(part.run({"--resume", "--threads", "1"}), done) << part.err;
      for (const char* name : {"results.csv", "log.jsonl", "figures/sum.svg"})
        EXPECT_EQ(part.file(name), whole.file(name)) << name;
    }
}

TEST(Run, ResumingAFinishedOrAnAbsentRun) {
  TempFolder folder;
  Toy toy(folder.path());
  ASSERT_EQ(toy.run({"--resume"}), done) << toy.err;  // nothing there: it starts
  const std::string log = toy.file("log.jsonl");
  ASSERT_EQ(toy.run({"--resume"}), done);
  EXPECT_EQ(toy.file("log.jsonl"), log);
  ASSERT_EQ(toy.run(), done);  // without --resume it starts over
  EXPECT_EQ(toy.file("log.jsonl"), log);
}

TEST(Run, RefusesToMixRuns) {
  TempFolder folder;
  Toy toy(folder.path());
  ASSERT_EQ(toy.run(), done);
  EXPECT_EQ(toy.run({"--resume", "--seed", "2"}), bad_usage);
  EXPECT_NE(toy.err.find("seed = 1, not 2"), std::string::npos) << toy.err;
  TempFolder other;
  std::ofstream(other.path() / "thesis.txt") << "precious";
  EXPECT_EQ(Toy(other.path()).run(), bad_usage);
  std::ofstream(folder.path() / "config.json") << "{\"experiment\": \"other\"}";
  EXPECT_EQ(toy.run(), bad_usage);
  EXPECT_EQ(read_bytes(other.path() / "thesis.txt"), "precious");
}

TEST(Run, TwoRunsNeverShareAFolder) {
  TempFolder folder;
  Toy first(folder.path()), second(folder.path());
  EXPECT_EQ(first.run({},
                      [&](int i) {
                        if (i != 5) return;
                        const std::string log = second.file("log.jsonl");
                        LockFile* none = nullptr;
                        EXPECT_THROW(none = new LockFile(folder.path() / ".lock"), Error);
                        EXPECT_EQ(none, nullptr);
                        EXPECT_EQ(second.file("log.jsonl"), log);
                      }),
            done);
  std::ofstream(folder.path() / ".lock") << "1\n";  // left by a killed process
  EXPECT_EQ(second.run(), done) << second.err;
}

TEST(LockFile, NamesTheHolder) {
  TempFolder folder;
  const LockFile held(folder.path() / ".lock");
  try {
    const LockFile second(folder.path() / ".lock");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::usage);
    EXPECT_NE(std::string(e.what()).find(std::to_string(getpid())), std::string::npos) << e.what();
  }
}

TEST(Run, ExitCodesFollowTheError) {
  TempFolder folder;
  Toy toy(folder.path());
  const std::pair<ErrorCode, int> expected[] = {{ErrorCode::usage, 2},   {ErrorCode::data, 3},
                                                {ErrorCode::file, 3},    {ErrorCode::format, 3},
                                                {ErrorCode::names, 3},   {ErrorCode::size, 3},
                                                {ErrorCode::memory, 3},  {ErrorCode::numeric, 4},
                                                {ErrorCode::anomaly, 4}, {ErrorCode::shape, 1}};
  for (const auto& [error, code] : expected)
    EXPECT_EQ(toy.run({}, [error = error](int) { fail(error, "op", "message"); }), code);
  EXPECT_EQ(toy.run({"--nonsense"}), 2);
  EXPECT_EQ(std::count(toy.err.begin(), toy.err.end(), '\n'), 1) << toy.err;
  EXPECT_EQ(toy.run({"--help"}), 0);
  EXPECT_EQ(toy.run({"--out", "/proc/nowhere"}), 2);  // --out given twice
  EXPECT_EQ(Toy("/proc/nowhere").run(), 3);
}

TEST(Run, EveryErrorHasItsExitCode) {  // as docs/errors.md says
  EXPECT_EQ(exit_code(ErrorCode::usage), bad_usage);
  for (const ErrorCode c : {ErrorCode::data, ErrorCode::file, ErrorCode::format, ErrorCode::names,
                            ErrorCode::memory, ErrorCode::size})
    EXPECT_EQ(exit_code(c), bad_data);
  for (const ErrorCode c : {ErrorCode::numeric, ErrorCode::anomaly})
    EXPECT_EQ(exit_code(c), failed_numerics);
  for (const ErrorCode c : {ErrorCode::shape, ErrorCode::dtype, ErrorCode::rule})
    EXPECT_EQ(exit_code(c), defect);
}

TEST(Run, ADamagedCheckpointIsPassedOverAndSaidSo) {
  TempFolder folder;
  Toy toy(folder.path());
  ASSERT_EQ(toy.run(), done);  // its checkpoints are 2, after six numbers, and 3, after nine
  const std::string log = toy.file("log.jsonl");
  write_bytes(folder / "checkpoint.3.safetensors", "torn");
  int first = -1;
  ASSERT_EQ(toy.run({"--resume"}, [&](int i) { first = first < 0 ? i : first; }), done) << toy.err;
  EXPECT_EQ(first, 6);
  EXPECT_NE(toy.err.find("checkpoint.3.safetensors"), std::string::npos) << toy.err;
  EXPECT_EQ(toy.file("log.jsonl"), log);
}

TEST(Run, WithoutAWholeCheckpointResumingIsATypedError) {
  TempFolder folder;
  Toy toy(folder.path());
  ASSERT_EQ(toy.run(), done);
  const std::string good = toy.file("checkpoint.3.json");
  for (const char* name : {"checkpoint.2.json", "checkpoint.3.json"})
    write_bytes(folder / name, "{");
  EXPECT_EQ(toy.run({"--resume"}), bad_data) << toy.err;
  write_bytes(folder / "checkpoint.3.json", good);
  write_bytes(folder / "log.jsonl", "short");  // less than the checkpoint was taken with
  EXPECT_EQ(toy.run({"--resume"}), bad_data);
}

TEST(Interrupt, FirstSignalIsRememberedTheSecondEnds) {
  EXPECT_EXIT(
      {
        InterruptGuard guard;
        std::raise(SIGINT);
        if (!interrupted()) std::_Exit(1);
        std::raise(SIGINT);
        std::_Exit(2);
      },
      testing::ExitedWithCode(130), "");
  {
    InterruptGuard guard;
    EXPECT_FALSE(interrupted());
  }
  EXPECT_EXIT(std::raise(SIGTERM), testing::KilledBySignal(SIGTERM),
              "");  // the former handler is back
}

}  // namespace
}  // namespace sonde::experiments
