// The command line: what is accepted, what is refused with one clear line, what comes out resolved.
#include <gtest/gtest.h>

#include <fstream>

#include "experiments/common/cli.hpp"
#include "temp_folder.hpp"
#include "tensor/error.hpp"

namespace sonde::experiments {
namespace {

struct Own {
  std::int64_t train = 0;
  double rate = 0;
  std::vector<double> sigma;
  std::string data = "fashion-mnist";
  std::vector<std::string> models{"mlp"};
  bool scattered = false;
};

class CommandLine {
 public:
  CommandLine() : cli(About{"demo", "Measures it.", "Somebody, 2024", "1 s"}) {
    cli.integer("train", own.train, {40, 100, 600}, {1, 60000}, "training images");
    cli.real("rate", own.rate, {1e-3, 1e-3, 1e-3}, {0, 1}, "learning rate");
    cli.reals("sigma", own.sigma, {{3}, {1, 3}, {0.5, 1, 3}}, {0, 100}, "noise");
    cli.choice("data", own.data, {"fashion-mnist", "mnist"}, "data set");
    cli.choices("models", own.models, {"mlp", "cnn"}, "networks");
    cli.flag("scattered", own.scattered, "the authors' variant");
    cli.default_seeds({2, 3, 5});
  }
  std::optional<std::string> parse(std::vector<const char*> words) {
    words.insert(words.begin(), "demo");
    return cli.parse(static_cast<int>(words.size()), words.data());
  }
  Cli cli;
  Own own;
};

TEST(Cli, DefaultsFollowTheSize) {
  CommandLine standard, quick, full;
  EXPECT_FALSE(standard.parse({}));
  EXPECT_EQ(standard.own.train, 100);
  EXPECT_EQ(standard.own.sigma, (std::vector<double>{1, 3}));
  EXPECT_EQ(standard.cli.settings().seeds, 3);
  EXPECT_EQ(standard.cli.settings().out, "out/demo");
  EXPECT_GE(standard.cli.settings().threads, 1);
  quick.parse({"--quick", "--train", "050"});
  EXPECT_EQ(quick.own.train, 50);  // decimal, whatever it starts with
  EXPECT_EQ(quick.own.sigma, std::vector<double>{3});
  EXPECT_EQ(quick.cli.settings().seeds, 2);
  full.parse({"--full", "--seeds", "7", "--sigma", "2,4", "--models", "cnn,mlp"});
  EXPECT_EQ(full.own.train, 600);
  EXPECT_EQ(full.cli.settings().seeds, 7);
  EXPECT_EQ(full.own.sigma, (std::vector<double>{2, 4}));
  EXPECT_EQ(full.own.models, (std::vector<std::string>{"cnn", "mlp"}));
}

TEST(Cli, KeepsItsLineForAShell) {
  CommandLine line;
  line.parse({"--out", "a folder", "--resume", "--data-dir=it's $HOME", "--sigma", "2,4"});
  EXPECT_EQ(line.cli.command(), R"(demo --out 'a folder' '--data-dir=it'\''s $HOME' --sigma 2,4)");
}

TEST(Cli, BadUsageIsOneClearLine) {
  const std::vector<std::vector<const char*>> bad = {{"--unknown"},
                                                     {"word"},
                                                     {"--seed"},
                                                     {"--seed", "-1"},
                                                     {"--seed", "x"},
                                                     {"--seeds", "0"},
                                                     {"--seeds", "1.5"},
                                                     {"--threads", "0"},
                                                     {"--device", "tpu"},
                                                     {"--device", "cuda"},
                                                     {"--quick", "--full"},
                                                     {"--train", "0"},
                                                     {"--train", "60001"},
                                                     {"--train", "1e3"},
                                                     {"--rate", "nan"},
                                                     {"--rate", "inf"},
                                                     {"--rate", "-0.1"},
                                                     {"--sigma", "1,x"},
                                                     {"--sigma", "-1"},
                                                     {"--data", "cifar"},
                                                     {"--models", "mlp,mlp"},
                                                     {"--models", "vit"},
                                                     {"--out", ""},
                                                     {"--config", "/absent.json"},
                                                     {"--seed", "1", "--seed", "2"},
                                                     {"--seed", "99999999999999999999"},
                                                     {"--train", "9223372036854775808"}};
  for (const auto& words : bad) {
    CommandLine line;
    try {
      line.parse(words);
      ADD_FAILURE() << words[0] << " was accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::usage) << words[0];
      EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
      const std::string option(words[0]);
      if (option != "word")
        EXPECT_NE(std::string(e.what()).find(option.substr(2)), std::string::npos) << e.what();
    }
  }
}

TEST(Cli, ADeviceIsTakenByProgramsThatComputeThere) {
  const auto code = [](CommandLine& line, const char* device) {
    try {
      line.parse({"--device", device});
    } catch (const Error& e) {
      EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
      return e.code();
    }
    return ErrorCode{};
  };
  CommandLine cpu_only;
  EXPECT_EQ(code(cpu_only, "cuda:1"), ErrorCode::usage);
  for (const char* no_device : {"cuda:", "cuda:x", "cuda:200", "gpu"}) {
    CommandLine line;
    line.cli.any_device();
    EXPECT_EQ(code(line, no_device), ErrorCode::usage) << no_device;
  }
  CommandLine missing;
  missing.cli.any_device();
  EXPECT_EQ(code(missing, "cuda:99"), ErrorCode::backend);
  CommandLine here;
  here.cli.any_device();
  here.parse({"--device", "cpu"});
  EXPECT_EQ(here.cli.settings().device, Device{});
}

// Settings can be looked at where the device is not.
TEST(Cli, PrintsSettingsForADeviceThatIsElsewhere) {
  CommandLine line;
  line.cli.any_device();
  const std::string text = line.parse({"--device", "cuda:99", "--print-config"}).value();
  EXPECT_NE(text.find("cuda:99"), std::string::npos) << text;
}

TEST(Cli, HelpSaysWhatItMeasuresThePaperAndTheCost) {
  CommandLine line;
  const std::string page = line.parse({"--help"}).value();
  for (const char* part :
       {"Measures it.", "Somebody, 2024", "Cost: 1 s", "--train", "100; --quick 40; --full 600",
        "--resume", "Exit codes: 0 done, 2 bad usage"})
    EXPECT_NE(page.find(part), std::string::npos) << part << "\n" << page;
  CommandLine other;
  EXPECT_NE(other.parse({"--version"}).value().find("demo"), std::string::npos);
}

TEST(Cli, PrintsTheDecisiveSettingsAsAConfig) {
  CommandLine line;
  const std::string text =
      line.parse({"--print-config", "--quick", "--rate", "0.1", "--threads", "2"}).value();
  const Json config = parse_json(text, "config");
  EXPECT_EQ(config.at("experiment"), "demo");
  EXPECT_EQ(config.at("settings"), line.cli.decisive());
  EXPECT_EQ(config.at("settings").at("train"), 40);
  EXPECT_FALSE(config.at("settings").contains("threads"));
}

class CliConfig : public testing::Test {
 protected:
  const char* config(const std::string& text) {
    path_ = (folder_.path() / "config.json").string();
    std::ofstream(path_) << text;
    return path_.c_str();
  }
  TempFolder folder_;
  std::string path_;
};

TEST_F(CliConfig, ARunsOwnConfigGivesTheSameSettings) {
  CommandLine first, second;
  first.parse({"--quick", "--seed", "9", "--sigma", "0.1,0.30000000000000004", "--scattered"});
  const Json file{{"experiment", "demo"}, {"version", "0"}, {"settings", first.cli.resolved()}};
  second.parse({"--config", config(file.dump())});
  EXPECT_EQ(second.cli.resolved(), first.cli.resolved());
  EXPECT_EQ(second.own.sigma, first.own.sigma);
}

TEST_F(CliConfig, TheCommandLineWins) {
  CommandLine line;
  line.parse(
      {"--config", config("{\"seed\": 5, \"train\": 77, \"models\": [\"cnn\"]}"), "--seed", "6"});
  EXPECT_EQ(line.cli.settings().seed, 6u);
  EXPECT_EQ(line.own.train, 77);
  EXPECT_EQ(line.own.models, std::vector<std::string>{"cnn"});
}

TEST_F(CliConfig, BadFilesAreBadUsage) {
  for (const char* text : {"", "{", "[1]", "{\"unknown\": 1}", "{\"train\": \"many\"}",
                           "{\"train\": 0}", "{\"seed\": 1, \"seed\": 2}", "{\"sigma\": [[1]]}",
                           "{\"seed\": null}", "{\"experiment\": \"other\", \"settings\": {}}"}) {
    CommandLine line;
    try {
      line.parse({"--config", config(text)});
      ADD_FAILURE() << text << " was accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::usage) << text << ": " << e.what();
    }
  }
}

TEST(Cli, DecisiveSettingsLeaveOutWhatChangesNoResult) {
  CommandLine a, b;
  a.parse({"--threads", "1", "--out", "x", "--quiet"});
  b.parse({"--threads", "3", "--out", "y"});
  EXPECT_EQ(a.cli.decisive(), b.cli.decisive());
  CommandLine c;
  c.parse({"--seed", "2"});
  EXPECT_NE(c.cli.decisive(), a.cli.decisive());
}

}  // namespace
}  // namespace sonde::experiments
