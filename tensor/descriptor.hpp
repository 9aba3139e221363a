/// @file
/// An open file. Calls that a signal interrupts, and those that move less than was asked, are gone
/// on with; every failure is Error(file) with path and reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace sonde {

/// Error(file) with the text of an errno, or Error(memory) if that is ENOMEM.
[[noreturn]] void fail_errno(std::string_view op, const std::string& path, int code);

class Descriptor {
 public:
  /// Flags are those of open(2); a file that is made gets the mode 0666 less the umask. `op` is
  /// what errors call the work and must be a literal.
  Descriptor(std::string_view op, std::string path, int flags);
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept
      : op_(other.op_), path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  int get() const { return fd_; }
  const std::string& path() const { return path_; }
  std::int64_t size() const;

  /// Fills `to` as far as there are bytes from here on; returns their number.
  std::int64_t read_some(std::span<std::byte> to);
  /// The same from a place in the file.
  std::int64_t read_at(std::int64_t offset, std::span<std::byte> to);
  void write(std::span<const std::byte> bytes);
  void write_at(std::int64_t offset, std::span<const std::byte> bytes);
  void truncate(std::int64_t size);
  /// Waits until the file is on the disk, if that is where it lives.
  void sync();
  /// As the destructor, but an error is told.
  void close();

 private:
  [[noreturn]] void failed() const;
  std::string_view op_;
  std::string path_;
  int fd_;
};

/// Opens a file to be read. Error(file) if it is a folder, a pipe or a device.
Descriptor open_regular(std::string_view op, const std::string& path);

}  // namespace sonde
