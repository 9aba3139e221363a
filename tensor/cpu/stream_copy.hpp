/// @file
/// Copies that bypass the caches.
#pragma once

#include <cstddef>

namespace sonde::cpu {

/// memcpy with streaming stores, for blocks that no cache would keep anyway.
void stream_copy(std::byte* to, const std::byte* from, std::size_t bytes);

}  // namespace sonde::cpu
