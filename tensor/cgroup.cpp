#include "tensor/cgroup.hpp"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <string_view>

namespace sonde {
namespace {

namespace fs = std::filesystem;

// Where the files of `controller` are: the folder of its mount, and this process's group below it.
// Lines of /proc/self/cgroup read `id:controllers:/path`; version 2 has the one line `0::/path`.
struct Group {
  fs::path mount;
  fs::path path;
};

bool names(std::string_view controllers, std::string_view controller) {
  std::stringstream list{std::string(controllers)};
  for (std::string name; std::getline(list, name, ',');) {
    if (name == controller) return true;
  }
  return false;
}

// The group of `controller`, or version 2's group if `controller` is empty.
Group find_group(const fs::path& root, std::string_view controller) {
  const fs::path mounts = root / "sys/fs/cgroup";
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string_view controllers =
        std::string_view(line).substr(first + 1, second - first - 1);
    const bool found = controller.empty() ? controllers.empty() : names(controllers, controller);
    if (found) return {mounts / controller, fs::path(line.substr(second + 1)).relative_path()};
  }
  return {mounts / controller, {}};
}

// The smallest limit from the group up to the mount: every ancestor limits too. In a container the
// path may be the host's and not exist; then the mount itself is the container's group.
double smallest_limit(const Group& group, const std::function<double(const fs::path&)>& limit) {
  double smallest = limit(group.mount);
  fs::path folder = group.mount;
  for (const fs::path& part : group.path) {
    folder /= part;
    smallest = std::min(smallest, limit(folder));
  }
  return smallest;
}

constexpr double unlimited = std::numeric_limits<double>::infinity();

// The first number of a file; unlimited if there is none ("max", no file).
double number_in(const fs::path& file) {
  std::ifstream in(file);
  double value = 0;
  return in >> value ? value : unlimited;
}

double cpus_v2(const fs::path& folder) {  // "quota period" or "max period", in us
  std::ifstream in(folder / "cpu.max");
  double quota = 0, period = 0;
  return in >> quota >> period && period > 0 ? quota / period : unlimited;
}

double cpus_v1(const fs::path& folder) {  // a quota of -1 is none
  const double quota = number_in(folder / "cpu.cfs_quota_us");
  const double period = number_in(folder / "cpu.cfs_period_us");
  return quota > 0 && period > 0 && period != unlimited ? quota / period : unlimited;
}

}  // namespace

int affinity_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

double cgroup_cpus(const fs::path& root) {
  return std::min(smallest_limit(find_group(root, ""), cpus_v2),
                  smallest_limit(find_group(root, "cpu"), cpus_v1));
}

std::int64_t cgroup_memory(const fs::path& root) {
  const auto file = [](const char* name) {
    return [name](const fs::path& folder) { return number_in(folder / name); };
  };
  const double bytes =
      std::min(smallest_limit(find_group(root, ""), file("memory.max")),
               smallest_limit(find_group(root, "memory"), file("memory.limit_in_bytes")));
  return bytes < 0x1p62 ? static_cast<std::int64_t>(bytes) : no_memory_limit;
}

}  // namespace sonde
