#include "experiments/data/idx.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <vector>

#include "tensor/checked.hpp"

namespace sonde::experiments {
namespace {

// A file that zlib inflates on the fly; one that is not gzip is read as it is.
class GzipReader {
 public:
  explicit GzipReader(const std::filesystem::path& path) : path_(path.string()) {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(path, ignored))
      fail(ErrorCode::file, "idx", "{}: not a regular file", path_);
    file_.reset(gzopen(path_.c_str(), "rb"));
    if (!file_) fail(ErrorCode::file, "idx", "{}: cannot be opened", path_);
  }

  // Fills as much of `bytes` as the file still has; returns how many.
  std::size_t read(std::span<std::uint8_t> bytes) {
    const int got = gzread(file_.get(), bytes.data(), static_cast<unsigned>(bytes.size()));
    int code = Z_OK;
    const char* message = gzerror(file_.get(), &code);
    if (got < 0 || code == Z_BUF_ERROR)  // Z_BUF_ERROR: the gzip stream ends too early
      fail(code == Z_ERRNO ? ErrorCode::file : ErrorCode::format, "idx", "{}: {}", path_, message);
    return static_cast<std::size_t>(got);
  }

  const std::string& path() const { return path_; }

 private:
  struct Close {
    void operator()(gzFile_s* f) const { gzclose(f); }
  };
  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

void read_header(GzipReader& file, std::span<std::uint8_t> bytes) {
  if (file.read(bytes) != bytes.size())
    fail(ErrorCode::format, "idx", "{}: ends within the header", file.path());
}

Dims read_shape(GzipReader& file) {
  constexpr std::uint8_t unsigned_byte = 0x08;
  std::array<std::uint8_t, 4> magic;
  read_header(file, magic);
  if (magic[0] != 0 || magic[1] != 0)
    fail(ErrorCode::format, "idx", "{}: not an IDX file", file.path());
  if (magic[2] != unsigned_byte)
    fail(ErrorCode::format, "idx", "{}: element type 0x{:02x}, only 0x08 (unsigned byte) is read",
         file.path(), magic[2]);
  if (magic[3] < 1 || magic[3] > max_rank)
    fail(ErrorCode::format, "idx", "{}: rank {}, expected 1 to {}", file.path(), magic[3],
         max_rank);
  Dims shape;
  for (int i = 0; i < magic[3]; ++i) {
    std::array<std::uint8_t, 4> size;
    read_header(file, size);
    shape.push_back(std::int64_t{size[0]} << 24 | size[1] << 16 | size[2] << 8 | size[3]);
  }
  return shape;
}

}  // namespace

Tensor read_idx(const std::filesystem::path& path, std::int64_t max_bytes) {
  constexpr std::size_t step = std::size_t{1} << 20;
  GzipReader file(path);
  const Dims shape = read_shape(file);
  const std::int64_t count = numel(shape);
  if (count > max_bytes)
    fail(ErrorCode::size, "idx", "{}: {} bytes, the limit is {}", file.path(), count, max_bytes);
  const auto expected = static_cast<std::size_t>(count);
  std::vector<std::uint8_t> bytes;
  while (bytes.size() < expected) {
    const std::size_t before = bytes.size(), want = std::min(step, expected - before);
    bytes.resize(before + want);
    const std::size_t got = file.read(std::span(bytes).subspan(before));
    if (got < want)
      fail(ErrorCode::format, "idx", "{}: {} elements for shape {}", file.path(), before + got,
           shape);
  }
  std::uint8_t beyond;
  if (file.read({&beyond, 1}) != 0)
    fail(ErrorCode::format, "idx", "{}: more than its shape {}", file.path(), shape);
  return Tensor::from<std::uint8_t>(bytes, shape);
}

}  // namespace sonde::experiments
