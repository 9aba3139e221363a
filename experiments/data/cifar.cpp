#include "experiments/data/cifar.hpp"

#include <algorithm>

#include "experiments/data/gzip.hpp"

namespace sonde::experiments {

CifarBatch read_cifar(ByteStream& file, std::int64_t max_bytes) {
  constexpr std::int64_t image = 3 * 32 * 32, record = 1 + image;
  const Tensor bytes = read_maybe_gzipped(file, max_bytes);
  const std::int64_t n = bytes.numel() / record;
  if (n == 0 || bytes.numel() % record != 0)
    fail(ErrorCode::format, "cifar", "{}: {} bytes, which are not records of {} bytes", file.name(),
         bytes.numel(), record);
  const Tensor records = bytes.reshape({n, record});
  CifarBatch batch{records.slice(1, 1, record).contiguous().reshape({n, 3, 32, 32}),
                   records.slice(1, 0, 1).contiguous().reshape({n})};
  const std::uint8_t *labels = batch.labels.data<std::uint8_t>(), *end = labels + n;
  if (const auto bad = std::find_if(labels, end, [](int label) { return label > 9; }); bad != end)
    fail(ErrorCode::format, "cifar", "{}: record {} has label {}, the last class is 9", file.name(),
         bad - labels, *bad);
  return batch;
}

CifarBatch read_cifar(const std::filesystem::path& path, std::int64_t max_bytes) {
  FileStream file(path.string());
  return read_cifar(file, max_bytes);
}

}  // namespace sonde::experiments
