#include "tensor/io_npz.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return sonde::fuzz_reader(data, size,
                            [](std::span<const std::byte> bytes) { sonde::read_npz(bytes); });
}
