#include "tensor/cpu/conv_plan.hpp"

#include <algorithm>

namespace sonde::cpu {

bool AxisPlan::is_dense() const {
  if (source_step != 1) return false;
  for (std::size_t t = 1; t < taps.size(); ++t)
    if (taps[t].offset != taps[t - 1].offset + 1) return false;
  return true;
}

AxisPlan forward_plan(const ConvAxis& a) {
  AxisPlan plan{0, 1, a.out, a.stride, a.in, {}};
  for (std::int64_t t = 0; t < a.kernel; ++t) plan.taps.push_back({t, t * a.dilation - a.padding});
  return plan;
}

std::vector<AxisPlan> input_grad_plans(const ConvAxis& a) {
  std::vector<AxisPlan> plans;
  for (std::int64_t first = 0; first < std::min(a.stride, a.in); ++first) {
    AxisPlan plan{first, a.stride, (a.in - first - 1) / a.stride + 1, 1, a.out, {}};
    for (std::int64_t t = a.kernel - 1; t >= 0; --t) {
      const std::int64_t position = first + a.padding - t * a.dilation;
      if (position % a.stride == 0) plan.taps.push_back({t, position / a.stride});
    }
    plans.push_back(std::move(plan));
  }
  return plans;
}

}  // namespace sonde::cpu
