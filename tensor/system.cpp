#include "tensor/system.hpp"

#include <fmt/format.h>
#include <hwy/highway.h>
#include <tbb/version.h>

#include <fstream>
#include <sstream>

#include "tensor/cgroup.hpp"
#include "tensor/cpu/blas.hpp"
#include "tensor/parallel.hpp"

namespace sonde {
namespace {

// The value of the first line `key : value` or `key: value` of a file of /proc.
std::string proc_value(const char* file, std::string_view key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const auto begin = line.find_first_not_of(" \t", line.find(':') + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return {};
}

std::int64_t meminfo_bytes(std::string_view key) {  // lines read `MemTotal: 8000000 kB`
  std::istringstream value(proc_value("/proc/meminfo", key));
  std::int64_t kilobytes = 0;
  value >> kilobytes;
  return kilobytes * 1024;
}

std::string highway_version() {
  return fmt::format("{}.{}.{}", HWY_MAJOR, HWY_MINOR, HWY_PATCH);
}

std::string fmt_version() {
  return fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100);
}

}  // namespace

const char* version() {
  return SONDE_VERSION;
}

const char* simd_level() {
  const std::int64_t targets = hwy::SupportedTargets() & HWY_TARGETS;
  return hwy::TargetName(targets & -targets);  // the lowest bit is the best
}

SystemInfo system_info() {
  SystemInfo info;
  info.versions = {{"sonde", version()},
                   {"compiler", SONDE_COMPILER},
                   {"oneTBB", TBB_runtime_version()},
                   {"fmt", fmt_version()},
                   {"Highway", highway_version()},
                   {"OpenBLAS", std::string(cpu::blas_config())}};
  info.build_type = SONDE_BUILD_TYPE;
  info.cpu = proc_value("/proc/cpuinfo", "model name");
  info.simd = simd_level();
  info.blas_core = cpu::blas_core();
  info.blas_core_expected = cpu::blas_core_expected();
  info.blas_warning = cpu::blas_warning();
  info.threads = threads();
  info.affinity_cpus = affinity_cpus();
  info.quota_cpus = cgroup_cpus();
  info.memory_bytes = meminfo_bytes("MemTotal");
  info.memory_free_bytes = meminfo_bytes("MemAvailable");
  info.memory_limit_bytes = cgroup_memory();
  return info;
}

}  // namespace sonde
