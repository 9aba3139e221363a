// Files of settings for --config. What is not JSON is bad usage, as a wrong option is.
#include "tests/hostile/builders.hpp"
#include "tests/hostile/samples.hpp"

namespace sonde::hostile {
namespace {

std::vector<Sample> good() {
  std::vector<Sample> out{
      {"no setting", "{}"},
      {"white space", " \t\r\n{ }\n"},
      {"one integer", R"({"seed": 7})"},
      {"whole config",
       R"({"experiment": "toy", "version": "0.1.0", "settings": {"seed": 3, "steps": 10}})"},
      {"every kind",
       R"({"steps": 5, "rate": 0.25, "scales": [0.5, 1, 2], "model": "mlp", "quiet": true})"},
      {"false is not given", R"({"quick": false, "full": false})"},
      {"text is not given", R"({"data-dir": ""})"},
      {"exponent", R"({"rate": 5e-1})"},
      {"escapes", R"({"data-dir": "\u00e4\n\"\\/"})"},
      {"path to the parent", R"({"data-dir": "../../../etc"})"},
      {"largest seed", R"({"seed": 18446744073709551615})"},
      {"list of one", R"({"seed": [1]})"},
      {"dashes", R"({"--seed": 1})"},
      {"flag with a number", R"({"quiet": 7})"},
      {"empty settings", R"({"settings": {}})"},
  };
  for (const char* rate : {"0", "1", "0.5", "1e-3", "1e-300", "0.1e0", "1E-05"})
    out.push_back({std::string("rate ") + rate, R"({"rate": )" + std::string(rate) + "}"});
  for (const char* model : {"mlp", "cnn"})
    out.push_back({std::string("model ") + model, R"({"model": ")" + std::string(model) + "\"}"});
  return out;
}

std::vector<Sample> hostile_text() {
  const std::string keys500 = [] {
    std::string out = "{";
    for (int i = 0; i < 513; ++i) out += (i ? ",\"" : "\"") + std::to_string(i) + "\":0";
    return out + "}";
  }();
  return {
      {"nothing", "", "parse error"},
      {"nul", std::string(1, '\0'), "parse error"},
      {"only a brace", "{", "parse error"},
      {"only a quote", "\"", "parse error"},
      {"no end", R"({"seed": 1)", "parse error"},
      {"comma at the end", R"({"seed": 1,})", "parse error"},
      {"comment", R"({"seed": 1} // one)", "parse error"},
      {"two objects", "{}{}", "parse error"},
      {"single quotes", "{'seed': 1}", "parse error"},
      {"leading zero", R"({"seed": 01})", "parse error"},
      {"plus sign", R"({"seed": +1})", "parse error"},
      {"not a number", R"({"rate": NaN})", "parse error"},
      {"too large for a double", R"({"rate": 1e400})", "overflow"},
      {"lone surrogate", R"({"data-dir": "\ud800"})", "parse error"},
      {"not UTF-8", "{\"data-dir\": \"\xff\"}", "parse error"},
      {"overlong UTF-8", "{\"data-dir\": \"\xc0\xaf\"}", "parse error"},
      {"control character", "{\"data-dir\": \"\x01\"}", "parse error"},
      {"bad escape", R"({"data-dir": "\x"})", "parse error"},
      {"byte order of UTF-16", "\xff\xfe{\0}\0", "parse error"},
      {"key twice", R"({"seed": 1, "seed": 2})", "appears twice"},
      {"key twice by an escape", R"({"seed": 1, "\u0073eed": 2})", "appears twice"},
      {"key twice within", R"({"settings": {"seed": 1, "seed": 2}})", "appears twice"},
      {"65 levels", repeated("[", 66) + repeated("]", 66), "more than 64 levels"},
      {"2000 levels", std::string(2000, '['), "more than 64 levels"},
      {"2000 levels of objects", repeated("{\"a\":", 700), "more than 64 levels"},
      {"513 keys", keys500, "more than 512 keys"},
  };
}

std::vector<Sample> hostile_settings() {
  std::vector<Sample> out{
      {"list", "[]", "no JSON object"},
      {"number", "1", "no JSON object"},
      {"null", "null", "no JSON object"},
      {"settings are a list", R"({"settings": []})", "no JSON object"},
      {"settings are null", R"({"settings": null})", "no JSON object"},
      {"other experiment", R"({"experiment": "other", "settings": {}})", "belongs to"},
      {"experiment is a number", R"({"experiment": 1, "settings": {}})", "belongs to"},
      {"unknown key", R"({"sed": 1})", "sed"},
      {"empty key", R"({"": 1})", ""},
      {"key with a dot", R"({"seed.x": 1})", ""},
      {"nested object", R"({"seed": {"a": 1}})", "neither a value"},
      {"nested list", R"({"scales": [[1]]})", "neither a value"},
      {"null value", R"({"seed": null})", "neither a value"},
      {"negative seed", R"({"seed": -1})", "is not in"},
      {"seed beyond 64 bits", R"({"seed": 18446744073709551616})", "is not in"},
      {"fraction for an integer", R"({"steps": 1.5})", "is not in"},
      {"too many steps", R"({"steps": 9223372036854775807})", "is not in"},
      {"text for a number", R"({"steps": "ten"})", "is not in"},
      {"rate above its limit", R"({"rate": 1.5})", "is not in"},
      {"unknown word", R"({"model": "rnn"})", "rnn"},
      {"both sizes", R"({"quick": true, "full": true})", ""},
      {"flag with text", R"({"quiet": "maybe"})", ""},
      {"two values for one", R"({"seed": [1, 2]})", ""},
      {"config within", R"({"config": "/etc/passwd"})", ""},
  };
  return out;
}

}  // namespace

std::vector<Sample> config_samples() {
  std::vector<Sample> out = good();
  for (const auto& more : {hostile_text(), hostile_settings()})
    for (const Sample& s : more) {
      out.push_back(s);
      out.back().code = ErrorCode::usage;
    }
  return out;
}

}  // namespace sonde::hostile
