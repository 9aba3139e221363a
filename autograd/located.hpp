/// @file
/// The user's call site for errors that an op finds before it emits anything.
#pragma once

#include <source_location>

#include "tensor/error.hpp"

namespace sonde {

/// f(), with `where` added to an Error that has no call site yet.
template <class F>
decltype(auto) located(std::source_location where, F&& f) {
  try {
    return f();
  } catch (Error& e) {
    e.at(where);
    throw;
  }
}

}  // namespace sonde
