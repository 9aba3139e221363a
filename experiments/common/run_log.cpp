#include "experiments/common/run_log.hpp"

#include <fcntl.h>

#include <string>

#include "tensor/error.hpp"

namespace sonde::experiments {

RunLog::RunLog(const std::filesystem::path& path)
    : file_("log", path.string(), O_WRONLY | O_CREAT | O_APPEND) {}

void RunLog::write(const Json& line) {
  const std::string text = line.dump() + '\n';
  file_.write(std::as_bytes(std::span(text)));
}

std::int64_t RunLog::sync() {
  file_.sync();
  return file_.size();
}

void RunLog::truncate(std::int64_t size) {
  const std::int64_t now = file_.size();
  if (size < 0 || size > now)
    fail(ErrorCode::format, "log", "{} has {} bytes, its checkpoint says {}", file_.path(), now,
         size);
  file_.truncate(size);
}

}  // namespace sonde::experiments
