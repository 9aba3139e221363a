// The program itself: which addresses are its variables, and which line of source its code comes
// from.
#pragma once

#include <cstdint>
#include <string>

namespace simulator {

enum class ImagePart : std::uint8_t { none, zeroed, other };
/// The part of the program or its libraries in which the address lies: variables that start as
/// zeros (where static shared memory lies), anything else, or neither.
ImagePart part_of_image(const void* address);

/// Name of the function with that address.
std::string function_at(const void* address);
/// "file:line" of the code, or the function's name if the program has no debugging information.
std::string source_of(const void* code);

}  // namespace simulator
