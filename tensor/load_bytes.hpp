/// @file
/// Elements from a stream into a tensor, for every reader of files.
#pragma once

#include "tensor/file.hpp"
#include "tensor/tensor.hpp"

namespace sonde {

/// Bytes of a tensor of this shape and type that a file claims to hold; Error(format), naming
/// `what`, if the product overflows or a size is negative.
std::int64_t claimed_bytes(const Dims& shape, DType dtype, const std::string& what);

/// The stream's next bytes, at most `limit`, as u8: fewer only at the end. If what remains is only
/// claimed, memory grows with the bytes that really come, and is never more than twice those.
Tensor read_at_most(ByteStream& in, std::int64_t limit);

/// A row-major tensor from the stream's next bytes, of which as many must remain. If their number
/// is only claimed, memory grows with the bytes that really come. `swap`: the other byte order.
/// Bools become 0 or 1.
Tensor load_elements(ByteStream& in, const Dims& shape, DType dtype, bool swap = false);

}  // namespace sonde
