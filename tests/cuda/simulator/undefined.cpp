// What sources compiled with parts of -fsanitize=undefined call where behaviour is undefined:
// misaligned vectors, indices beyond an array, overflow. Linked without that option, these
// functions stand in place of its library, which does not know of kernels.
#include <cstdint>
#include <string>

#include "access.hpp"
#include "fault.hpp"

namespace {

/// With this starts whatever the compiler hands to a handler.
struct Where {
  const char* file;
  std::uint32_t line, column;
};

[[noreturn]] void undefined(const Where* where, const char* what) {
  const simulator::Inside outside(false);
  simulator::fault(std::string(what) + " at " + where->file + ":" + std::to_string(where->line) +
                   ":" + std::to_string(where->column));
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier): the compiler's names. The arguments that follow are
// not looked at.
#define HANDLER(name, what)                                   \
  extern "C" void __ubsan_handle_##name(const Where* where) { \
    undefined(where, what);                                   \
  }
HANDLER(type_mismatch_v1, "a misaligned pointer is used")
HANDLER(out_of_bounds, "the index lies outside of the array")
HANDLER(add_overflow, "a sum of signed integers overflows")
HANDLER(sub_overflow, "a difference of signed integers overflows")
HANDLER(mul_overflow, "a product of signed integers overflows")
HANDLER(negate_overflow, "a negated signed integer overflows")
HANDLER(divrem_overflow, "a division by zero, or one that overflows")
HANDLER(shift_out_of_bounds, "a shift by too many bits or of a negative number")
#undef HANDLER
// NOLINTEND(bugprone-reserved-identifier)
