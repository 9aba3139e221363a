// Folders of checkpoints, each packed into one file; see tests/fuzz/checkpoint_folder.hpp.
#include <fmt/format.h>

#include "tests/fuzz/checkpoint_folder.hpp"
#include "tests/hostile/builders.hpp"
#include "tests/hostile/samples.hpp"

namespace sonde::hostile {
namespace {

using Files = std::vector<FolderFile>;

std::string tensors(char fill) {
  return safetensors_file("{" + safetensors_entry("x", "F32", "[2]", "[0,8]") + "}",
                          std::string(8, fill));
}

std::string manifest_of(const std::string& rest) {
  return "{\"xxh3\":\"" + xxh3(rest) + "\"," + rest;
}

std::string manifest(const std::string& number, const std::string& bytes, const std::string& sum,
                     const std::string& state) {
  return manifest_of(
      fmt::format("\"number\": {}, \"tensors_bytes\": {}, \"tensors_xxh3\": {}, \"state\": {}}}\n",
                  number, bytes, sum, state));
}

std::string manifest_for(int number, const std::string& file,
                         const std::string& state = R"({"rate": 1.5e-7})") {
  return manifest(std::to_string(number), std::to_string(file.size()), "\"" + xxh3(file) + "\"",
                  state);
}

std::string name(const std::string& number, const char* ending) {
  return "checkpoint." + number + ending;
}

Files pair(int number) {
  const std::string file = tensors(static_cast<char>(number));
  return {{name(std::to_string(number), ".safetensors"), file},
          {name(std::to_string(number), ".json"), manifest_for(number, file)}};
}

Files both(const Files& a, const Files& b) {
  Files out = a;
  out.insert(out.end(), b.begin(), b.end());
  return out;
}

// A single checkpoint with a manifest of one's own.
Sample with_manifest(const std::string& label, const std::string& text,
                     const std::string& words = "all are damaged") {
  return {label,
          packed_folder({{name("1", ".safetensors"), tensors(1)}, {name("1", ".json"), text}}),
          words};
}

std::vector<Sample> layouts() {
  const Files one = pair(1), two = pair(2);
  const std::string file = tensors(1);
  const Files logged{one[0], {one[1].name, manifest_for(1, file, R"({"run": {"log_bytes": 3}})")}};
  return {
      {"nothing", ""},
      {"empty folder", packed_folder({})},
      {"one", packed_folder(one)},
      {"two", packed_folder(both(one, two))},
      {"three", packed_folder(both(both(one, two), pair(3)))},
      {"with a torn last line in the log",
       packed_folder(both(logged, {{"log.jsonl", "{}\n{}\n{\"torn"}}))},
      {"log shorter than it should be", packed_folder(both(logged, {{"log.jsonl", "{"}})),
       "its checkpoint says 3"},
      {"other files", packed_folder(both(one, {{"config.json", "{}"}, {"notes", "x"}}))},
      {"no tensors", packed_folder({one[1]}), "all are damaged"},
      {"no manifest", packed_folder({one[0]})},
      {"newest without its tensors", packed_folder(both(one, {two[1]}))},
      {"newest without its manifest", packed_folder(both(one, {two[0]}))},
      {"half written", packed_folder(both(one, {{"checkpoint.2.json.tmp.1.0", "{"}}))},
      {"swapped tensors",
       packed_folder({{one[0].name, two[0].bytes}, one[1], {two[0].name, one[0].bytes}, two[1]}),
       "all are damaged"},
      {"swapped manifests",
       packed_folder({one[0], {one[1].name, two[1].bytes}, two[0], {two[1].name, one[1].bytes}}),
       "all are damaged"},
      {"renamed",
       packed_folder(
           {{name("7", ".safetensors"), one[0].bytes}, {name("7", ".json"), one[1].bytes}}),
       "manifest of another number"},
      {"copied as a newer one", packed_folder(both(one, {{name("9", ".safetensors"), one[0].bytes},
                                                         {name("9", ".json"), one[1].bytes}}))},
      {"number with a zero in front", packed_folder({{name("01", ".safetensors"), one[0].bytes},
                                                     {name("01", ".json"), one[1].bytes}})},
      {"number twice", packed_folder(both(one, {{name("01", ".json"), one[1].bytes}}))},
      {"number 0", packed_folder({{name("0", ".json"), one[1].bytes}})},
      {"negative number", packed_folder({{name("-1", ".json"), one[1].bytes}})},
      {"number of 2^63-1",
       packed_folder(both(one, {{name("9223372036854775807", ".json"), one[1].bytes}}))},
      {"number of 2^64",
       packed_folder(both(one, {{name("18446744073709551616", ".json"), one[1].bytes}}))},
      {"largest number", packed_folder(both(one, {{name("1000000000000", ".json"), "{"}})),
       "no larger number"},
      {"no number", packed_folder({{"checkpoint..json", one[1].bytes}})},
      {"number in hexadecimal", packed_folder({{name("0x1", ".json"), one[1].bytes}})},
      {"file twice", packed_folder({one[0], one[1], one[0]})},
  };
}

std::vector<Sample> damage() {
  const Files one = pair(1), two = pair(2);
  std::vector<Sample> out;
  for (std::size_t n : {0, 1, 8, 9, 60}) {
    out.push_back({"tensors torn at " + std::to_string(n),
                   packed_folder({{one[0].name, one[0].bytes.substr(0, n)}, one[1]}),
                   "all are damaged"});
    out.push_back(
        {"newest tensors torn at " + std::to_string(n),
         packed_folder({one[0], one[1], {two[0].name, two[0].bytes.substr(0, n)}, two[1]})});
  }
  for (std::size_t n : {0, 1, 9, 26, 27, 28, 80}) {
    out.push_back({"manifest torn at " + std::to_string(n),
                   packed_folder({one[0], {one[1].name, one[1].bytes.substr(0, n)}}),
                   "all are damaged"});
    out.push_back(
        {"newest manifest torn at " + std::to_string(n),
         packed_folder({one[0], one[1], two[0], {two[1].name, two[1].bytes.substr(0, n)}})});
  }
  std::string flipped = one[0].bytes;
  flipped.back() ^= 1;
  out.push_back(
      {"changed element", packed_folder({{one[0].name, flipped}, one[1]}), "has not its checksum"});
  out.push_back({"bytes behind the manifest",
                 packed_folder({one[0], {one[1].name, one[1].bytes + "\n"}}), "with its checksum"});
  return out;
}

// Manifests whose checksum is right and whose contents are not.
std::vector<Sample> contents() {
  const std::string file = tensors(1), sum = "\"" + xxh3(file) + "\"", size = "80";
  auto sized = [&](const std::string& bytes) { return manifest("1", bytes, sum, "{}"); };
  std::vector<Sample> out{
      with_manifest("old format", "{\"tensors_bytes\": 80, \"state\": {}}", "with its checksum"),
      with_manifest("not JSON", manifest_of("}"), "parse error"),
      with_manifest("nothing but a checksum", manifest_of("\"a\": 1}"), "no integer"),
      with_manifest("number is text", manifest("\"1\"", size, sum, "{}"), "no integer"),
      with_manifest("number is a fraction", manifest("1.0", size, sum, "{}"), "no integer"),
      with_manifest("number of 1e300", manifest("1e300", size, sum, "{}"), "no integer"),
      with_manifest("manifest number of 2^64", manifest("18446744073709551617", size, sum, "{}"),
                    "no integer"),
      with_manifest("size of 1e300", sized("1e300"), "no integer"),
      with_manifest("negative size", sized("-1"), "has not its -1 bytes"),
      with_manifest("size of 2^64-1", sized("18446744073709551615"), "no integer"),
      with_manifest("size too small", sized("1"), "has not its"),
      with_manifest("checksum is a number", manifest("1", std::to_string(file.size()), "1", "{}"),
                    "type must be string"),
      with_manifest("state is a list", manifest("1", std::to_string(file.size()), sum, "[]"),
                    "the state is no object"),
      with_manifest("state is missing", manifest_of("\"number\": 1, \"tensors_bytes\": 80}"),
                    "key"),
      with_manifest("state key twice", manifest_for(1, file, R"({"a": 1, "a": 2})"),
                    "appears twice"),
      with_manifest(
          "state of 100 levels",
          manifest_for(1, file, "{\"a\":" + repeated("[", 100) + repeated("]", 100) + "}"),
          "more than 64 levels"),
      with_manifest("log size is negative", manifest_for(1, file, R"({"run": {"log_bytes": -1}})"),
                    "its checkpoint says -1"),
      with_manifest("log size of 2^63-1",
                    manifest_for(1, file, R"({"run": {"log_bytes": 9223372036854775807}})"),
                    "its checkpoint says"),
      with_manifest("log size is text", manifest_for(1, file, R"({"run": {"log_bytes": "3"}})"),
                    "no integer"),
  };
  const std::string bad = safetensors_file("{\"x\":{}}", "");
  out.push_back({"tensors are no safetensors",
                 packed_folder({{name("1", ".safetensors"), bad},
                                {name("1", ".json"), manifest_for(1, bad)}}),
                 "lacks"});
  return out;
}

}  // namespace

std::vector<Sample> checkpoint_samples() {
  std::vector<Sample> out = layouts();
  for (const auto& more : {damage(), contents()}) out.insert(out.end(), more.begin(), more.end());
  return out;
}

}  // namespace sonde::hostile
