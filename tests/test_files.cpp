#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <csignal>

#include "temp_folder.hpp"
#include "tensor/error.hpp"
#include "tensor/file.hpp"

namespace sonde {
namespace {

TEST(AtomicWrite, ReplacesTheFileAndLeavesNothingAside) {
  const TempFolder dir;
  atomic_write(dir / "a", "first");
  atomic_write(dir / "a", "second");
  EXPECT_EQ(read_bytes(dir / "a"), "second");
  EXPECT_EQ(dir.count(), 1u);
}

TEST(AtomicWrite, AFailedWriterLeavesTheOldFile) {
  const TempFolder dir;
  atomic_write(dir / "a", "old");
  EXPECT_THROW(atomic_write(dir / "a",
                            [](Descriptor& aside) {
                              aside.write(std::as_bytes(std::span("torn")));
                              throw std::runtime_error("half way");
                            }),
               std::runtime_error);
  EXPECT_EQ(read_bytes(dir / "a"), "old");
  EXPECT_EQ(dir.count(), 1u);
}

TEST(AtomicWrite, AFullDiskIsAFileErrorAndLeavesTheOldFile) {
  const TempFolder dir;
  atomic_write(dir / "a", "old");
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{100, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    atomic_write(dir / "a", std::string(1000, 'x'));
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::file);
    message = e.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_NE(message.find("File too large"), std::string::npos) << message;
  EXPECT_EQ(read_bytes(dir / "a"), "old");
  EXPECT_EQ(dir.count(), 1u);
}

TEST(AtomicWrite, AMissingFolderNamesPathAndReason) {
  const TempFolder dir;
  try {
    atomic_write(dir / "none/a", "text");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::file);
    EXPECT_NE(e.message().find("none/a"), std::string::npos);
    EXPECT_NE(e.message().find("No such file"), std::string::npos);
  }
}

TEST(AtomicWrite, TakesTheLongestNamesAndPassesOverWhatADeadProcessLeft) {
  const TempFolder dir;
  const std::string name(255, 'n');
  std::string aside;
  atomic_write(dir / name, [&](Descriptor& file) { aside = file.path(); });
  EXPECT_EQ(read_bytes(dir / name), "");
  // The next names end in the numbers that follow.
  const auto dot = aside.rfind('.');
  const int number = std::stoi(aside.substr(dot + 1));
  for (int n = 1; n <= 3; ++n)
    write_bytes(aside.substr(0, dot + 1) + std::to_string(number + n), "left");
  atomic_write(dir / name, "new");
  EXPECT_EQ(read_bytes(dir / name), "new");
  EXPECT_EQ(dir.count(), 4u);
}

TEST(AtomicWrite, KnowsItsOwnNames) {
  for (const char* name : {"a.tmp.1.0", "summary.json.tmp.4711.12", ".tmp.3.4"})
    EXPECT_TRUE(is_aside(name)) << name;
  for (const char* name : {"a", "a.tmp", "a.tmp.", "a.tmp.1", "a.tmp.1.", "a.tmp..1", "a.tmp.x.1",
                           "a.tmp.1.0.gz", "a.tmp.1.0x", ""})
    EXPECT_FALSE(is_aside(name)) << name;
}

TEST(FileStream, RefusesWhatIsNoRegularFile) {
  const TempFolder dir;
  ASSERT_EQ(mkfifo((dir / "pipe").c_str(), 0600), 0);
  for (const std::string& path :
       {dir / "missing", dir / "pipe", dir / ".", std::string("/dev/zero")}) {
    try {
      FileStream in(path);
      ADD_FAILURE() << path;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::file) << path;
      EXPECT_NE(e.message().find(path), std::string::npos);
    }
  }
}

TEST(ByteStream, CountsAndEnds) {
  const TempFolder dir;
  write_bytes(dir / "a", "abcdef");
  FileStream file(dir / "a");
  MemoryStream memory(std::as_bytes(std::span("abcdef", 6)));
  for (ByteStream* in : {static_cast<ByteStream*>(&file), static_cast<ByteStream*>(&memory)}) {
    char got[6];
    auto* to = reinterpret_cast<std::byte*>(got);
    in->read(to, 2);
    EXPECT_EQ(std::string(got, 2), "ab");
    EXPECT_EQ(in->remaining(), 4);
    EXPECT_THROW(in->read(to, 5), Error);
    EXPECT_EQ(in->read_some(to, 6), 4);
    EXPECT_EQ(std::string(got, 4), "cdef");
    EXPECT_EQ(in->remaining(), 0);
    EXPECT_EQ(in->read_some(to, 1), 0);
  }
}

}  // namespace
}  // namespace sonde
