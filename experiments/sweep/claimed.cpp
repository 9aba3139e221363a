#include "experiments/sweep/claimed.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "experiments/common/interrupt.hpp"

namespace sonde::experiments {

std::optional<Claimed> Claimed::if_free(const std::filesystem::path& file) {
  Descriptor open("claim", file.string(), O_RDWR | O_CREAT);
  while (::flock(open.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return {};
    if (errno != EINTR) fail_errno("claim", file.string(), errno);
  }
  return Claimed(std::move(open));
}

Claimed Claimed::waited_for(const std::filesystem::path& file) {
  for (;;) {
    if (std::optional<Claimed> got = if_free(file)) return std::move(*got);
    if (interrupted()) throw Interrupted{};
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace sonde::experiments
