/// @file
/// What a program says, kept while it is under a fault.
#pragma once

#include <array>
#include <ostream>
#include <streambuf>
#include <string>

namespace sonde::faults {

/// Takes what a standard stream gets, while it lives, without asking for memory.
class Captured final : std::streambuf {
 public:
  explicit Captured(std::ostream& stream) : stream_(stream), former_(stream.rdbuf(this)) {
    setp(text_.data(), text_.data() + text_.size());
  }
  ~Captured() override { stream_.rdbuf(former_); }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  std::string text() const { return {pbase(), pptr()}; }

 private:
  std::ostream& stream_;
  std::streambuf* former_;
  std::array<char, 4096> text_;
};

}  // namespace sonde::faults
