#include "experiments/network/checks.hpp"

#include <algorithm>

namespace sonde::experiments {

Claim all_pass(const std::string& what, const std::vector<Claim>& checks) {
  const auto passed = std::ranges::count(checks, Verdict::pass, &Claim::verdict);
  return check("all", what + " holds against its own checks", "every check below passes",
               Estimate::exact(static_cast<double>(passed), 1, std::ssize(checks)),
               passed == std::ssize(checks));
}

}  // namespace sonde::experiments
