/// @file
/// NumPy's `.npy` format, versions 1 to 3. Whatever a file claims is checked before memory is asked
/// for.
#pragma once

#include <string>

#include "tensor/file.hpp"
#include "tensor/tensor.hpp"

namespace sonde {

/// Reads an array of one of the eight element types, of either byte order. Fortran order gives a
/// view with such strides. bf16 is `V2`, as NumPy with ml_dtypes writes it. Error(file),
/// Error(format): also if bytes follow the array.
Tensor load_npy(const std::string& path);
/// The same from a stream that holds one array and nothing else.
Tensor read_npy(ByteStream& in);

/// Writes version 1, little-endian, row-major; the same bytes each time. Error(file).
void save_npy(const std::string& path, const Tensor& t);
/// What precedes the elements in such a file.
std::string npy_header(const Spec& spec);

}  // namespace sonde
