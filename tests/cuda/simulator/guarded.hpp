// Memory with guards before and after, filled with poison.
#pragma once

#include <cstddef>
#include <string>

namespace simulator {

constexpr int poison_fresh = 0xFF;  ///< floats are NaN, integers -1
constexpr int poison_freed = 0xEE;

/// `bytes` of memory, aligned to 256 and filled with 0xFF, between guards that a sanitizer watches
/// and check() reads.
class Guarded {
 public:
  /// `what` names the memory in messages. data() is null if the host has no memory for it.
  Guarded(std::string what, std::size_t bytes);
  ~Guarded();
  Guarded(Guarded&& other) noexcept;
  Guarded& operator=(Guarded&&) = delete;

  std::byte* data() const { return data_; }
  std::size_t size() const { return bytes_; }
  const std::string& what() const { return what_; }

  /// Ends the program if a guard was written to.
  void check() const;
  /// Poisons what is freed; from here on nobody may touch it.
  void retire();
  /// Ends the program if somebody wrote to it since retire().
  void check_retired() const;

 private:
  std::string what_;
  std::size_t bytes_;
  std::byte* data_ = nullptr;
};

}  // namespace simulator
