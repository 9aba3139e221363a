/// @file
/// Inner parts of ntk.hpp: the network by rows, and what each method would cost.
#pragma once

#include "analysis/ntk.hpp"
#include "analysis/use_forms.hpp"

namespace sonde::detail {

/// The network's outputs, those asked for.
class NtkRows {
 public:
  NtkRows(RowFunction f, const Point& at, const NtkOptions& o);
  const Point& at() const { return at_; }
  /// [n, outputs]. Error(shape) unless the network gives that or [n].
  Var operator()(const Vars& parameters, const Var& inputs) const;
  Function on(Var inputs) const;
  /// One input at a time.
  ItemFunction by_item() const;

 private:
  RowFunction f_;
  const Point& at_;
  Tensor chosen_{};
};

/// A plan and what it was made of.
struct NtkWork {
  NtkPlan plan;
  std::int64_t outputs = 0;
  ParameterUses uses{};      ///< as the method sees them: all are `others` but for structured
  std::vector<bool> gram{};  ///< of each use, whether it is done by Gram matrices
};
NtkWork ntk_work(const NtkRows& rows, const Tensor& x1, const Tensor& x2, const NtkOptions& o);

}  // namespace sonde::detail
