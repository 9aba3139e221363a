/// @file
/// The one exception type of Sonde. Every code is listed with cause and cure in docs/errors.md.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace sonde {

/// What went wrong; the number is the stable part of the message (`[S1001]`).
enum class ErrorCode : std::uint16_t {
  shape = 1001,      ///< sizes or ranks that do not fit together
  dtype = 1002,      ///< element types that do not fit together or are not supported here
  device = 1003,     ///< operands on different devices
  axis = 1004,       ///< an axis out of range, or named twice
  value = 1005,      ///< an attribute out of its range (stride 0, negative size, ...)
  broadcast = 1010,  ///< shapes that do not broadcast
  size = 1011,       ///< an element or byte count that overflows
  kernel = 1020,     ///< no kernel for (op, device, dtype)
  escaped = 1030,    ///< a value used outside the transform that made it
  stale = 1031,      ///< a saved tensor was modified after it was recorded
  closure = 1032,    ///< a value of an enclosing transform entered through a closure
  rule = 1033,       ///< a derivative or batch rule that cannot be applied
  anomaly = 1040,    ///< first NaN or Inf, in anomaly mode
  names = 1042,      ///< named weights that are missing or unexpected
  memory = 1050,     ///< memory that could not be had
  backend = 1051,    ///< a device that is not there, or whose runtime reports a failure
  data = 1060,       ///< a data set that is missing
  file = 1061,       ///< a file that could not be read or written
  format = 1062,     ///< a file whose contents are malformed
  usage = 1070,      ///< options that are unknown or do not fit together
  numeric = 1080,    ///< a numerical method that failed (singular matrix, no convergence)
};

/// An error with code, operation, message, hint, call site and module path; `what()` shows them in
/// one line:
/// `[S1001] matmul: inner sizes differ: lhs [5,3], rhs [4,2] (3 != 4); at train.cpp:41, in
/// blocks.2.attn; hint: ...`
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, std::string_view op, std::string message, std::string hint = {})
      : std::runtime_error(""),
        code_(code),
        op_(op),
        message_(std::move(message)),
        hint_(std::move(hint)) {
    compose();
  }

  /// Adds the user's call site; the innermost one set first wins.
  Error& at(std::source_location where) {
    if (line_ == 0) {
      file_ = where.file_name();
      line_ = where.line();
      compose();
    }
    return *this;
  }
  /// Adds the path of the module in which the error arose; the first one set wins.
  Error& in(std::string module_path) {
    if (module_path_.empty()) {
      module_path_ = std::move(module_path);
      compose();
    }
    return *this;
  }

  ErrorCode code() const noexcept { return code_; }
  const std::string& op() const noexcept { return op_; }
  const std::string& message() const noexcept { return message_; }
  const std::string& hint() const noexcept { return hint_; }
  const std::string& file() const noexcept { return file_; }
  std::uint32_t line() const noexcept { return line_; }
  const std::string& module_path() const noexcept { return module_path_; }
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  void compose();

  ErrorCode code_;
  std::string op_, message_, hint_, file_, module_path_, what_;
  std::uint32_t line_ = 0;
};

/// Throws Error; the message is formatted with fmt.
template <class... Args>
[[noreturn]] void fail(ErrorCode code, std::string_view op, fmt::format_string<Args...> format,
                       Args&&... args) {
  throw Error(code, op, fmt::format(format, std::forward<Args>(args)...));
}

/// As `fail`, with a hint that names the cure.
template <class... Args>
[[noreturn]] void fail_hint(ErrorCode code, std::string_view op, std::string hint,
                            fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, op, fmt::format(format, std::forward<Args>(args)...), std::move(hint));
}

}  // namespace sonde
