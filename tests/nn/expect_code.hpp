/// @file
/// Expects that a call fails with an Error of one code.
#pragma once

#include <gtest/gtest.h>

#include "tensor/error.hpp"

namespace sonde::testing {

template <class F>
void expect_code(ErrorCode code, const F& f) {
  try {
    f();
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
  }
}

}  // namespace sonde::testing
