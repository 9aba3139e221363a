// sensitivity_vision itself in a hostile world: other runs in its folder, signals, SIGKILL, full
// and read-only disks, standard streams that are closed, full or broken, no environment.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

#include "experiments/common/folder.hpp"
#include "experiments/common/json.hpp"
#include "process.hpp"
#include "shim.hpp"
#include "temp_folder.hpp"
#include "tensor/file.hpp"
#include "tiny_data.hpp"

namespace sonde::faults {
namespace {

namespace fs = std::filesystem;

class Program : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    data = new TempFolder;
    write_tiny_mnist(data->path());
    TempFolder folder;
    ASSERT_EQ(run(vision(folder.path())), 0);
    undisturbed = outputs(folder.path());
  }
  static void TearDownTestSuite() {
    delete data;
    undisturbed.clear();
  }

  static Command vision(const fs::path& out, const std::vector<std::string>& more = {},
                        const std::string& epochs = "6") {
    std::vector<std::string> words{SONDE_VISION, "--data-dir", data->path().string(), "--out",
                                   out.string()};
    for (const char* word :
         {"--data",       "mnist", "--models",   "mlp", "--train", "60", "--test",  "20",
          "--images",     "4",     "--draws",    "1",   "--patch", "4",  "--batch", "20",
          "--eval-every", "2",     "--accuracy", "0.5", "--sigma", "3",  "--seeds", "2",
          "--threads",    "1",     "--quiet"})
      words.emplace_back(word);
    words.insert(words.end(), {"--epochs", epochs});
    words.insert(words.end(), more.begin(), more.end());
    return {std::move(words)};
  }

  // The same, with the shim in it, which strikes below the run's folder.
  static Command struck(const fs::path& out, const Fault& fault,
                        const std::vector<std::string>& more = {}) {
    Command command = vision(out, more);
    command.environment = {
        "LD_PRELOAD=" SONDE_SHIM, "ASAN_OPTIONS=verify_asan_link_order=0",
        fmt::format("SONDE_FAULT={} {} {} {} {} {}", static_cast<int>(fault.call),
                    static_cast<int>(fault.effect), fault.error, fault.nth,
                    static_cast<int>(fault.lasting), fs::canonical(out.parent_path()).string())};
    return command;
  }

