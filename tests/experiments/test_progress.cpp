// Progress on a terminal and elsewhere, with a clock of the test's own.
#include <gtest/gtest.h>

#include <sstream>

#include "experiments/common/progress.hpp"

namespace sonde::experiments {
namespace {

TEST(Progress, PlainLinesElsewhere) {
  std::ostringstream out;
  double now = 0;
  Progress p("train", 100, "steps", {.out = &out, .terminal = false, .clock = [&] { return now; }});
  for (int i = 0; i < 100; ++i) {
    now += 0.5;
    p.advance(1, i == 99 ? "loss 0.1" : "");
  }
  const std::string text = out.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'),
            5);  // every ten seconds of fifty, the last one the end
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_NE(text.find("train: 20/100 steps  2 steps/s  40 s left"), std::string::npos) << text;
  EXPECT_NE(text.find("train: 100/100 steps  2 steps/s  in 50 s  loss 0.1\n"), std::string::npos)
      << text;
}

TEST(Progress, OneLineOnATerminal) {
  std::ostringstream out;
  double now = 0;
  {
    Progress p("train", 4, "steps", {.out = &out, .terminal = true, .clock = [&] { return now; }});
    for (int i = 0; i < 4; ++i) now += 1, p.advance();
  }
  const std::string text = out.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\r'), 4);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_EQ(text.back(), '\n');
  EXPECT_NE(text.find("100%"), std::string::npos);
}

TEST(Progress, StepsOfAnEarlierProcessDoNotCountForTheRate) {
  std::ostringstream out;
  double now = 0;
  Progress p("train", 100, "steps", {.out = &out, .terminal = false, .clock = [&] { return now; }});
  p.start_at(50);
  now = 10;
  p.advance(10);
  EXPECT_NE(out.str().find("60/100 steps  1 steps/s  40 s left"), std::string::npos) << out.str();
}

TEST(Progress, MayEndBeforeItsLastStep) {
  std::ostringstream out;
  double now = 0;
  Progress p("train", 100, "steps", {.out = &out, .terminal = false, .clock = [&] { return now; }});
  now = 5;
  p.advance(40);
  p.finish("reached 0.95");
  EXPECT_EQ(out.str(), "train: 40/40 steps  8 steps/s  in 5 s  reached 0.95\n");
}

TEST(Progress, QuietIsSilent) {
  Progress p("x", 1, "steps", Progress::standard(true));
  testing::internal::CaptureStderr();
  p.advance();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Progress, Durations) {
  EXPECT_EQ(duration_text(47.2), "47 s");
  EXPECT_EQ(duration_text(200), "3 min 20 s");
  EXPECT_EQ(duration_text(7500), "2 h 05 min");
  EXPECT_EQ(duration_text(-1), "0 s");
}

}  // namespace
}  // namespace sonde::experiments
