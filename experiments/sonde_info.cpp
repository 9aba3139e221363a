// sonde_info: what this build and this machine offer, as a page or as JSON. Exit 0 also when
// something is not as fast as it could be: warnings are lines of the report. Exit 2 on bad usage.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tensor/backend.hpp"
#include "tensor/cgroup.hpp"
#include "tensor/error.hpp"
#include "tensor/system.hpp"

namespace {

namespace fs = std::filesystem;

struct DataSet {
  std::string name, path;
};

// Every folder below a place that is searched for data, the first place first.
std::vector<DataSet> find_data_sets(const std::string& data_dir) {
  std::vector<DataSet> found;
  const char* environment = std::getenv("SONDE_DATA_DIR");
  for (const fs::path place : {data_dir, std::string(environment ? environment : ""),
                               std::string("/usr/share/datasets")}) {
    std::error_code ignored;  // a place that cannot be read has no data
    for (const auto& entry : fs::directory_iterator(place, ignored)) {
      if (entry.is_directory(ignored)) found.push_back({entry.path().filename(), entry.path()});
    }
  }
  std::ranges::stable_sort(found, {}, &DataSet::name);
  return found;
}

// The devices that programs can compute on beside the CPU, and why there is none.
struct Devices {
  std::vector<std::pair<std::string, sonde::DeviceInfo>> found;
  std::string why_none;
};

Devices find_devices() {
  Devices out;
  const int count = sonde::device_count(sonde::DeviceType::cuda);
  try {
    for (int i = 0; i < std::max(count, 1); ++i) {
      const sonde::Device device{sonde::DeviceType::cuda, static_cast<std::int8_t>(i)};
      out.found.emplace_back(to_string(device), sonde::device_info(device));
    }
  } catch (const sonde::Error& e) {
    out.why_none = e.message();
  }
  return out;
}

nlohmann::ordered_json to_json(const Devices& devices) {
  auto json = nlohmann::ordered_json::array();
  for (const auto& [device, info] : devices.found)
    json.push_back({{"device", device},
                    {"name", info.name},
                    {"capability", info.capability},
                    {"multiprocessors", info.multiprocessors},
                    {"memory_bytes", info.memory_bytes},
                    {"memory_free_bytes", info.memory_free_bytes},
                    {"driver", info.driver},
                    {"runtime", info.runtime}});
  return json;
}

nlohmann::ordered_json to_json(const sonde::SystemInfo& info, const Devices& devices,
                               const std::vector<DataSet>& data) {
  nlohmann::ordered_json json;
  for (const auto& [name, version] : info.versions) json["versions"][name] = version;
  json["build_type"] = info.build_type;
  json["cpu"] = info.cpu;
  json["simd"] = info.simd;
  json["blas_core"] = info.blas_core;
  json["blas_core_expected"] = info.blas_core_expected;
  json["blas_warning"] = info.blas_warning;
  json["threads"] = info.threads;
  json["affinity_cpus"] = info.affinity_cpus;
  if (std::isfinite(info.quota_cpus)) json["quota_cpus"] = info.quota_cpus;
  json["memory_bytes"] = info.memory_bytes;
  json["memory_free_bytes"] = info.memory_free_bytes;
  if (info.memory_limit_bytes != sonde::no_memory_limit) {
    json["memory_limit_bytes"] = info.memory_limit_bytes;
  }
  json["devices"] = to_json(devices);
  if (!devices.why_none.empty()) json["devices_why_none"] = devices.why_none;
  json["data_sets"] = nlohmann::ordered_json::array();
  for (const DataSet& set : data)
    json["data_sets"].push_back({{"name", set.name}, {"path", set.path}});
  return json;
}

std::string gibibytes(std::int64_t bytes) {
  return bytes == sonde::no_memory_limit ? "none" : fmt::format("{:.1f} GiB", bytes * 0x1p-30);
}

std::string cpus(double quota) {
  return std::isfinite(quota) ? fmt::format("{:.3g}", quota) : "none";
}

void print_page(const sonde::SystemInfo& info, const Devices& devices,
                const std::vector<DataSet>& data) {
  const auto line = [](std::string_view name, std::string_view value) {
    fmt::print("{:<10} {}\n", name, value);
  };
  for (const auto& [name, version] : info.versions) line(name, version);
  line("build", info.build_type);
  line("CPU", info.cpu);
  line("SIMD", info.simd);
  line("BLAS core",
       fmt::format("{} ({})", info.blas_core,
                   info.blas_warning.empty() ? "fits this CPU" : "does not fit this CPU"));
  line("threads", fmt::format("{} (affinity {}, quota {})", info.threads, info.affinity_cpus,
                              cpus(info.quota_cpus)));
  line("memory",
       fmt::format("{}, free {}, limit {}", gibibytes(info.memory_bytes),
                   gibibytes(info.memory_free_bytes), gibibytes(info.memory_limit_bytes)));
  for (const auto& [device, gpu] : devices.found)
    line("device", fmt::format("{}: {}, capability {}, memory {}, free {}, driver {}, runtime {}",
                               device, gpu.name, gpu.capability, gibibytes(gpu.memory_bytes),
                               gibibytes(gpu.memory_free_bytes), gpu.driver, gpu.runtime));
  if (devices.found.empty()) line("device", fmt::format("none but the CPU ({})", devices.why_none));
  for (const DataSet& set : data) line("data set", fmt::format("{:<16} {}", set.name, set.path));
  if (data.empty())
    line("data set", "none (apt install dataset-fashion-mnist, or set SONDE_DATA_DIR)");
  if (!info.blas_warning.empty()) line("warning", info.blas_warning);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Prints what this build of Sonde and this machine offer."};
  bool json = false;
  std::string data_dir;
  app.add_flag("--json", json, "print JSON");
  app.add_option("--data-dir", data_dir, "a further folder with data sets");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  const sonde::SystemInfo info = sonde::system_info();
  const std::vector<DataSet> data = find_data_sets(data_dir);
  const Devices devices = find_devices();
  if (json) {
    fmt::print("{}\n", to_json(info, devices, data).dump(2));
  } else {
    print_page(info, devices, data);
  }
}
