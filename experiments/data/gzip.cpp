#include "experiments/data/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "tensor/load_bytes.hpp"

namespace sonde::experiments {
namespace {

constexpr std::int64_t max_ratio = 1032;  // of deflate: 258 bytes from 2 bits
constexpr std::size_t block = std::size_t{1} << 16;

std::int64_t most_that_can_come(std::int64_t compressed) {
  return std::min(compressed, INT64_MAX / max_ratio) * max_ratio;
}

}  // namespace

// The first bytes, which decide how the rest is read.
struct GunzipStream::Start {
  explicit Start(ByteStream& in) : size(in.remaining()), bytes(2) {
    bytes.resize(static_cast<std::size_t>(in.read_some(bytes.data(), 2)));
    gzip = bytes == std::vector{std::byte{0x1f}, std::byte{0x8b}};
  }
  std::int64_t size;  // of the whole file
  std::vector<std::byte> bytes;
  bool gzip;
};

GunzipStream::GunzipStream(ByteStream& in) : GunzipStream(in, Start(in)) {}

GunzipStream::GunzipStream(ByteStream& in, const Start& start)
    : ByteStream(in.name(), start.gzip ? most_that_can_come(start.size) : start.size, !start.gzip),
      in_(in),
      waiting_(start.bytes) {
  if (!start.gzip) return;
  zlib_ = std::make_unique<z_stream_s>();
  constexpr int gzip_only = 16;
  if (inflateInit2(zlib_.get(), MAX_WBITS + gzip_only) != Z_OK)
    fail(ErrorCode::memory, "gunzip", "{}: no memory to inflate it", name());
  zlib_->next_in = reinterpret_cast<Bytef*>(waiting_.data());
  zlib_->avail_in = static_cast<uInt>(waiting_.size());
}

GunzipStream::~GunzipStream() {
  if (zlib_) inflateEnd(zlib_.get());
}

std::int64_t GunzipStream::read_some(std::byte* to, std::int64_t n) {
  std::int64_t done = 0;
  while (done < n) {
    const std::int64_t got = zlib_ ? inflate(to + done, n - done) : copy(to + done, n - done);
    if (got == 0) break;
    done += got;
  }
  took(done);
  return done;
}

std::int64_t GunzipStream::copy(std::byte* to, std::int64_t n) {
  const std::size_t left = waiting_.size() - taken_;
  if (left == 0) return in_.read_some(to, n);
  const std::size_t now = std::min(left, static_cast<std::size_t>(n));
  std::memcpy(to, waiting_.data() + taken_, now);
  taken_ += now;
  return static_cast<std::int64_t>(now);
}

// Some bytes, at least one; 0 at the end of the last member.
std::int64_t GunzipStream::inflate(std::byte* to, std::int64_t n) {
  const auto want = static_cast<uInt>(std::min<std::int64_t>(n, 1 << 30));
  zlib_->next_out = reinterpret_cast<Bytef*>(to);
  zlib_->avail_out = want;
  while (zlib_->avail_out == want) {
    if (ended_ && !next_member()) return 0;
    if (zlib_->avail_in == 0 && !refill())
      fail(ErrorCode::format, "gunzip", "{}: the compressed data ends early", name());
    const int code = ::inflate(zlib_.get(), Z_NO_FLUSH);
    if (code == Z_MEM_ERROR)
      fail(ErrorCode::memory, "gunzip", "{}: no memory to inflate it", name());
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
      fail(ErrorCode::format, "gunzip", "{}: {}", name(), zlib_->msg ? zlib_->msg : "damaged");
    ended_ = code == Z_STREAM_END;
  }
  return static_cast<std::int64_t>(want - zlib_->avail_out);
}

bool GunzipStream::refill() {
  waiting_.resize(block);
  waiting_.resize(
      static_cast<std::size_t>(in_.read_some(waiting_.data(), static_cast<std::int64_t>(block))));
  zlib_->next_in = reinterpret_cast<Bytef*>(waiting_.data());
  zlib_->avail_in = static_cast<uInt>(waiting_.size());
  return !waiting_.empty();
}

bool GunzipStream::next_member() {
  if (zlib_->avail_in == 0 && !refill()) return false;
  if (*zlib_->next_in != 0x1f)
    fail(ErrorCode::format, "gunzip", "{}: something follows the compressed data", name());
  inflateReset(zlib_.get());
  ended_ = false;
  return true;
}

Tensor read_maybe_gzipped(ByteStream& file, std::int64_t max_bytes) {
  GunzipStream in(file);
  if (!in.measured() || in.remaining() <= max_bytes) {
    Tensor bytes = read_at_most(in, max_bytes);
    std::byte beyond;
    if (in.read_some(&beyond, 1) == 0) return bytes;
  }
  fail(ErrorCode::size, "read", "{}: more than the limit of {} bytes", in.name(), max_bytes);
}

void expect_end(ByteStream& in) {
  std::byte beyond;
  if (in.read_some(&beyond, 1) != 0)
    fail(ErrorCode::format, "read", "{}: something follows the last element", in.name());
}

}  // namespace sonde::experiments
