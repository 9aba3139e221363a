#include "experiments/common/cli.hpp"

#include <locale.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <new>
#include <set>

#include "experiments/common/shell_word.hpp"
#include "tensor/backend.hpp"
#include "tensor/error.hpp"
#include "tensor/parallel.hpp"
#include "tensor/system.hpp"

namespace sonde::experiments {
namespace {

// Lets CLI11 read a JSON object of settings as its config file. A whole config.json is taken as
// well.
class JsonConfig : public CLI::Config {
 public:
  explicit JsonConfig(std::string experiment) : experiment_(std::move(experiment)) {}

  std::string to_config(const CLI::App*, bool, bool, std::string) const override { return "{}"; }

  std::vector<CLI::ConfigItem> from_config(std::istream& in) const override {
    Json json = parse_json(read_text(in, 1 << 20, "--config"), "--config");
    if (json.is_object() && json.contains("settings")) {
      if (json.contains("experiment") && json["experiment"] != experiment_)
        fail(ErrorCode::usage, "--config", "belongs to the experiment {}",
             json["experiment"].dump());
      json = Json(json["settings"]);
    }
    if (!json.is_object()) fail(ErrorCode::usage, "--config", "holds no JSON object");
    std::vector<CLI::ConfigItem> items;
    for (const auto& [key, value] : json.items())
      if (value != false && value != "") items.push_back({{}, key, words(key, value)});
    return items;
  }

 private:
  static std::vector<std::string> words(const std::string& key, const Json& value) {
    std::vector<std::string> out;
    for (const Json& v : value.is_array() ? value : Json::array({value})) {
      if (!v.is_primitive() || v.is_null())
        fail(ErrorCode::usage, "--config", "'{}' is neither a value nor a list of values", key);
      out.push_back(v.is_string() ? v.get<std::string>() : v.dump());
    }
    return out;
  }
  std::string experiment_;
};

// A check of CLI11 that says which values are allowed. It reads the number by itself and hands on
// plain decimal digits, since CLI11 takes a leading 0 for octal and lets too large numbers
// saturate. Written so that NaN fails.
template <class T>
CLI::Validator within(Limits<T> limits) {
  return CLI::Validator(
      [limits](std::string& text) {
        T value{};
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size() ||
            !(value >= limits.low && value <= limits.high))
          return fmt::format("'{}' is not in {} ... {}", text, limits.low, limits.high);
        text = fmt::format("{}", value);
        return std::string();
      },
      fmt::format("{} ... {}", limits.low, limits.high));
}

CLI::Validator device_name() {
  return CLI::Validator(
      [](std::string& text) {
        try {
          to_device(text);
        } catch (const Error& e) {
          return e.message();
        }
        return std::string();
      },
      "cpu, cuda or cuda:N");
}

template <class T>
std::string as_text(const T& value) {
  return fmt::format("{}", value);
}
std::string as_text(const std::vector<double>& values) {
  return values.empty() ? "auto" : fmt::format("{}", fmt::join(values, " "));
}

// While it lives, this thread reads numbers as in the locale C: CLI11 asks strtod.
class NumbersOfC {
 public:
  NumbersOfC() : c_(::newlocale(LC_NUMERIC_MASK, "C", nullptr)) {
    if (!c_) throw std::bad_alloc();
    former_ = ::uselocale(c_);
  }
  ~NumbersOfC() {
    ::uselocale(former_);
    ::freelocale(c_);
  }
  NumbersOfC(const NumbersOfC&) = delete;
  NumbersOfC& operator=(const NumbersOfC&) = delete;

