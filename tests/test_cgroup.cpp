#include "tensor/cgroup.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <string>

namespace sonde {
namespace {

namespace fs = std::filesystem;

// A root folder with the files of /proc and /sys that a test writes.
class Cgroup : public testing::Test {
 protected:
  Cgroup() : root_(fs::path(testing::TempDir()) / ("sonde_cgroup_" + std::to_string(getpid()))) {}
  ~Cgroup() override { fs::remove_all(root_); }

  void write(const fs::path& file, const std::string& text) {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }
  const fs::path root_;
};

TEST_F(Cgroup, NoFilesMeanNoLimit) {
  EXPECT_TRUE(std::isinf(cgroup_cpus(root_)));
  EXPECT_EQ(cgroup_memory(root_), no_memory_limit);
  EXPECT_GE(affinity_cpus(), 1);
}

TEST_F(Cgroup, VersionTwoTakesTheSmallestLimitOnThePath) {
  write("proc/self/cgroup", "0::/outer/inner\n");
  write("sys/fs/cgroup/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/outer/cpu.max", "150000 100000\n");
  write("sys/fs/cgroup/outer/inner/cpu.max", "400000 100000\n");
  write("sys/fs/cgroup/outer/memory.max", "max\n");
  write("sys/fs/cgroup/outer/inner/memory.max", "1048576\n");
  EXPECT_EQ(cgroup_cpus(root_), 1.5);
  EXPECT_EQ(cgroup_memory(root_), 1048576);
}

TEST_F(Cgroup, VersionOneFindsItsControllers) {
  write("proc/self/cgroup", "4:memory:/job\n1:cpuset,cpu,cpuacct:/job\n0::/\n");
  write("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "200000\n");
  write("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "2097152\n");
  EXPECT_EQ(cgroup_cpus(root_), 2.0);
  EXPECT_EQ(cgroup_memory(root_), 2097152);
}

TEST_F(Cgroup, VersionOneSaysMinusOneAndHugeNumbersForNone) {
  write("proc/self/cgroup", "4:memory:/\n1:cpu:/\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_TRUE(std::isinf(cgroup_cpus(root_)));
  EXPECT_EQ(cgroup_memory(root_), no_memory_limit);
}

}  // namespace
}  // namespace sonde