  // All that a run finds, and the names of what it leaves.
  static std::string outputs(const fs::path& folder) {
    std::string out;
    for (const auto& place : {folder, folder / "figures"})
      for (const std::string& name : experiments::names_in(place)) {
        if (name.starts_with("checkpoint.")) continue;
        out += name + "\n";
        if (name.ends_with(".csv") || name.ends_with(".svg") || name == "log.jsonl")
          out += read_bytes(place / name);
      }
    return out;
  }
  static void expect_resumes(const fs::path& folder) {
    EXPECT_EQ(run(vision(folder, {"--resume"})), 0);
    EXPECT_EQ(outputs(folder), undisturbed);
  }
  // JSON can be read, and pages have an end.
  static void expect_whole(const fs::path& folder) {
    if (!fs::exists(folder)) return;
    for (const std::string& name : experiments::names_in(folder)) {
      const std::string bytes = fs::is_directory(folder / name) ? "" : read_bytes(folder / name);
      if (name.ends_with(".json")) {
        EXPECT_TRUE(experiments::Json::accept(bytes)) << name;
      }
      if (name.ends_with(".html")) {
        EXPECT_TRUE(bytes.ends_with("</html>\n")) << name;
      }
    }
  }
  template <class Condition>
  static void wait_until(Condition holds) {
    for (int i = 0; i < 6000 && !holds(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ASSERT_TRUE(holds());
  }
  static void wait_for(const fs::path& path) {
    wait_until([&] { return fs::exists(path); });
  }
  // One line on standard error that has these words.
  static void expect_line(const std::string& path, const std::vector<std::string>& words) {
    const std::string text = read_bytes(path);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
    for (const std::string& word : words) EXPECT_NE(text.find(word), std::string::npos) << text;
  }

  static TempFolder* data;
  static std::string undisturbed;
  TempFolder folder;
  const fs::path out = folder.path() / "run";
  const std::string err = folder / "err";
};
TempFolder* Program::data = nullptr;
std::string Program::undisturbed;

// More than any test waits for.
const std::string for_long = "100000";

TEST_F(Program, ASecondRunInAFolderEndsWithTheNumberOfTheFirst) {
  Process first(vision(out, {}, for_long));
  const auto config_now = [&] { return read_bytes(out / "config.json"); };
  wait_until([&] { return config_now().find("train images") != std::string::npos; });
  const std::string config = config_now();  // with what only the data could tell: it stays so
  Command second = vision(out);
  second.err = err;
  EXPECT_EQ(run(second), 2);
  expect_line(err, {"in use by process " + std::to_string(first.id()), out.string()});
  EXPECT_EQ(config_now(), config);
  first.send(SIGTERM);
  EXPECT_EQ(first.wait(), 130);
  EXPECT_FALSE(fs::exists(out / ".lock"));
}

TEST_F(Program, TheLockOfADeadRunLocksNobodyOut) {
  Process killed(vision(out, {}, for_long));
  wait_for(out / "config.json");
  killed.send(SIGKILL);
  EXPECT_EQ(killed.wait(), -SIGKILL);
  ASSERT_TRUE(fs::exists(out / ".lock"));
  // Its number is now another process's, no number at all, or nothing.
  for (const std::string& holder :
       {std::to_string(::getpid()) + "\n", std::string("none"), std::string()}) {
    write_bytes(out / ".lock", holder);
    EXPECT_EQ(run(vision(out)), 0) << holder;
    EXPECT_FALSE(fs::exists(out / ".lock"));
  }
}

TEST_F(Program, ASignalIsACheckpointAndTwoAreTheEnd) {
  int interrupted = 0;
  for (const int signal : {SIGINT, SIGTERM})
    for (const bool lasting : {false, true})
      for (int nth = 1;; nth += 40) {
        SCOPED_TRACE(fmt::format("signal {} at call {}{}", signal, nth, lasting ? " and on" : ""));
        fs::remove_all(out);
        Command command = struck(
            out, {.effect = Effect::signal, .error = signal, .nth = nth, .lasting = lasting});
        command.err = err;
        const int code = run(command);
        if (code == 0) break;
        ASSERT_EQ(code, 130) << read_bytes(err);
        ++interrupted;
        expect_whole(out);
        expect_resumes(out);
      }
  EXPECT_GE(interrupted, 8);
}

TEST_F(Program, KilledAnywhereItResumesToTheSameBits) {
  int kills = 0;
  for (int nth = 1;; nth += 29, ++kills) {
    SCOPED_TRACE(nth);
    fs::remove_all(out);
    const int code = run(struck(out, {.effect = Effect::kill, .nth = nth}));
    if (code == 0) break;
    ASSERT_EQ(code, -SIGKILL);
    expect_whole(out);
    expect_resumes(out);
  }
  EXPECT_GE(kills, 5);
}

TEST_F(Program, WithoutMemoryItEndsWithStatus3) {
  for (int nth = 1; nth < 4'000'000; nth *= 3) {
    SCOPED_TRACE(nth);
    fs::remove_all(out);
    Command command = struck(out, {.call = Call::allocate, .nth = nth, .lasting = true});
    command.err = err;
    const int code = run(command);
    if (code == 0) break;
    EXPECT_EQ(code, 3);
    expect_line(err, {"[S1050]"});
    expect_resumes(out);
  }
}

// A file system of its own, for root only.
class Mounted {
 public:
  Mounted(const char* type, fs::path place, unsigned long flags, const char* options)
      : place_(std::move(place)),
        mounted_(::mount(type ? type : place_.c_str(), place_.c_str(), type, flags, options) == 0) {
  }
  ~Mounted() {
    if (mounted_) ::umount2(place_.c_str(), MNT_DETACH);
  }
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;
  explicit operator bool() const { return mounted_; }
  bool remount(unsigned long flags, const char* options) const {
    return ::mount(nullptr, place_.c_str(), nullptr, MS_REMOUNT | flags, options) == 0;
  }

 private:
  fs::path place_;
  bool mounted_;
};

TEST_F(Program, AFullDiskIsToldAndMoreRoomIsEnough) {
  fs::create_directory(out);
  const Mounted disk("tmpfs", out, 0, "size=40k");
  if (!disk) GTEST_SKIP() << "only root may mount; test_faults has ENOSPC at every call";
  Command command = vision(out);
  command.err = err;
  EXPECT_EQ(run(command), 3);
  expect_line(err, {out.string(), "No space left on device", "[S1061]"});
  expect_whole(out);
  for (const std::string& name : experiments::names_in(out)) EXPECT_FALSE(is_aside(name)) << name;
  ASSERT_TRUE(disk.remount(0, "size=10m"));
  expect_resumes(out);
}

TEST_F(Program, AReadOnlyFolderIsToldAndStaysAsItWas) {
  ASSERT_EQ(run(vision(out)), 0);
  const Mounted disk(nullptr, out, MS_BIND, nullptr);
  if (!disk || !disk.remount(MS_BIND | MS_RDONLY, nullptr))
    GTEST_SKIP() << "only root may mount; test_faults has EROFS at every call";
  Command command = vision(out);
  command.err = err;
  EXPECT_EQ(run(command), 3);
  expect_line(err, {out.string(), "Read-only file system", "[S1061]"});
  EXPECT_EQ(outputs(out), undisturbed);
}

TEST_F(Program, ClosedStreamsGetNothingMixedUp) {
  Command command = vision(out);
  command.out = command.err = "";
  EXPECT_EQ(run(command), 0);
  EXPECT_EQ(outputs(out), undisturbed);
}

TEST_F(Program, WhatCannotBePrintedIsToldWhenAllFilesAreWritten) {
  for (const auto& [stream, reason] : std::vector<std::pair<std::string, std::string>>{
           {"/dev/full", "No space left on device"}, {broken_pipe, "Broken pipe"}}) {
    Command command = vision(out);
    command.out = stream;
    command.err = err;
    EXPECT_EQ(run(command), 3) << stream;
    expect_line(err, {"standard output", reason});
    EXPECT_EQ(outputs(out), undisturbed) << stream;
    command.err = stream;  // nobody can be told
    command.out = "/dev/null";
    EXPECT_EQ(run(command), 0) << stream;
    EXPECT_EQ(outputs(out), undisturbed) << stream;
  }
}

// The reader takes its time: the files are all there before the last lines are printed.
TEST_F(Program, AFullPipeIsWaitedFor) {
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDWR | O_NONBLOCK);
  const std::string block(4096, '.');
  while (::write(reader, block.data(), block.size()) > 0) {
  }
  Command command = vision(out);
  command.out = pipe;
  Process program(command);
  wait_for(out / "summary.json");
  std::string text(std::size_t{1} << 22, '\0'), last;
  for (int i = 0; i < 6000 && last.find("Report: ") == std::string::npos; ++i) {
    const auto got = ::read(reader, text.data(), text.size());
    if (got > 0) last.append(text, 0, static_cast<std::size_t>(got));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(program.wait(), 0);
  EXPECT_NE(last.find("Report: "), std::string::npos);
  EXPECT_EQ(outputs(out), undisturbed);
  ::close(reader);
}

TEST_F(Program, LocaleHomeAndTimeZoneDoNotMatter) {
  for (const std::vector<std::string>& environment :
       {std::vector<std::string>{"LC_ALL=de_DE.UTF-8", "LANG=tr_TR.UTF-8", "TZ=Asia/Kathmandu"},
        {"HOME=/nowhere/at/all", "TMPDIR=/nowhere/either", "PATH="}}) {
    fs::remove_all(out);
    Command command = vision(out);
    command.environment = environment;
    EXPECT_EQ(run(command), 0);
    EXPECT_EQ(outputs(out), undisturbed);
  }
}

}  // namespace
}  // namespace sonde::faults
