#include "tensor/load_bytes.hpp"

#include <algorithm>
#include <cstring>

namespace sonde {
namespace {

constexpr std::int64_t step = 1 << 20;

void swap_bytes(std::byte* p, std::int64_t count, std::int64_t width) {
  for (std::int64_t i = 0; i < count; ++i) std::reverse(p + i * width, p + (i + 1) * width);
}

// Reads `bytes` into a buffer that doubles: never more than twice what has really come.
Tensor read_growing(ByteStream& in, std::int64_t bytes) {
  Tensor buffer = Tensor::empty({std::min(bytes, step)}, DType::u8);
  for (std::int64_t done = 0; done < bytes;) {
    if (done == buffer.numel()) {
      const Tensor larger = Tensor::empty({std::min(bytes, 2 * done)}, DType::u8);
      std::memcpy(larger.bytes(), buffer.bytes(), static_cast<std::size_t>(done));
      buffer = larger;
    }
    const std::int64_t n = std::min(step, buffer.numel() - done);
    in.read(buffer.bytes() + done, n);
    done += n;
  }
  return buffer;
}

}  // namespace

std::int64_t claimed_bytes(const Dims& shape, DType dtype, const std::string& what) {
  try {
    contiguous_strides(shape);
    return checked_mul(numel(shape), size_of(dtype));
  } catch (const Error& e) {
    fail(ErrorCode::format, "load", "{}: shape {}: {}", what, shape, e.message());
  }
}

Tensor load_elements(ByteStream& in, const Dims& shape, DType dtype, bool swap) {
  const std::int64_t bytes = claimed_bytes(shape, dtype, in.name()), width = size_of(dtype);
  if (bytes > in.remaining())
    fail(ErrorCode::format, "load", "{}: shape {} of {} takes {} bytes, {} are left", in.name(),
         shape, dtype, bytes, in.remaining());
  Tensor out = Tensor::empty(in.measured() ? shape : Dims{0}, dtype);
  if (in.measured()) {
    in.read(out.bytes(), bytes);
  } else {
    const Tensor raw = read_growing(in, bytes);
    out = Tensor(make_ref<TensorData>(Spec{shape, dtype, Device{}}, raw.ref()->storage,
                                      contiguous_strides(shape), 0));
  }
  if (swap) swap_bytes(out.bytes(), bytes / width, width);
  if (dtype == DType::boolean)
    std::transform(out.bytes(), out.bytes() + bytes, out.bytes(),
                   [](std::byte b) { return b == std::byte{0} ? b : std::byte{1}; });
  return out;
}

}  // namespace sonde
