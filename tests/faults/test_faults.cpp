// Every fault at every place: each system call on a file fails with each error that it can have,
// comes up short, or is the last before SIGKILL; each allocation is refused.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "promise_figure.hpp"
#include "sweep.hpp"
#include "tensor/allocator.hpp"
#include "tensor/parallel.hpp"

namespace sonde::faults {
namespace {

namespace fs = std::filesystem;

struct Errors {
  Call call;
  std::vector<int> errors;
};
const std::vector<Errors> failures{
    {Call::open, {EIO, ENOSPC, EMFILE, EROFS, EDQUOT}},
    {Call::read, {EIO}},
    {Call::write, {EIO, ENOSPC, EDQUOT}},
    {Call::sync, {EIO, ENOSPC, EDQUOT}},
    {Call::rename, {EIO, ENOSPC, EROFS, EDQUOT}},
    {Call::close, {EIO, ENOSPC, EDQUOT}},
    {Call::map, {EIO, ENOMEM}},
    {Call::unlink, {EIO, EROFS}},
    {Call::mkdir, {EIO, ENOSPC, EROFS, EDQUOT}},
    {Call::truncate, {EIO, EROFS}},
    {Call::stat, {EIO}},
    {Call::list, {EIO}},
};
// What a program is to get over: a signal came first, less was moved than asked for.
const std::vector<Fault> hindrances{
    {.call = Call::open, .error = EINTR},
    {.call = Call::read, .error = EINTR},
    {.call = Call::write, .error = EINTR},
    {.call = Call::sync, .error = EINTR},
    {.call = Call::close, .error = EINTR},
    {.call = Call::truncate, .error = EINTR},
    {.call = Call::read, .effect = Effect::shorten},
    {.call = Call::write, .effect = Effect::shorten},
};

std::ptrdiff_t open_descriptors() {
  return std::distance(fs::directory_iterator("/proc/self/fd"), {});
}

// Counts what was injected for the line at the end.
struct Count {
  int failed = 0, hindered = 0, killed = 0, signalled = 0, refused = 0;
} count;

std::string words(const Fault& f) {
  return fmt::format("call group {}, error {}, effect {}, number {}{}", static_cast<int>(f.call),
                     f.error, static_cast<int>(f.effect), f.nth, f.lasting ? " and on" : "");
}

class Faults : public testing::TestWithParam<Scenario> {
 protected:
  void SetUp() override {
    set_threads(1);
    ASSERT_EQ(sweep.undisturbed().code, 0) << sweep.undisturbed().text;
    descriptors = open_descriptors();
    bytes = current_bytes();
  }
  // True of every fault that leaves the process alive.
  void expect_intact() {
    EXPECT_EQ(open_descriptors(), descriptors);
    EXPECT_EQ(current_bytes(), bytes);
    EXPECT_EQ(sweep.damage(false), "");
  }
  // An error ends the program with status 3 and says all of `parts`.
  void expect_result_or_error(const Outcome& outcome, const std::vector<std::string>& parts) {
    if (outcome.code == 0) {
      EXPECT_EQ(outcome.result, sweep.undisturbed().result);
      return;
    }
    EXPECT_EQ(outcome.code, 3) << outcome.text;
    for (const std::string& part : parts)
      EXPECT_NE(outcome.text.find(part), std::string::npos) << outcome.text;
  }
  Sweep sweep{GetParam()};
  std::ptrdiff_t descriptors = 0;
  std::int64_t bytes = 0;
};

TEST_P(Faults, AFailedCallIsAnErrorWithPathAndCause) {
  for (const auto& [call, errors] : failures)
    for (const int error : errors)
      for (const bool lasting : {false, true})
        count.failed +=
            sweep.each({.call = call, .error = error, .lasting = lasting},
                       [&](const Fault& fault, const Outcome& outcome) {
                         SCOPED_TRACE(words(fault));
                         expect_intact();
                         expect_result_or_error(outcome, {sweep.folder(), std::strerror(error)});
                         EXPECT_EQ(sweep.trouble_afterwards(), "");
                       });
}

TEST_P(Faults, AnInterruptedOrShortCallIsGoneOnWith) {
  for (const Fault& hindrance : hindrances)
    count.hindered += sweep.each(hindrance, [&](const Fault& fault, const Outcome& outcome) {
      SCOPED_TRACE(words(fault));
      expect_intact();
      EXPECT_EQ(outcome.code, 0) << outcome.text;
      EXPECT_EQ(outcome.result, sweep.undisturbed().result);
    });
}

TEST_P(Faults, KilledAtAnyCallAllFilesAreWhole) {
  for (const Fault& kill : {Fault{.call = Call::any, .effect = Effect::kill},
                            Fault{.call = Call::write, .effect = Effect::tear}})
    count.killed += sweep.each_ended(kill, [&](const Fault& fault) {
      SCOPED_TRACE(words(fault));
      EXPECT_EQ(sweep.damage(true), "");
      EXPECT_EQ(sweep.trouble_afterwards(), "");
    });
}

// A first signal ends a run with status 130 after a checkpoint, or comes too late to matter. If
// another comes at each later call, the second ends it at once.
TEST_P(Faults, InterruptedAtAnyCallARunIsResumed) {
  if (!GetParam().look) GTEST_SKIP() << "not a run";
  for (const int signal : {SIGINT, SIGTERM}) {
    count.signalled += sweep.each({.effect = Effect::signal, .error = signal},
                                  [&](const Fault& fault, const Outcome& outcome) {
                                    SCOPED_TRACE(words(fault));
                                    expect_intact();
                                    if (outcome.code != 0) {
                                      EXPECT_EQ(outcome.code, 130) << outcome.text;
                                    }
                                    EXPECT_EQ(sweep.trouble_afterwards(), "");
                                  });
    count.signalled += sweep.each_ended(
        {.effect = Effect::signal, .error = signal, .lasting = true}, [&](const Fault& fault) {
          SCOPED_TRACE(words(fault));
          EXPECT_EQ(sweep.damage(true), "");
          EXPECT_EQ(sweep.trouble_afterwards(), "");
        });
  }
}

TEST_P(Faults, ARefusedAllocationIsAnErrorAndLeaksNothing) {
  if (GetParam().json()) GTEST_SKIP() << "JSON may end the program: see WithoutMemoryForJson";
  for (const bool lasting : {false, true})
    count.refused += sweep.each({.call = Call::allocate, .lasting = lasting},
                                [&](const Fault& fault, const Outcome& outcome) {
                                  SCOPED_TRACE(words(fault));
                                  expect_intact();
                                  expect_result_or_error(outcome, {"[S1050]"});
                                });
}

// JSON asks for memory where no exception may leave. A run has more allocations than anybody waits
// for; 101 shares no factor with what repeats in it.
TEST_P(Faults, WithoutMemoryForJsonTheProgramEndsWithStatus3) {
  if (!GetParam().json()) GTEST_SKIP() << "no JSON: see ARefusedAllocation";
  const int stride = GetParam().whole_run() ? 101 : 1;
  for (const bool lasting : {false, true})
    count.refused += sweep.each_ended(
        {.call = Call::allocate, .lasting = lasting},
        [&](const Fault& fault) {
          SCOPED_TRACE(words(fault));
          EXPECT_EQ(sweep.damage(true), "");
          EXPECT_EQ(sweep.trouble_afterwards(), "");
        },
        stride);
}

INSTANTIATE_TEST_SUITE_P(Everywhere, Faults, testing::ValuesIn(scenarios()),
                         [](const auto& of) { return of.param.name; });

// The figures at the end.
class Tally : public testing::Environment {
  void TearDown() override {
    const int all = count.failed + count.hindered + count.killed + count.signalled + count.refused;
    promise_figure(
        "{} faults injected: {} failed calls, {} interrupted or short ones, {} kills, {} signals, "
        "{} refused allocations",
        all, count.failed, count.hindered, count.killed, count.signalled, count.refused);
  }
};

}  // namespace
}  // namespace sonde::faults

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::AddGlobalTestEnvironment(new sonde::faults::Tally);
  return RUN_ALL_TESTS();
}
