#include "analysis/kernel_track.hpp"

#include <algorithm>

#include "analysis/kernel.hpp"

namespace sonde {

KernelTrack::KernelTrack(RowFunction f, Space space, Tensor x, Tensor targets,
                         KernelTrackOptions options)
    : f_(std::move(f)),
      space_(std::move(space)),
      x_(std::move(x)),
      targets_(std::move(targets)),
      options_(std::move(options)) {
  if (options_.top < 0) fail(ErrorCode::value, "kernel track", "{} eigenvalues", options_.top);
  if (targets_ && (targets_.rank() < 1 || targets_.rank() > 2 || targets_.size(0) != x_.size(0)))
    fail(ErrorCode::shape, "kernel track", "targets {} for {} inputs", targets_.spec(), x_.size(0));
}

// A traced kernel meets the sum over outputs of their targets' products, a full one all of them.
double KernelTrack::aligned_with_labels(const Tensor& kernel) const {
  if (!targets_) return 0;
  if (options_.ntk.trace) return label_alignment(kernel, targets_);
  if (targets_.numel() != kernel.size(0))
    fail_hint(ErrorCode::shape, "kernel track", "give targets of the chosen outputs alone",
              "targets {} for a kernel {}", targets_.spec(), kernel.spec());
  return label_alignment(kernel, targets_.reshape({kernel.size(0)}));
}

const KernelState& KernelTrack::observe(double time, const Vars& values) {
  const Tensor kernel = kernel_matrix(ntk(f_, Point{space_, values}, x_, options_.ntk));
  if (!first_) first_ = last_ = kernel;
  const auto eigenvalues = kernel_spectrum(kernel).values.to_vector<double>();
  KernelState state{.time = time,
                    .drift = kernel_drift(first_, kernel),
                    .alignment = kernel_alignment(first_, kernel),
                    .step_alignment = kernel_alignment(last_, kernel),
                    .label_alignment = aligned_with_labels(kernel)};
  const auto top = std::min(eigenvalues.size(), static_cast<std::size_t>(options_.top));
  state.top.assign(eigenvalues.begin(), eigenvalues.begin() + static_cast<std::ptrdiff_t>(top));
  for (const double value : eigenvalues) state.trace += value;
  last_ = kernel;
  states_.push_back(std::move(state));
  return states_.back();
}

}  // namespace sonde
