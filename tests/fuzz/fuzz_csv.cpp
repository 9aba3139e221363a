#include "tests/fuzz/readers.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto& format = sonde::hostile::format("csv");
  sonde::hostile::read_or_refuse(format, std::as_bytes(std::span(data, size)));
  return 0;
}
