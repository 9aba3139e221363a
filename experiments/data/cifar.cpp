#include "experiments/data/cifar.hpp"

#include <cstring>

#include "experiments/data/gzip.hpp"

namespace sonde::experiments {

CifarBatch read_cifar(ByteStream& file, std::int64_t max_bytes) {
  constexpr std::int64_t image = 3 * 32 * 32, record = 1 + image;
  Tensor bytes = read_maybe_gzipped(file, max_bytes);
  const std::int64_t n = bytes.numel() / record;
  if (n == 0 || bytes.numel() % record != 0)
    fail(ErrorCode::format, "cifar", "{}: {} bytes, which are not records of {} bytes", file.name(),
         bytes.numel(), record);
  CifarBatch batch{{}, Tensor::empty({n}, DType::u8)};
  std::uint8_t *from = bytes.mutable_data<std::uint8_t>(), *to = from,
               *label = batch.labels.mutable_data<std::uint8_t>();
  for (std::int64_t i = 0; i < n; ++i, from += record, to += image) {
    label[i] = *from;
    if (label[i] > 9)
      fail(ErrorCode::format, "cifar", "{}: record {} has label {}, the last class is 9",
           file.name(), i, label[i]);
    std::memmove(to, from + 1, image);  // in place: no second copy of all images
  }
  batch.images = bytes.slice(0, 0, n * image).reshape({n, 3, 32, 32});
  return batch;
}

CifarBatch read_cifar(const std::filesystem::path& path, std::int64_t max_bytes) {
  FileStream file(path.string());
  return read_cifar(file, max_bytes);
}

}  // namespace sonde::experiments
