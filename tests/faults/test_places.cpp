// Numbers and files do not depend on locale, and folders may be called anything.
#include <gtest/gtest.h>

#include <clocale>
#include <cstdlib>
#include <locale>

#include "temp_folder.hpp"
#include "tensor/io_npy.hpp"
#include "tensor/io_npz.hpp"
#include "toy_run.hpp"

namespace sonde::faults {
namespace {

namespace fs = std::filesystem;

// The toy run with a fraction among its options.
std::string outputs_in(const fs::path& folder) {
  const Outcome outcome = toy({"--factor", "0.5"})(folder);
  return outcome.code == 0 ? outputs_of_toy(folder) : outcome.text;
}

// As in German: 1.234,5.
struct GermanNumbers : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

// Puts the locales back as they were.
struct LocaleGuard {
  ~LocaleGuard() {
    std::locale::global(former);
    std::setlocale(LC_ALL, "C");
  }
  std::locale former;
};

TEST(Locale, NumbersOfStreamsLeaveOutputsAlone) {
  TempFolder plain, other;
  const std::string expected = outputs_in(plain.path());
  EXPECT_NE(expected.find("0.75"), std::string::npos) << expected;
  const LocaleGuard guard;
  std::locale::global(std::locale(std::locale::classic(), new GermanNumbers));
  EXPECT_EQ(outputs_in(other.path()), expected);
}

// Locales of the system, made here if its sources of locales are installed. Turkish has two kinds
// of i.
TEST(Locale, NumbersOfTheSystemLeaveOutputsAlone) {
  TempFolder locales, plain;
  const std::string expected = outputs_in(plain.path());
  ::setenv("LOCPATH", locales.path().c_str(), 1);
  const LocaleGuard guard;
  for (const char* name : {"de_DE", "tr_TR"}) {
    const std::string path = locales / (std::string(name) + ".UTF-8");
    const std::string make = std::string("localedef -i ") + name + " -f UTF-8 " + path;
    if (std::system((make + " 2>/dev/null").c_str()) != 0) GTEST_SKIP() << make << " fails";
    ASSERT_NE(std::setlocale(LC_ALL, (std::string(name) + ".UTF-8").c_str()), nullptr) << name;
    EXPECT_STREQ(std::localeconv()->decimal_point, ",");
    TempFolder other;
    EXPECT_EQ(outputs_in(other.path()), expected) << name;
  }
  ::unsetenv("LOCPATH");
}

class Names : public testing::TestWithParam<std::string> {};

TEST_P(Names, AFolderOfThisNameTakesARun) {
  TempFolder plain, odd;
  const fs::path folder = odd.path() / GetParam();
  EXPECT_EQ(outputs_in(folder), outputs_in(plain.path()));
  EXPECT_EQ(toy({"--factor", "0.5", "--resume"})(folder).code, 0);
}

TEST_P(Names, AFileOfThisNameTakesTensors) {
  TempFolder folder;
  const std::string path = folder / GetParam();
  const Tensor t = Tensor::arange(5);
  save_npy(path, t);
  EXPECT_EQ(load_npy(path).to_vector<double>(), t.to_vector<double>());
  save_npz(path, {{"t", t}});
  EXPECT_EQ(load_npz(path).at("t").to_vector<double>(), t.to_vector<double>());
  EXPECT_EQ(folder.count(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Odd, Names,
                         testing::Values("with spaces", "Versuch ä 中 🜚", "new\nline", "-leading",
                                         "--resume", "%s{}%n", "quote'\"", "not UTF-8 \xff\xfe",
                                         "back\\slash", std::string(250, 'n'), "~", "$HOME"),
                         [](const auto& name) { return std::to_string(name.index); });

// The folder is relative, so its name stands at the beginning of a word of the command line.
TEST(Names, ALeadingDashIsNoOption) {
  TempFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  EXPECT_EQ(toy({})("-y").code, 0);
  EXPECT_TRUE(fs::exists("-y/summary.json"));
  fs::current_path(before);
}

}  // namespace
}  // namespace sonde::faults
