// Batches of CIFAR-10, plain and gzip.
#include "gzip_bytes.hpp"
#include "tests/hostile/builders.hpp"
#include "tests/hostile/samples.hpp"

namespace sonde::hostile {
namespace {

constexpr std::size_t record_bytes = 3073;

std::string record(int label, char pixel) {
  return static_cast<char>(label) + std::string(record_bytes - 1, pixel);
}

}  // namespace

std::vector<Sample> cifar_samples() {
  const std::string one = record(0, 7), packed = gzipped(one);
  std::vector<Sample> out{
      {"one record", one},
      {"nothing", "", "not records"},
      {"one byte short", one.substr(1), "not records"},
      {"one byte long", one + '\0', "not records"},
      {"label 10", record(10, 0), "label 10"},
      {"gzip of nothing", gzipped(""), "not records"},
      {"gzip and text", packed + "text", "follows the compressed data"},
      {"gzip of gzip", gzipped(packed), "not records"},
      {"gzip in two members", gzipped(one.substr(0, 100)) + gzipped(one.substr(100))},
      {"gzip with empty members", repeated(gzipped(""), 20) + packed + gzipped("")},
      {"gzip bomb of 1.5 MB", gzipped(repeated(one, 500))},
      {"gzip bomb with a last label of 10", gzipped(repeated(one, 499) + record(10, 7)),
       "record 499 has label 10"},
  };
  for (int label : {1, 2, 3, 4, 5, 6, 7, 8, 9})
    out.push_back({"gzip label " + std::to_string(label), gzipped(record(label, '\xff'))});
  for (int label : {10, 11, 100, 127, 128, 255})
    out.push_back({"gzip label " + std::to_string(label), gzipped(record(label, '\0')),
                   "label " + std::to_string(label)});
  for (int n : {2, 3, 10, 100}) {
    out.push_back({"gzip of " + std::to_string(n), gzipped(repeated(one, n))});
    out.push_back({"gzip of a byte less than " + std::to_string(n),
                   gzipped(repeated(one, n).substr(1)), "not records"});
  }
  for (std::size_t n : {1, 2, 3, 10, 20})
    out.push_back(
        {"gzip cut by " + std::to_string(n), packed.substr(0, packed.size() - n), "ends early"});
  for (std::size_t n : {1, 32, 100, 1024, 3000, 3072})
    out.push_back(
        {"gzip of " + std::to_string(n) + " bytes", gzipped(one.substr(0, n)), "not records"});
  for (std::size_t n : {1, 2, 9, 10})  // within the header of gzip, or of one label
    out.push_back({"first " + std::to_string(n) + " bytes", packed.substr(0, n),
                   n == 1 ? "not records" : "ends early"});
  for (std::size_t at = 2; at < packed.size() && out.size() < 66; ++at) {
    std::string flipped = packed;
    flipped[at] = static_cast<char>(flipped[at] ^ 0xff);
    if (at >= 4 && at < 10) continue;  // date and system, which do not matter
    out.push_back({"gzip changed at " + std::to_string(at), flipped, "gunzip"});
  }
  return out;
}

}  // namespace sonde::hostile
