#include "experiments/sweep/grid.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "experiments/common/key_tensor.hpp"
#include "tensor/philox.hpp"

namespace sonde::experiments {
namespace {

constexpr std::int64_t most = 10'000;  // configurations

// Reads the parts of one object, and says where it went wrong.
class Block {
 public:
  Block(const Json& json, std::string what, std::initializer_list<std::string_view> keys)
      : json_(json), what_(std::move(what)) {
    if (!json.is_object()) wrong("is no object");
    for (const auto& [key, value] : json.items())
      if (std::ranges::find(keys, key) == keys.end())
        fail_hint(ErrorCode::usage, "sweep", fmt::format("it may have {}", fmt::join(keys, ", ")),
                  "{}: unknown key '{}'", what_, key);
  }

  Json options(const std::string& key) const {
    Json found = json_.value(key, Json::object());
    if (!found.is_object()) wrong("'" + key + "' is no object of options");
    return found;
  }
  template <class T>
  T number(const std::string& key, T otherwise) const {
    if (!json_.contains(key)) return otherwise;
    if (!json_.at(key).is_number_unsigned()) wrong("'" + key + "' is no whole number from 0");
    return integer_at<T>(json_, key);
  }
  bool has(const std::string& key) const { return json_.contains(key); }
  [[noreturn]] void wrong(const std::string& message) const {
    fail(ErrorCode::usage, "sweep", "{}: {}", what_, message);
  }

 private:
  const Json& json_;
  std::string what_;
};

Json value_between(const Block& block, const std::string& option, const std::string& kind,
                   const Json& range, double u) {
  if (range.size() != 2 || !range[0].is_number() || !range[1].is_number())
    block.wrong(fmt::format("'{}' of {} is not [low, high]", kind, option));
  const auto low = range[0].get<double>(), high = range[1].get<double>();
  if (!(low < high) || (kind == "log-uniform" && low <= 0))
    block.wrong(fmt::format("{} cannot be {} between {} and {}", option, kind, range[0].dump(),
                            range[1].dump()));
  if (kind == "uniform") return low + u * (high - low);
  if (kind == "log-uniform") return std::clamp(low * std::exp(u * std::log(high / low)), low, high);
  constexpr double exact = 0x1p53;
  if (low != std::floor(low) || high != std::floor(high) || low < -exact || high > exact)
    block.wrong(fmt::format("the ends of {} are no whole numbers", option));
  return static_cast<std::int64_t>(std::min(low + std::floor(u * (high - low + 1)), high));
}

Json drawn(const Block& block, const std::string& option, const Json& distribution,
           std::uint64_t seed, std::uint64_t draw) {
  if (!distribution.is_object() || distribution.size() != 1 || !distribution.front().is_array())
    block.wrong("'random' of " + option + " is not one distribution, as {\"uniform\": [0, 1]}");
  const double u = philox::unit(philox::bits({seed, number_of(option)}, draw));
  const std::string& kind = distribution.items().begin().key();
  const Json& values = distribution.front();
  if (kind == "choice") {
    if (values.empty()) block.wrong("'choice' of " + option + " has no values");
    const auto n = static_cast<double>(values.size());
    return values[static_cast<std::size_t>(std::min(std::floor(u * n), n - 1))];
  }
  if (kind != "uniform" && kind != "log-uniform" && kind != "integers")
    block.wrong(
        fmt::format("unknown distribution '{}' of {}; there are uniform, log-uniform, "
                    "integers, choice",
                    kind, option));
  return value_between(block, option, kind, values, u);
}

// Each of `all` with each value of an option.
std::vector<Configuration> times(const Block& block, const std::vector<Configuration>& all,
                                 const std::string& option, const Json& values) {
  if (!values.is_array() || values.empty())
    block.wrong("'grid' of " + option + " is no list of values");
  if (static_cast<std::int64_t>(all.size() * values.size()) > most)
    block.wrong(fmt::format("more than {} configurations", most));
  std::vector<Configuration> out;
  for (const Configuration& c : all)
    for (const Json& value : values) {
      out.push_back(c);
      out.back()[option] = value;
    }
  return out;
}

std::vector<Configuration> combinations(const Block& block, const Configuration& fixed,
                                        std::uint64_t seed) {
  std::vector<Configuration> all{fixed};
  const Json grid = block.options("grid"), random = block.options("random");
  for (const auto& [option, values] : grid.items()) all = times(block, all, option, values);
  const auto draws = block.number<std::int64_t>("draws", random.empty() ? 1 : 0);
  if (draws < 1 || (random.empty() && block.has("draws")))
    block.wrong("'random' and 'draws', of at least 1, go together");
  if (random.empty()) return all;
  if (draws > most / static_cast<std::int64_t>(all.size()))
    block.wrong(fmt::format("more than {} configurations", most));
  for (const auto& [option, distribution] : random.items())
    if (grid.contains(option)) block.wrong(option + " stands in 'grid' and in 'random'");
  std::vector<Configuration> out;
  for (const Configuration& c : all)
    for (std::int64_t d = 0; d < draws; ++d) {
      out.push_back(c);
      for (const auto& [option, distribution] : random.items())
        out.back()[option] =
            drawn(block, option, distribution, seed, static_cast<std::uint64_t>(d));
    }
  return out;
}

}  // namespace

std::vector<Configuration> configurations(const Json& file, const std::string& what) {
  const Block whole(file, what,
                    {"experiment", "fixed", "grid", "random", "draws", "seed", "blocks"});
  const Json fixed = whole.options("fixed");
  const auto seed = whole.number<std::uint64_t>("seed", 0);
  if (!whole.has("blocks")) return combinations(whole, fixed, seed);
  if (whole.has("grid") || whole.has("random") || whole.has("draws"))
    whole.wrong("grid, random and draws stand in the blocks where there are 'blocks'");
  const Json& blocks = file.at("blocks");
  if (!blocks.is_array() || blocks.empty()) whole.wrong("'blocks' is no list of objects");
  std::vector<Configuration> all;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Block block(blocks[i], fmt::format("{}, block {}", what, i + 1),
                      {"fixed", "grid", "random", "draws", "seed"});
    Json own = fixed;
    own.update(block.options("fixed"));
    const auto more = combinations(block, own, block.number<std::uint64_t>("seed", seed));
    all.insert(all.end(), more.begin(), more.end());
    if (static_cast<std::int64_t>(all.size()) > most)
      whole.wrong(fmt::format("more than {} configurations", most));
  }
  return all;
}

}  // namespace sonde::experiments
