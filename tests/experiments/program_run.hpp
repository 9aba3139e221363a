/// @file
/// Programs run within the test, or killed in a process of their own, and small data for them.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "experiments/common/folder.hpp"
#include "experiments/common/json.hpp"
#include "experiments/common/run.hpp"
#include "experiments/network/programs.hpp"
#include "temp_folder.hpp"
#include "tensor/philox.hpp"

namespace sonde::experiments {

using Program = int (*)(int, const char* const*);

struct Ended {
  int code;
  std::string out, err;
};

template <class P>  // a Program, or what is called like one
Ended run_program_with(const P& program, std::vector<std::string> words) {
  words.insert(words.begin(), "program");
  std::vector<const char*> argv;
  for (const std::string& w : words) argv.push_back(w.c_str());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int code = program(static_cast<int>(argv.size()), argv.data());
  return {code, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
}

/// It ended with `code` and one line, which has all `parts`.
inline void expect_told(const Ended& ended, int code, const std::vector<std::string>& parts) {
  EXPECT_EQ(ended.code, code) << ended.err;
  EXPECT_EQ(std::ranges::count(ended.err, '\n'), 1) << ended.err;
  for (const std::string& part : parts)
    EXPECT_NE(ended.err.find(part), std::string::npos) << ended.err;
}

inline Json summary_of(const std::filesystem::path& folder) {
  return parse_json(read_bytes(folder / "summary.json"), "summary");
}

inline void expect_all_pass(const std::filesystem::path& folder) {
  const Json summary = summary_of(folder);
  EXPECT_FALSE(summary.at("claims").empty());
  for (const Json& claim : summary.at("claims")) EXPECT_EQ(claim.at("verdict"), "pass") << claim;
}

/// data.csv of 60 rows of three classes: `columns` numbers, of which the first ones tell the class.
inline void write_small_table(const std::filesystem::path& folder, int columns = 5) {
  std::ofstream out(folder / "data.csv");
  for (std::uint64_t i = 0; i < 60; ++i) {
    const std::uint64_t label = i % 3;
    for (int c = 0; c < columns; ++c)
      out << (static_cast<std::uint64_t>(c) == label ? 1.0 : 0.0) +
                 philox::unit(philox::bits({7, static_cast<std::uint64_t>(c)}, i)) - 0.5
          << ',';
    out << label << '\n';
  }
}

/// `words` with the options of `more` in the place of theirs: names that begin with --, with a
/// value or without.
inline std::vector<std::string> overridden(const std::vector<std::string>& words,
                                           const std::vector<std::string>& more) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < words.size(); i += 2)
    if (std::ranges::find(more, words[i]) == more.end())
      all.insert(all.end(), {words[i], words[i + 1]});
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// What a run leaves that may not depend on interruptions.
inline std::string findings_of(const std::filesystem::path& folder) {
  std::string all = read_bytes(folder / "results.csv") + read_bytes(folder / "log.jsonl");
  for (const std::string& name : names_in(folder / "figures"))
    all += name + "\n" + read_bytes(folder / "figures" / name);
  return all;
}

/// Runs this test program as `program` with `words` in a process of its own, and kills it when
/// `file` is there. Whether it was killed before its end.
inline bool killed_when_there(const std::string& program, const std::vector<std::string>& words,
                              const std::filesystem::path& file) {
  std::vector<const char*> argv{"test", program.c_str()};
  for (const std::string& w : words) argv.push_back(w.c_str());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const int nowhere = ::open("/dev/null", O_WRONLY);
    ::dup2(nowhere, STDOUT_FILENO);
    ::execv("/proc/self/exe", const_cast<char* const*>(argv.data()));
    ::_exit(127);
  }
  int status = 0;
  pid_t ended = 0;
  while (!std::filesystem::exists(file) && (ended = ::waitpid(child, &status, WNOHANG)) == 0)
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  if (ended != 0) return false;
  ::kill(child, SIGKILL);
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status);
}

/// main() of tests with expect_resumes(): the killed process calls itself with a program's name,
/// and saves whenever it can.
inline int programs_or_tests(int argc, char** argv,
                             const std::vector<std::pair<std::string, Program>>& programs) {
  for (const auto& [name, program] : programs)
    if (argc > 1 && argv[1] == name) {
      set_save_pause(0);
      return program(argc - 1, argv + 1);
    }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

/// Killed after each of its checkpoints and resumed, the program ends in the bits of a run that
/// nobody disturbed, and does not say again in its log what was finished.
inline void expect_resumes(Program program, const std::string& name,
                           const std::vector<std::string>& words, int checkpoints) {
  TempFolder folder;
  const auto in = [&](const std::string& out) {
    std::vector<std::string> all = words;
    all.insert(all.end(), {"--quiet", "--out", folder / out});
    return all;
  };
  ASSERT_EQ(run_program_with(program, in("whole")).code, 0);
  int kills = 0;
  for (int k = 1; k <= checkpoints; ++k) {
    const std::string out = "killed" + std::to_string(k);
    kills += killed_when_there(name, in(out),
                               folder / (out + "/checkpoint." + std::to_string(k) + ".json"));
    std::vector<std::string> again = in(out);
    again.emplace_back("--resume");
    const Ended ended = run_program_with(program, again);
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(findings_of(folder / out), findings_of(folder / "whole")) << k;
  }
  EXPECT_GE(kills, 1);
}

}  // namespace sonde::experiments
