#include "tensor/load_bytes.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

namespace sonde {
namespace {

constexpr std::int64_t step = 1 << 20;

void swap_bytes(std::byte* p, std::int64_t count, std::int64_t width) {
  for (std::int64_t i = 0; i < count; ++i) std::reverse(p + i * width, p + (i + 1) * width);
}

// Blocks from the system and not from the allocator, which would keep them for tensors to come.
struct Block {
  std::unique_ptr<std::byte[]> bytes;
  std::int64_t size;
};

std::vector<Block> read_blocks(ByteStream& in, std::int64_t limit) {
  std::vector<Block> blocks;
  for (std::int64_t done = 0; done < limit;) {
    const std::int64_t n = std::min(step, limit - done);
    Block block{std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(n)), 0};
    block.size = in.read_some(block.bytes.get(), n);
    done += block.size;
    const bool ended = block.size < n;
    blocks.push_back(std::move(block));
    if (ended) break;
  }
  return blocks;
}

Tensor joined(std::vector<Block> blocks) {
  std::int64_t bytes = 0;
  for (const Block& b : blocks) bytes += b.size;
  Tensor out = Tensor::empty({bytes}, DType::u8);
  std::byte* to = out.bytes();
  for (Block& b : blocks) {
    std::memcpy(to, b.bytes.get(), static_cast<std::size_t>(b.size));
    to += b.size;
    b.bytes.reset();
  }
  return out;
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

Tensor read_at_most(ByteStream& in, std::int64_t limit) {
  if (!in.measured()) return joined(read_blocks(in, limit));
  Tensor out = Tensor::empty({std::min(limit, in.remaining())}, DType::u8);
  in.read(out.bytes(), out.numel());
  return out;
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
    const Tensor raw = read_at_most(in, bytes);
    if (raw.numel() != bytes)
      fail(ErrorCode::format, "load", "{}: ends early: {} bytes wanted, {} came", in.name(), bytes,
           raw.numel());
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
