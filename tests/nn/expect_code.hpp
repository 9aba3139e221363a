/// @file
/// Expects that a call fails with an Error of one code.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tensor/error.hpp"

namespace sonde::testing {

/// Returns the message.
template <class F>
std::string expect_code(ErrorCode code, const F& f) {
  try {
    f();
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    return e.what();
  }
  return {};
}
/// The message has this part.
template <class F>
void expect_code(ErrorCode code, std::string_view part, const F& f) {
  const std::string message = expect_code(code, f);
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

}  // namespace sonde::testing
