/// @file
/// Files that appear whole or not at all, and bytes read in sequence. Every failure is Error(file)
/// with path and reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "tensor/descriptor.hpp"

namespace sonde {

/// Replaces the file at `path`: `write` fills an empty file beside the real one, which is then
/// flushed to disk and renamed. Readers see the old file or the new one; if anything fails, the old
/// one stays and nothing is left.
void atomic_write(const std::string& path, const std::function<void(Descriptor& aside)>& write);
/// The same for bytes in memory, written one part after the other.
void atomic_write(const std::string& path, std::span<const std::span<const std::byte>> parts);
void atomic_write(const std::string& path, std::string_view text);
/// Whether a file of this name was left by an atomic_write that was killed (or is being made).
bool is_aside(std::string_view name);

/// Bytes in sequence.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Fills `to` as far as there are bytes; returns their number, less than asked for only at the
  /// end.
  virtual std::int64_t read_some(std::byte* to, std::int64_t n) = 0;

  /// What messages call it.
  const std::string& name() const { return name_; }
  /// Bytes still to come.
  std::int64_t remaining() const { return remaining_; }
  /// Whether `remaining` was measured. Of compressed data it is only claimed, by the file itself.
  bool measured() const { return measured_; }
  /// Exactly n bytes; Error(format) if the stream ends before.
  void read(std::byte* to, std::int64_t n);

 protected:
  ByteStream(std::string name, std::int64_t remaining, bool measured)
      : name_(std::move(name)), remaining_(remaining), measured_(measured) {}
  void took(std::int64_t n) { remaining_ -= n; }

 private:
  std::string name_;
  std::int64_t remaining_;
  bool measured_;
};

/// A regular file.
class FileStream final : public ByteStream {
 public:
  explicit FileStream(const std::string& path);
  std::int64_t read_some(std::byte* to, std::int64_t n) override;

 private:
  Descriptor file_;
};

/// Bytes in memory, which must outlive the stream.
class MemoryStream final : public ByteStream {
 public:
  explicit MemoryStream(std::span<const std::byte> bytes, std::string name = "memory")
      : ByteStream(std::move(name), static_cast<std::int64_t>(bytes.size()), true),
        next_(bytes.data()) {}
  std::int64_t read_some(std::byte* to, std::int64_t n) override;

 private:
  const std::byte* next_;
};

}  // namespace sonde
