// The readers of files as functions of bytes: for fuzzing, for replaying seeds, and for the tables
// of samples. Each reads, or throws an Error; any other exception is a find.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "tests/hostile/samples.hpp"

namespace sonde::hostile {

struct Format {
  std::string name;
  void (*read)(std::span<const std::byte>);
  std::vector<Sample> (*samples)();
};

/// All of them.
const std::vector<Format>& formats();
/// The one of that name.
const Format& format(const std::string& name);

/// Reads under a limit of 64 MiB of tensors, and passes over the Errors that a file may give.
/// Anything else escapes.
void read_or_refuse(const Format& format, std::span<const std::byte> bytes);

/// A mutator for safetensors files that knows their form; libFuzzer's contract. `mutate` is its own
/// mutator of plain bytes.
std::size_t mutate_safetensors(std::uint8_t* data, std::size_t size, std::size_t max_size,
                               unsigned seed,
                               std::size_t (*mutate)(std::uint8_t*, std::size_t, std::size_t));

}  // namespace sonde::hostile
