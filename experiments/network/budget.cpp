#include "experiments/network/budget.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tensor/error.hpp"

namespace sonde::experiments {

double Budget::flops() const {
  double sum = 0;
  for (const Work& w : works) sum += w.flops;
  return sum;
}

double Budget::bytes() const {
  double most = 0;
  for (const Work& w : works) most = std::max(most, w.bytes);
  return most;
}

std::string Budget::text() const {
  std::size_t widest = 0;
  for (const Work& w : works) widest = std::max(widest, w.what.size());
  std::string out = fmt::format("{}\n{:{}}  {:>24}  {:>9}  {:>9}\n", of, "", widest, "how many",
                                "FLOP", "memory");
  for (const Work& w : works)
    out += fmt::format("{:{}}  {:>24}  {:>9.2g}  {:>9}\n", w.what, widest, w.count, w.flops,
                       bytes_text(w.bytes));
  return out + fmt::format(
                   "In all {:.2g} floating-point operations; at most {} of memory at once, {} "
                   "--max-memory of {}.\nNothing was computed or written: the network was run on "
                   "two samples to count.\n",
                   flops(), bytes_text(bytes()), bytes() <= limit ? "within" : "ABOVE",
                   bytes_text(limit));
}

void Budget::require(const std::string& cure) const {
  const auto most = std::ranges::max_element(works, {}, &Work::bytes);
  if (most != works.end() && most->bytes > limit)
    fail_hint(ErrorCode::memory, "--max-memory", cure, "{} takes {}, the limit is {}", most->what,
              bytes_text(most->bytes), bytes_text(limit));
}

std::int64_t gib(double value) {
  return static_cast<std::int64_t>(value * (std::int64_t{1} << 30));
}

std::string bytes_text(double bytes) {
  constexpr double kib = 1024, mib = kib * kib;
  if (bytes >= kib * mib) return fmt::format("{:.1f} GiB", bytes / (kib * mib));
  if (bytes >= mib) return fmt::format("{:.0f} MiB", bytes / mib);
  return fmt::format("{:.0f} KiB", bytes / kib);
}

}  // namespace sonde::experiments
