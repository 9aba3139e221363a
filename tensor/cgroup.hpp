/// @file
/// What the operating system grants this process: CPUs and memory, by affinity mask and control
/// groups.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>

namespace sonde {

/// No limit of memory.
inline constexpr std::int64_t no_memory_limit = std::numeric_limits<std::int64_t>::max();

/// CPUs in this process's affinity mask, at least 1.
int affinity_cpus();
/// CPUs granted by the control groups of this process (version 2 or 1), which need not be whole;
/// infinity without a quota. `root` stands for `/`, for tests.
double cgroup_cpus(const std::filesystem::path& root = "/");
/// Bytes of memory granted by the control groups of this process; `no_memory_limit` without a
/// limit.
std::int64_t cgroup_memory(const std::filesystem::path& root = "/");

}  // namespace sonde
