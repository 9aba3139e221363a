/// @file
/// Points at which functions are differentiated: named tensors, and chosen parameters of a module.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analysis/space.hpp"
#include "nn/module.hpp"

namespace sonde {

/// Tensors and the versions of their storages: tells whether one was written to since.
class Snapshot {
 public:
  Snapshot() = default;
  /// Error(names) unless there is one name for each tensor.
  Snapshot(std::vector<std::string> names, const Vars& tensors);
  /// Error(stale), in the name of `op`, if a tensor was written to after the snapshot.
  void check(std::string_view op) const;

 private:
  std::vector<std::string> names_;
  Tensors tensors_;
  std::vector<std::uint32_t> versions_;
};

/// A Space and the values in it at which a function is differentiated.
struct Point {
  Space space;
  Vars values;  ///< one tensor for each block

  /// Tensors without names: "x0", "x1", ... Error(dtype, device) unless all are f32 or all
  /// f64, on one device.
  static Point of(const Vars& values);
  /// The same with names.
  static Point of(const std::vector<std::string>& names, const Vars& values);
  /// The values by the names of the blocks, to be checked later.
  Snapshot snapshot() const;
};

/// Chosen parameters of a module as a point. What is not chosen (other parameters, frozen ones,
/// buffers) is constant, so that a derivative with respect to a few blocks costs less than that
/// with respect to all. Holds the module's own tensors, not copies: after an optimiser's step
/// whatever was made of it is stale, and says so.
class ParameterPoint : public Point {
 public:
  /// The trainable parameters with a path that matches `pattern` (matches() of nn/names.hpp), in
  /// the order of module.named_parameters(). A tied parameter is one block, chosen if any of its
  /// paths matches. The module must outlive the point and its functions. Error(names) if nothing is
  /// chosen, Error(dtype, device) if types or devices differ.
  explicit ParameterPoint(const nn::Module& module, std::string_view pattern = "*");

  const nn::Module& module() const { return *module_; }
  /// The same point on copies of the module's parameters: training may go on.
  ParameterPoint copy() const;
  /// A call's Context, with `chosen` in place of the chosen parameters. Error(stale) if one of the
  /// constants was modified since the point was made.
  nn::Context context(const Vars& chosen, nn::CallOptions options = {}) const;

  /// The function of the chosen parameters that `f` computes through a Context: f(ctx) -> Var or
  /// Vars.
  template <class F>
  Function function(F f, nn::CallOptions options = {}) const {
    return [point = *this, f = std::move(f), options = std::move(options)](const Vars& chosen) {
      nn::Context ctx = point.context(chosen, options);
      return f(ctx);
    };
  }
  /// The module's output for the input x.
  Function outputs(Var x, nn::CallOptions options = {}) const;

 private:
  const nn::Module* module_;
  Vars all_;
  std::vector<std::size_t> chosen_;  // positions in all_
  Snapshot constants_;
};

}  // namespace sonde
