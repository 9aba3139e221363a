#include "experiments/common/json.hpp"

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "tensor/error.hpp"

namespace sonde::experiments {

Json parse_json(std::string_view text, std::string_view what) {
  constexpr int max_depth = 64;
  std::vector<std::set<std::string>> keys;  // of each object that is open
  auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > max_depth)
      fail(ErrorCode::format, "json", "{}: more than {} levels", what, max_depth);
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      fail(ErrorCode::format, "json", "{}: key {} appears twice", what, parsed.dump());
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::exception& e) {
    fail(ErrorCode::format, "json", "{}: {}", what, e.what());
  }
}

Json to_json(const Estimate& e) {
  Json json{{"value", e.value}, {"std_error", nullptr}, {"ci95", nullptr}, {"n", e.n},
            {"m", e.m},         {"seed", e.seed}};
  if (e.std_error) json["std_error"] = *e.std_error;
  if (e.ci95) json["ci95"] = {e.ci95->low, e.ci95->high};
  return json;
}

Estimate estimate_from_json(const Json& json) {
  try {
    Estimate e{.value = json.at("value").get<double>(),
               .n = json.at("n").get<std::int64_t>(),
               .m = json.at("m").get<std::int64_t>(),
               .seed = json.at("seed").get<std::uint64_t>()};
    if (!json.at("std_error").is_null()) e.std_error = json.at("std_error").get<double>();
    if (!json.at("ci95").is_null())
      e.ci95 = Interval{json.at("ci95").at(0).get<double>(), json.at("ci95").at(1).get<double>()};
    return e;
  } catch (const Json::exception& e) {
    fail(ErrorCode::format, "json", "not an estimate: {}", e.what());
  }
}

}  // namespace sonde::experiments
