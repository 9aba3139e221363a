/// @file
/// Files that may be compressed with gzip.
#pragma once

#include <memory>
#include <vector>

#include "tensor/file.hpp"
#include "tensor/tensor.hpp"

struct z_stream_s;

namespace sonde::experiments {

/// The bytes of another stream: inflated while they are read if it begins as a gzip file does, as
/// they are otherwise. Error(format) on gzip data that is damaged, ends early or is followed by
/// something else; several gzip files one behind the other are one, as for gunzip.
class GunzipStream final : public ByteStream {
 public:
  /// `in` must outlive this object.
  explicit GunzipStream(ByteStream& in);
  ~GunzipStream() override;
  GunzipStream(const GunzipStream&) = delete;
  GunzipStream& operator=(const GunzipStream&) = delete;
  std::int64_t read_some(std::byte* to, std::int64_t n) override;

 private:
  struct Start;
  GunzipStream(ByteStream& in, const Start& start);
  std::int64_t copy(std::byte* to, std::int64_t n);
  std::int64_t inflate(std::byte* to, std::int64_t n);
  bool refill();
  bool next_member();

  ByteStream& in_;
  std::vector<std::byte> waiting_;  // compressed bytes that inflate is working on; plain: the start
  std::size_t taken_ = 0;           // of a plain file's start
  std::unique_ptr<z_stream_s> zlib_;  // none if the file is plain
  bool ended_ = false;                // at the end of a member
};

/// Everything a file holds, as u8 [n], inflated if it is compressed. Memory grows with what really
/// comes and is at most twice that. Error(size) beyond `max_bytes`, Error(format) on bad gzip data.
Tensor read_maybe_gzipped(ByteStream& file, std::int64_t max_bytes);

/// Error(format) if a byte is left.
void expect_end(ByteStream& in);

}  // namespace sonde::experiments
