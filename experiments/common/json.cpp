#include "experiments/common/json.hpp"

#include <istream>
#include <set>
#include <vector>

#include "tensor/json_limits.hpp"

namespace sonde::experiments {

namespace {

constexpr std::size_t max_depth = 64;
constexpr std::size_t max_keys = 512;  // which an ordered object compares with each new one

// Follows the parser without building anything. The library's own way to look on while it builds
// takes quadratic time over a list of objects.
class Strict final : public Json::json_sax_t {
 public:
  explicit Strict(const std::string& what) : what_(what) {}

  bool start_object(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool key(std::string& name) override {
    if (!keys_.back().insert(name).second)
      fail(ErrorCode::format, "json", "{}: key {} appears twice", what_, Json(name).dump());
    if (keys_.back().size() > max_keys)
      fail(ErrorCode::format, "json", "{}: more than {} keys in one object", what_, max_keys);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& e) override {
    fail(ErrorCode::format, "json", "{}: {}", what_, e.what());
  }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(std::int64_t) override { return true; }
  bool number_unsigned(std::uint64_t) override { return true; }
  bool number_float(double, const std::string&) override { return true; }
  bool string(std::string&) override { return true; }
  bool binary(Json::binary_t&) override { return true; }

 private:
  bool open() {
    keys_.emplace_back();
    if (keys_.size() > max_depth)
      fail(ErrorCode::format, "json", "{}: more than {} levels", what_, max_depth);
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }
  const std::string& what_;
  std::vector<std::set<std::string>> keys_;  // of each object that is open; lists have none
};

}  // namespace

Json parse_json(std::string_view text, const std::string& what) {
  check_json_limits(text, {.max_values = 1 << 20, .max_token = 1 << 20}, what);
  Strict strict(what);
  Json::sax_parse(text, &strict);
  return Json::parse(text);
}

std::string read_text(std::istream& in, std::int64_t max_bytes, const std::string& what) {
  std::string text(static_cast<std::size_t>(max_bytes) + 1, '\0');
  in.read(text.data(), max_bytes + 1);
  if (in.gcount() > max_bytes)
    fail(ErrorCode::format, "json", "{}: more than {} bytes", what, max_bytes);
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
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
               .n = integer_at<std::int64_t>(json, "n"),
               .m = integer_at<std::int64_t>(json, "m"),
               .seed = integer_at<std::uint64_t>(json, "seed")};
    if (!json.at("std_error").is_null()) e.std_error = json.at("std_error").get<double>();
    if (!json.at("ci95").is_null())
      e.ci95 = Interval{json.at("ci95").at(0).get<double>(), json.at("ci95").at(1).get<double>()};
    return e;
  } catch (const Json::exception& e) {
    fail(ErrorCode::format, "json", "not an estimate: {}", e.what());
  }
}

}  // namespace sonde::experiments
