// The programs that measure a person's own network in a hostile world: killed, signalled, without
// memory or room at any call on a file of their run, they end as the contract says and resume to
// the same bits.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <fstream>

#include "experiments/common/folder.hpp"
#include "process.hpp"
#include "shim.hpp"
#include "temp_folder.hpp"

namespace sonde::faults {
namespace {

namespace fs = std::filesystem;

struct Measured {
  const char *name, *path;
  std::vector<std::string> words;

  friend void PrintTo(const Measured& m, std::ostream* out) { *out << m.name; }
};

const std::vector<Measured>& programs() {
  static const std::vector<Measured> all{
      {"hessian_spectrum",
       SONDE_HESSIAN,
       {"--largest", "2", "--probes", "2", "--steps", "4", "--products", "4", "--by", "block",
        "--block-products", "2", "--precision", "f64"}},
      {"ntk_spectrum", SONDE_NTK, {"--tile", "3", "--test", "4"}},
      {"sensitivity_of", SONDE_SENSITIVITY, {"--sigma", "1,3"}}};
  return all;
}

class OwnNetwork : public testing::TestWithParam<Measured> {
 protected:
  void SetUp() override {
    std::ofstream csv(folder / "data.csv");
    for (int i = 0; i < 40; ++i) csv << i % 3 << ',' << i * 7 % 5 << ',' << i % 2 << '\n';
    csv.close();
    ASSERT_EQ(run(command(folder.path() / "whole")), 0);
    undisturbed = outputs(folder.path() / "whole");
  }

  Command command(const fs::path& where, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{GetParam().path,
                                   "--model",
                                   "mlp",
                                   "--width",
                                   "3",
                                   "--depth",
                                   "1",
                                   "--data",
                                   folder.path().string(),
                                   "--samples",
                                   "8",
                                   "--threads",
                                   "1",
                                   "--quiet",
                                   "--out",
                                   where.string()};
    words.insert(words.end(), GetParam().words.begin(), GetParam().words.end());
    words.insert(words.end(), more.begin(), more.end());
    return {std::move(words)};
  }
  // The same, with the shim in it, which strikes below the run's folder.
  Command struck(const Fault& fault) const {
    fs::remove_all(out);
    fs::create_directory(out);
    Command c = command(out);
    c.err = err;
    c.environment = {"LD_PRELOAD=" SONDE_SHIM, "ASAN_OPTIONS=verify_asan_link_order=0",
                     fmt::format("SONDE_FAULT={} {} {} {} {} {}", static_cast<int>(fault.call),
                                 static_cast<int>(fault.effect), fault.error, fault.nth,
                                 static_cast<int>(fault.lasting), fs::canonical(out).string())};
    return c;
  }
  // All that a run finds, and the names of what it leaves, exports and tiles among them.
  static std::string outputs(const fs::path& where) {
    std::string text;
    for (const char* part : {"", "figures", "export", "tiles"}) {
      if (!fs::exists(where / part)) continue;
      for (const std::string& name : experiments::names_in(where / part)) {
        if (name.starts_with("checkpoint.")) continue;
        text += name + "\n";
        if (fs::path(name).extension() != ".json" && fs::path(name).extension() != ".html" &&
            fs::is_regular_file(where / part / name))
          text += read_bytes(where / part / name);
      }
    }
    return text;
  }
  void expect_resumes() const {
    EXPECT_EQ(run(command(out, {"--resume"})), 0);
    EXPECT_TRUE(outputs(out) == undisturbed) << "the outputs differ";
  }

  TempFolder folder;
  const fs::path out = folder.path() / "run";
  const std::string err = folder / "err";
  std::string undisturbed;
};

TEST_P(OwnNetwork, KilledAnywhereItResumesToTheSameBits) {
  int kills = 0;
  for (int nth = 1;; nth += 37, ++kills) {
    SCOPED_TRACE(nth);
    const int code = run(struck({.effect = Effect::kill, .nth = nth}));
    if (code == 0) break;
    ASSERT_EQ(code, -SIGKILL);
    expect_resumes();
  }
  EXPECT_GE(kills, 5);
}

TEST_P(OwnNetwork, ASignalIsACheckpoint) {
  int interrupted = 0;
  for (int nth = 1;; nth += 41) {
    SCOPED_TRACE(nth);
    const int code = run(struck({.effect = Effect::signal, .error = SIGTERM, .nth = nth}));
    if (code == 0) break;  // after its last look at signals
    ASSERT_EQ(code, 130) << read_bytes(err);
    ++interrupted;
    expect_resumes();
  }
  EXPECT_GE(interrupted, 3);
}

TEST_P(OwnNetwork, AFullDiskIsToldAndMoreRoomIsEnough) {
  int failed = 0;
  for (int nth = 1;; nth += 13) {
    SCOPED_TRACE(nth);
    const int code =
        run(struck({.call = Call::write, .error = ENOSPC, .nth = nth, .lasting = true}));
    if (code == 0) break;
    ASSERT_EQ(code, 3) << read_bytes(err);
    EXPECT_NE(read_bytes(err).find("No space left on device"), std::string::npos)
        << read_bytes(err);
    ++failed;
    expect_resumes();
  }
  EXPECT_GE(failed, 3);
}

TEST_P(OwnNetwork, WithoutMemoryItEndsWithStatus3) {
  for (int nth = 1; nth < 4'000'000; nth *= 4) {
    SCOPED_TRACE(nth);
    const int code = run(struck({.call = Call::allocate, .nth = nth, .lasting = true}));
    if (code == 0) break;
    EXPECT_EQ(code, 3) << read_bytes(err);
    expect_resumes();
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, OwnNetwork, testing::ValuesIn(programs()),
                         [](const auto& program) { return std::string(program.param.name); });

}  // namespace
}  // namespace sonde::faults
