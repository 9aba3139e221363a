/// @file
/// KernelTrack: how the tangent kernel of a network moves while it is trained.
#pragma once

#include <vector>

#include "analysis/ntk.hpp"

namespace sonde {

/// The kernel at one time. With several outputs and no trace it is the matrix [n outputs, n
/// outputs].
struct KernelState {
  double time = 0;
  double drift = 0;            ///< |K_t - K_0| / |K_0|, Frobenius: 0 in the lazy regime
  double alignment = 1;        ///< of K_t with K_0; 1 - it is the kernel distance of Fort et al.
                               ///< 2020 (arXiv:2010.15110)
  double step_alignment = 1;   ///< with the kernel observed before
  double label_alignment = 0;  ///< with the targets; 0 without
  std::vector<double> top{};   ///< greatest eigenvalues, descending
  double trace = 0;
};

struct KernelTrackOptions {
  NtkOptions ntk{};  ///< which outputs, traced or not, by which method
  int top = 5;       ///< eigenvalues
};

/// Computes the tangent kernel at inputs x for one set of parameters after the other and says how
/// it moved; the first one is K_0. Keeps K_0 and the last kernel.
class KernelTrack {
 public:
  /// `targets` [n] or [n, outputs], of the chosen outputs, or empty. Error(shape) if they do not
  /// fit, Error(value) for a negative `top`.
  KernelTrack(RowFunction f, Space space, Tensor x, Tensor targets = {},
              KernelTrackOptions options = {});
  /// The kernel for these values of the space's blocks: a snapshot, or in a training loop the
  /// `values` of a ParameterPoint of all parameters, which are the module's own tensors.
  const KernelState& observe(double time, const Vars& values);
  /// In the order in which they were observed.
  const std::vector<KernelState>& states() const { return states_; }
  /// The last kernel, as a matrix.
  const Tensor& kernel() const { return last_; }

 private:
  double aligned_with_labels(const Tensor& kernel) const;

  RowFunction f_;
  Space space_;
  Tensor x_, targets_;
  KernelTrackOptions options_;
  Tensor first_, last_;
  std::vector<KernelState> states_;
};

}  // namespace sonde
