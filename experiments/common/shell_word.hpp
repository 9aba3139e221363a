/// @file
/// Words as a shell reads them.
#pragma once

#include <string>
#include <string_view>

namespace sonde::experiments {

/// The word in quotes if a POSIX shell would take it for anything else without.
std::string shell_word(std::string_view word);

}  // namespace sonde::experiments
