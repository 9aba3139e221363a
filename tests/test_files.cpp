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
                            [](const std::string& aside) {
                              write_bytes(aside, "torn");
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
