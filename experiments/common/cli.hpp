/// @file
/// The command line of an executable: the options they all share and its own, from the line and
/// from a config file.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/common/json.hpp"
#include "experiments/common/settings.hpp"

namespace sonde::experiments {

/// Declares options, then reads them. Values come from the command line, else from --config (a
/// config.json of an earlier run, or any object of settings), else from the defaults of the size
/// chosen by --quick or --full. A name is written without its dashes.
class Cli {
 public:
  explicit Cli(About about);
  ~Cli();

  // Each binds an option to a variable that lives longer than parse(); `help` is one line.
  void integer(const std::string& name, std::int64_t& target, Scaled<std::int64_t> defaults,
               Limits<std::int64_t> limits, const std::string& help);
  void real(const std::string& name, double& target, Scaled<double> defaults, Limits<double> limits,
            const std::string& help);
  void reals(const std::string& name, std::vector<double>& target,
             Scaled<std::vector<double>> defaults, Limits<double> limits, const std::string& help);
  void integers(const std::string& name, std::vector<std::int64_t>& target,
                Limits<std::int64_t> limits, const std::string& help);
  void choice(const std::string& name, std::string& target, std::vector<std::string> allowed,
              const std::string& help);
  /// Any text, such as a file; the target's value is the default.
  void text(const std::string& name, std::string& target, const std::string& help);
  /// Some of the allowed words, none twice; the target's value is the default.
  void choices(const std::string& name, std::vector<std::string>& target,
               std::vector<std::string> allowed, const std::string& help);
  void flag(const std::string& name, bool& target, const std::string& help);
  /// `fill` is called by parse() when all options declared before have their values: it gives those
  /// that were left open a value that depends on others.
  void settle(std::function<void(const Settings&)> fill);
  /// `say` is called by parse() when every option has its value: a text that it returns is shown in
  /// the place of a run, as that of --help is.
  void instead(std::function<std::optional<std::string>(const Settings&)> say);
  /// The program computes where --device says: its networks are moved to Settings::device, and
  /// their inputs with them. Of any other program parse() refuses a device but the CPU.
  void any_device();
  /// The repetitions asked for when --seeds is not given.
  void default_seeds(Scaled<int> seeds);

  /// Reads the command line. Returns the text of --help or --version if that was asked for, or one
  /// that stands in the place of a run.
  /// Error(usage) with one clear line on options that are unknown, malformed, out of range or not
  /// possible together; Error(backend) for a device that is not there.
  std::optional<std::string> parse(int argc, const char* const* argv);

  /// The line that was parsed, for a shell: the name, then its words but for --resume.
  const std::string& command() const;
  const About& about() const;
  const Settings& settings() const;
  /// Every option with the value in force, after parse().
  Json resolved() const;
  /// The settings that decide the results: those of resolved() but for out, data-dir, threads,
  /// quiet and resume.
  Json decisive() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sonde::experiments
