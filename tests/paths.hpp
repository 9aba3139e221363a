/// @file
/// Where tests find the files of the checkout.
#pragma once

#include <string>

namespace sonde::testing {

/// The top folder of the checkout that the tests were built from.
std::string source_dir();

}  // namespace sonde::testing
