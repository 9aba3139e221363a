#include "experiments/data/idx.hpp"

#include <array>

#include "experiments/data/find.hpp"
#include "experiments/data/gzip.hpp"
#include "tensor/load_bytes.hpp"

namespace sonde::experiments {
namespace {

std::array<std::uint8_t, 4> read_four(ByteStream& in) {
  std::array<std::uint8_t, 4> four;
  in.read(reinterpret_cast<std::byte*>(four.data()), four.size());
  return four;
}

Dims read_shape(ByteStream& in) {
  constexpr std::uint8_t unsigned_byte = 0x08;
  const auto magic = read_four(in);
  if (magic[0] != 0 || magic[1] != 0)
    fail(ErrorCode::format, "idx", "{}: not an IDX file", in.name());
  if (magic[2] != unsigned_byte)
    fail(ErrorCode::format, "idx", "{}: element type 0x{:02x}, only 0x08 (unsigned byte) is read",
         in.name(), magic[2]);
  if (magic[3] < 1 || magic[3] > max_rank)
    fail(ErrorCode::format, "idx", "{}: rank {}, expected 1 to {}", in.name(), magic[3], max_rank);
  Dims shape;
  for (int i = 0; i < magic[3]; ++i) {
    const auto size = read_four(in);
    shape.push_back(std::int64_t{size[0]} << 24 | size[1] << 16 | size[2] << 8 | size[3]);
  }
  return shape;
}

}  // namespace

Tensor read_idx(ByteStream& file, std::int64_t max_bytes) {
  GunzipStream in(file);
  const Dims shape = read_shape(in);
  const std::int64_t count = numel(shape);
  if (count > max_bytes)
    fail(ErrorCode::size, "idx", "{}: {} bytes, the limit is {}", in.name(), count, max_bytes);
  Tensor elements = load_elements(in, shape, DType::u8);
  expect_end(in);
  return elements;
}

Tensor read_idx(const std::filesystem::path& path, std::int64_t max_bytes) {
  FileStream file(path.string());
  return read_idx(file, max_bytes);
}

std::optional<IdxPair> read_idx_pair(const std::filesystem::path& folder, const std::string& part) {
  const auto images = data_files(folder, part + "-images", "-ubyte"),
             labels = data_files(folder, part + "-labels", "-ubyte");
  if (images.empty() && labels.empty()) return {};
  if (images.empty() || labels.empty())
    fail(ErrorCode::data, folder.string(), "{} has {} but no {}", part,
         images.empty() ? "labels" : "images", images.empty() ? "images" : "labels");
  IdxPair pair{read_idx(images[0]), read_idx(labels[0])};
  if (pair.images.rank() == 3) pair.images = pair.images.unsqueeze(1);
  if (pair.images.rank() != 4 || pair.labels.rank() != 1 ||
      pair.images.size(0) != pair.labels.size(0))
    fail(ErrorCode::format, images[0].string(), "images {} and labels {} do not belong together",
         pair.images.shape(), pair.labels.shape());
  return pair;
}

}  // namespace sonde::experiments
