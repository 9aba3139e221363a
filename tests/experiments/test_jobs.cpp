// Jobs side by side: results and log in the order of the jobs for any number of threads, resuming
// to the same bits wherever the run was stopped.
#include "experiments/common/jobs.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "autograd/ops.hpp"
#include "experiments/common/program.hpp"
#include "program_run.hpp"
#include "temp_folder.hpp"
#include "tensor/parallel.hpp"

namespace sonde::experiments {
namespace {

// Multiplies a matrix by itself, in place, job + 3 times.
class Powers final : public Job {
 public:
  Powers(std::int64_t job, std::function<void(std::int64_t, std::int64_t)> disturb)
      : job_(job), disturb_(std::move(disturb)), m_(Tensor::eye(40, DType::f64)) {
    m_.mutable_data<double>()[1] = 0.01 * static_cast<double>(job + 1);
  }
  bool advance() override {
    if (disturb_) disturb_(job_, step_);
    m_.copy_from(matmul(m_, m_).tensor());
    return ++step_ == job_ + 3;
  }
  Json result() const override { return {{"job", job_}, {"corner", m_.at({0, 1})}}; }
  void save(Checkpoint& c) const override {
    c.state["step"] = step_;
    c.tensors["m"] = m_;
  }
  void restore(const Checkpoint& c) override {
    step_ = integer_at<std::int64_t>(c.state, "step");
    m_.copy_from(c.tensor("m"));
  }

 private:
  const std::int64_t job_;
  const std::function<void(std::int64_t, std::int64_t)> disturb_;
  Tensor m_;
  std::int64_t step_ = 0;
};

struct Program {
  std::filesystem::path folder;
  std::function<void(std::int64_t, std::int64_t)> disturb{};
  std::atomic<int> steps = 0;
  std::vector<Json> first{}, second{};

  int run(std::vector<std::string> more) {
    std::vector<std::string> words{"--quiet", "--out", folder.string()};
    words.insert(words.end(), more.begin(), more.end());
    const int before = threads();
    const Ended ended = run_program_with(
        [&](int argc, const char* const* argv) {
          return run_program(
              {"powers", "", "", ""}, [](Cli&) {}, [&](Run& r) { body(r); }, argc, argv);
        },
        std::move(words));
    err = ended.err;
    set_threads(before);
    return ended.code;
  }
  std::string log() const { return read_bytes(folder / "log.jsonl"); }
  std::string err{};

 private:
  void body(Run& r) {
    Jobs jobs(r);
    const auto make = [&](std::int64_t i) {
      return std::make_unique<Powers>(i, [&](std::int64_t job, std::int64_t step) {
        ++steps;
        if (disturb) disturb(job, step);
      });
    };
    first = jobs.run("first", 6, make);
    second = jobs.run("second", 3, make);
  }
};

TEST(Jobs, ResultsAndLogAreInOrderForAnyNumberOfThreads) {
  TempFolder folder;
  Program alone{folder.path() / "alone"};
  ASSERT_EQ(alone.run({"--threads", "1"}), done) << alone.err;
  ASSERT_EQ(alone.first.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(alone.first[i]["job"], i);
    const double expected =  // (I + a E)^(2^k) = I + 2^k a E
        0.01 * static_cast<double>(i + 1) * std::pow(2, static_cast<double>(i + 3));
    EXPECT_NEAR(alone.first[i]["corner"].get<double>(), expected, 1e-12 * expected);
  }
  EXPECT_EQ(alone.second.size(), 3u);
  const std::string log = alone.log();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 9);
  for (const char* n : {"2", "3", "9"}) {
    // The first job takes longest: the others' lines wait for its.
    Program many{folder.path() / n, [](std::int64_t job, std::int64_t) {
                   if (job == 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
                 }};
    ASSERT_EQ(many.run({"--threads", n}), done) << many.err;
    EXPECT_EQ(many.first, alone.first);
    EXPECT_EQ(many.second, alone.second);
    EXPECT_EQ(many.log(), log);
  }
}

TEST(Jobs, AnInterruptedRunGoesOnFromEveryJobsState) {
  TempFolder folder;
  Program whole{folder.path() / "whole"};
  ASSERT_EQ(whole.run({}), done);
  const int all = whole.steps;
  for (const std::int64_t at : {0, 4, 20, 33, 40}) {
    SCOPED_TRACE(at);
    Program part{folder.path() / std::to_string(at)};
    std::atomic<bool> raised = false;
    part.disturb = [&](std::int64_t, std::int64_t) {
      if (part.steps > at && !raised.exchange(true)) std::raise(SIGTERM);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    };
    ASSERT_EQ(part.run({"--threads", "2"}), interrupted_run) << part.err;
    part.disturb = {};
    ASSERT_EQ(part.run({"--resume", "--threads", "3"}), done) << part.err;
    EXPECT_EQ(part.steps, all);  // nothing was done twice
    EXPECT_EQ(part.first, whole.first);
    EXPECT_EQ(part.second, whole.second);
    EXPECT_EQ(part.log(), whole.log());
  }
}

TEST(Jobs, TheFirstErrorEndsAll) {
  TempFolder folder;
  Program p{folder.path() / "run", [](std::int64_t job, std::int64_t step) {
              if (job == 2 && step == 1) fail(ErrorCode::numeric, "job", "it broke");
            }};
  EXPECT_EQ(p.run({"--threads", "2"}), failed_numerics);
  EXPECT_NE(p.err.find("it broke"), std::string::npos);
  p.disturb = {};
  EXPECT_EQ(p.run({"--resume"}), done);
  EXPECT_EQ(p.first.size(), 6u);
}

}  // namespace
}  // namespace sonde::experiments
