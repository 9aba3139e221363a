/// @file
/// What the descriptions of modules are made of.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "tensor/kernels/conv.hpp"

namespace sonde::nn::detail {

/// A string as a template argument: the name of a module that is made from a function.
template <std::size_t n>
struct StaticText {
  char chars[n];
  constexpr StaticText(const char (&text)[n]) { std::copy_n(text, n, chars); }
  constexpr std::string_view view() const { return {chars, n - 1}; }
};

inline std::string size_text(std::int64_t size) {
  return fmt::format("{}", size);
}
inline std::string size_text(Size2 size) {
  return fmt::format("({}, {})", size[0], size[1]);
}

}  // namespace sonde::nn::detail