 private:
  locale_t c_, former_;
};

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// A text given as an option need not be UTF-8; JSON must be.
std::string config_text(const std::string& experiment, const Json& settings) {
  const Json config{{"experiment", experiment}, {"version", version()}, {"settings", settings}};
  return config.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

struct Cli::State {
  explicit State(About a) : about(std::move(a)), app(about.measures, about.name) {}

  About about;
  CLI::App app;
  Settings settings;
  Scaled<int> seeds{3, 3, 5};
  std::string command, out, data_dir, config, device = "cpu";
  bool any_device = false;
  bool quick = false, full = false, print_config = false;
  std::vector<std::function<void()>> fill_defaults;  // of options that were not given
  std::function<std::optional<std::string>(const Settings&)> instead;
  std::vector<std::pair<std::string, std::function<Json()>>>
      readers;  // in the order of declaration

  template <class T>
  CLI::Option* add(const std::string& name, T& target, const std::string& help) {
    readers.emplace_back(name, [&target] { return Json(target); });
    return app.add_option("--" + name, target, help);
  }
  template <class T>
  CLI::Option* scaled(const std::string& name, T& target, Scaled<T> defaults,
                      const std::string& help) {
    CLI::Option* option = add(name, target, help);
    std::string shown = as_text(defaults.standard);
    if (as_text(defaults.quick) != shown || as_text(defaults.full) != shown)
      shown +=
          fmt::format("; --quick {}; --full {}", as_text(defaults.quick), as_text(defaults.full));
    option->default_str(shown);
    fill_defaults.push_back([this, option, &target, defaults] {
      if (option->count() == 0) target = defaults.at(settings.size);
    });
    return option;
  }
  void declare_shared();
};

void Cli::State::declare_shared() {
  app.set_version_flag("--version", std::string(version()));
  app.config_formatter(std::make_shared<JsonConfig>(about.name));
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.set_config("--config", "",
                 "read settings from FILE (JSON; a config.json of an earlier run will do)")
      ->check(CLI::ExistingFile);
  out = "out/" + about.name;
  add("out", out, "folder of the run")->capture_default_str();
  add("seed", settings.seed, "seed of the first repetition")
      ->transform(within<std::uint64_t>({0, std::numeric_limits<std::uint64_t>::max()}))
      ->capture_default_str();
  CLI::Option* seeds_option =
      add("seeds", settings.seeds, "independent repetitions")->transform(within<int>({1, 1000}));
  fill_defaults.push_back([this, seeds_option] {
    if (seeds_option->count() == 0) settings.seeds = seeds.at(settings.size);
  });
  settings.threads = threads();
  add("threads", settings.threads, "threads of the kernels; never changes a result")
      ->transform(within<int>({1, 4096}))
      ->capture_default_str();
  add("device", device, "where networks compute; cpu only, for this program")
      ->check(device_name())
      ->capture_default_str();
  add("data-dir", data_dir, "folder searched first for data sets");
  auto flag = [&](const char* name, bool& target, const char* help) {
    readers.emplace_back(name, [&target] { return Json(target); });
    return app.add_flag(std::string("--") + name, target, help);
  };
  flag("full", full, "everything at full size")
      ->excludes(flag("quick", quick, "a few minutes on two cores"));
  flag("quiet", settings.quiet, "no progress, only the result");
  flag("profile", settings.profile,
       "also write profile.txt and profile.json: time and bytes of every operation");
  app.add_flag("--resume", settings.resume, "go on with the run in --out");
  app.add_flag("--print-config", print_config,
               "run nothing: print the settings that decide the results, as JSON for --config");
  app.footer(fmt::format(
      "Paper: {}\nCost: {}\nExit codes: 0 done, 2 bad usage, 3 bad data or a failed file or memory "
      "request, 4 failed numerics, 130 interrupted after a checkpoint.",
      about.paper, about.cost));
}

Cli::Cli(About about) : state_(std::make_unique<State>(std::move(about))) {
  state_->declare_shared();
}
Cli::~Cli() = default;

void Cli::integer(const std::string& name, std::int64_t& target, Scaled<std::int64_t> defaults,
                  Limits<std::int64_t> limits, const std::string& help) {
  state_->scaled(name, target, defaults, help)->transform(within(limits));
}

void Cli::real(const std::string& name, double& target, Scaled<double> defaults,
               Limits<double> limits, const std::string& help) {
  state_->scaled(name, target, defaults, help)->transform(within(limits));
}

void Cli::reals(const std::string& name, std::vector<double>& target,
                Scaled<std::vector<double>> defaults, Limits<double> limits,
                const std::string& help) {
  state_->scaled(name, target, std::move(defaults), help)
      ->transform(within(limits))
      ->delimiter(',');
}

void Cli::integers(const std::string& name, std::vector<std::int64_t>& target,
                   Limits<std::int64_t> limits, const std::string& help) {
  state_->add(name, target, help)->transform(within(limits))->delimiter(',');
}

void Cli::choice(const std::string& name, std::string& target, std::vector<std::string> allowed,
                 const std::string& help) {
  state_->add(name, target, help)->check(CLI::IsMember(std::move(allowed)))->capture_default_str();
}

void Cli::text(const std::string& name, std::string& target, const std::string& help) {
  state_->add(name, target, help)->capture_default_str();
}

void Cli::choices(const std::string& name, std::vector<std::string>& target,
                  std::vector<std::string> allowed, const std::string& help) {
  state_->add(name, target, help)
      ->check(CLI::IsMember(std::move(allowed)))
      ->delimiter(',')
      ->default_str(fmt::format("{}", fmt::join(target, ",")));
  state_->fill_defaults.push_back([&target, name] {
    if (std::set<std::string>(target.begin(), target.end()).size() != target.size())
      fail(ErrorCode::usage, "--" + name, "a value appears twice");
  });
}

void Cli::flag(const std::string& name, bool& target, const std::string& help) {
  state_->readers.emplace_back(name, [&target] { return Json(target); });
  state_->app.add_flag("--" + name, target, help);
}

void Cli::settle(std::function<void(const Settings&)> fill) {
  state_->fill_defaults.push_back([this, fill = std::move(fill)] { fill(state_->settings); });
}

void Cli::instead(std::function<std::optional<std::string>(const Settings&)> say) {
  state_->instead = std::move(say);
}

void Cli::any_device() {
  state_->any_device = true;
  state_->app.get_option("--device")->description("where networks compute");
}

void Cli::default_seeds(Scaled<int> seeds) {
  state_->seeds = seeds;
}

std::optional<std::string> Cli::parse(int argc, const char* const* argv) {
  State& s = *state_;
  s.command = shell_word(s.about.name);
  for (int i = 1; i < argc; ++i)
    if (std::string_view(argv[i]) != "--resume") s.command += " " + shell_word(argv[i]);
  const NumbersOfC numbers;
  try {
    s.app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return s.app.help();
  } catch (const CLI::CallForVersion&) {
    return s.about.name + " of Sonde " + version() + "\n";
  } catch (const CLI::ParseError& e) {
    fail_hint(ErrorCode::usage, s.about.name, "--help lists the options", "{}", one_line(e.what()));
  } catch (const Error& e) {
    if (e.code() != ErrorCode::format) throw;
    fail(ErrorCode::usage, s.about.name, "{}", e.message());
  }
  s.settings.size = s.quick ? SizeClass::quick : s.full ? SizeClass::full : SizeClass::standard;
  s.settings.out = s.out;
  s.settings.data_dir = s.data_dir;
  if (s.out.empty()) fail(ErrorCode::usage, "--out", "names no folder");
  s.settings.device = to_device(s.device);
  if (!s.any_device && !(s.settings.device == Device{}))
    fail_hint(ErrorCode::usage, "--device", "leave it out", "{} computes on the CPU only",
              s.about.name);
  for (const auto& fill : s.fill_defaults) fill();
  if (s.print_config) return config_text(s.about.name, decisive());
  if (!(s.settings.device == Device{})) device_info(s.settings.device);  // is it there?
  return s.instead ? s.instead(s.settings) : std::nullopt;
}

const std::string& Cli::command() const {
  return state_->command;
}
const About& Cli::about() const {
  return state_->about;
}
const Settings& Cli::settings() const {
  return state_->settings;
}

Json Cli::resolved() const {
  Json json = Json::object();
  for (const auto& [name, read] : state_->readers) json[name] = read();
  return json;
}

Json Cli::decisive() const {
  Json json = resolved();
  for (const char* name : {"out", "data-dir", "threads", "quiet", "profile"}) json.erase(name);
  return json;
}

}  // namespace sonde::experiments
