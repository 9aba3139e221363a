#include "analysis/estimate.hpp"

#include <fmt/format.h>

namespace sonde {

std::string to_string(const Estimate& e) {
  if (e.ci95) return fmt::format("{:.4g} [{:.4g}, {:.4g}]", e.value, e.ci95->low, e.ci95->high);
  if (e.std_error) return fmt::format("{:.4g} ± {:.2g}", e.value, *e.std_error);
  return fmt::format("{:.4g} (no interval)", e.value);
}

}  // namespace sonde
