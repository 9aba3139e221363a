// A fuzz target feeds any bytes to a reader: a value or a typed Error may come of it, nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/allocator.hpp"
#include "tensor/error.hpp"

namespace sonde {

/// Runs `read` on the input under a limit of 64 MiB. Any exception but Error(format) or
/// Error(memory) escapes and is a find.
template <class Read>
int fuzz_reader(const std::uint8_t* data, std::size_t size, Read&& read) {
  set_memory_limit(64 << 20);
  try {
    read(std::as_bytes(std::span(data, size)));
  } catch (const Error& e) {
    if (e.code() != ErrorCode::format && e.code() != ErrorCode::memory) throw;
  }
  return 0;
}

}  // namespace sonde
