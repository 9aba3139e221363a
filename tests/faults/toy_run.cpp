#include "toy_run.hpp"

#include <algorithm>
#include <array>
#include <iostream>

#include "captured.hpp"
#include "experiments/common/program.hpp"
#include "shim.hpp"
#include "temp_folder.hpp"

namespace sonde::faults {
namespace {

using namespace sonde::experiments;
namespace fs = std::filesystem;

constexpr std::int64_t never = 1000;

Checkpoint state_at(std::int64_t next, double sum) {
  return {{{"next", next}}, {{"sum", Tensor::full({}, sum, DType::f64)}}};
}

// Adds a tenth of 1, 2, ... 5, times a factor, and may be interrupted before one of them.
void add_numbers(Run& run, double factor, std::int64_t interrupt_at) {
  double sum = 0;
  std::int64_t next = 1;
  if (const auto checkpoint = run.resumed()) {
    next = checkpoint->state.at("next").get<std::int64_t>();
    sum = checkpoint->tensor("sum").at({});
  }
  for (; next <= 5; ++next) {
    if (next == interrupt_at) throw Interrupted{};
    run.stop_if_interrupted([&] { return state_at(next, sum); });
    sum += 0.1 * factor * static_cast<double>(next);
    run.log({{"number", next}, {"sum", sum}});
    if (next % 2 == 0) run.save(state_at(next + 1, sum));
  }
  Results& r = run.results;
  r.table = {{"sum"}, {{fmt::format("{}", sum)}}};
  r.metrics = {{"sum", "Sum", Estimate::exact(sum)}};
  r.claims = {check("finite", "The sum is finite", "sum < 1e9", Estimate::exact(sum), true)};
  Figure f("sum", "Sum", {.label = "x"}, {.label = "y"});
  f.level("sum", sum);
  r.figures = {{std::move(f), "The sum."}};
}

const About about{"toy", "Adds numbers.", "Nobody, 2024", "nothing"};

Outcome run_toy(const fs::path& folder, const std::vector<std::string>& options,
                std::int64_t interrupt_at) {
  std::array<const char*, 16> argv{"toy", "--quiet", "--threads", "1", "--out", folder.c_str()};
  std::ranges::transform(options, argv.begin() + 6, [](const std::string& o) { return o.c_str(); });
  const auto argc = static_cast<int>(6 + options.size());
  double factor = 1;
  const Captured out(std::cout), err(std::cerr);
  const int code = run_program(
      about,
      [&](Cli& cli) {
        cli.real("factor", factor, {1, 1, 1}, {0, 10}, "of every number");
      },
      [&](Run& run) { add_numbers(run, factor, interrupt_at); }, argc, argv.data());
  disarm();
  return {code, err.text(), ""};
}

}  // namespace

std::function<Outcome(const fs::path&)> toy(std::vector<std::string> options) {
  return [options = std::move(options)](const fs::path& folder) {
    return run_toy(folder, options, never);
  };
}

std::string outputs_of_toy(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    names.push_back(entry.path().lexically_relative(folder).string());
  std::ranges::sort(names);
  std::string out;
  for (const std::string& name : names)
    if (!name.starts_with("checkpoint.") && name != ".lock") out += name + "\n";
  for (const char* name : {"results.csv", "log.jsonl", "figures/sum.svg", "figures/sum.csv"})
    out += read_bytes(folder / name);
  return out;
}

void interrupted_toy(const fs::path& folder) {
  run_toy(folder, {}, 4);
}
void toy_before(const fs::path& folder) {
  run_toy(folder, {}, never);
}

}  // namespace sonde::faults
