/// @file
/// Module: a function with parameters. Context: the Vars that stand for the parameters in one call.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/transforms.hpp"
#include "tensor/philox.hpp"

namespace sonde::nn {

class Context;

/// A parameter as its module holds it. `slot` is its place in a Context's flat array.
struct Parameter {
  Tensor value;
  int slot = -1;
};

/// What a module gets for each parameter it registers; the key to its Var in a Context. Two modules
/// that hold the same handle share one parameter (a tied weight).
using Handle = std::shared_ptr<Parameter>;

/// Where a parameter is in its module's tree, by PyTorch's names ("layers.0.weight").
struct NamedParameter {
  std::string path;
  Handle handle;
};

/// A function with named parameters. Subclasses register parameters and children in their
/// constructor and state `forward`, which reads parameters from the Context only: so one module can
/// be called with any values for them, from several threads and under any transform, and nothing is
/// mutated by a call.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;  // children are registered by address
  Module& operator=(const Module&) = delete;

  /// The output for input `x`, by the parameters, mode and key of `ctx`.
  virtual Var forward(Context& ctx, Var x) const = 0;
  /// forward, with this module's path on its errors and its input and output offered to the
  /// observer as "in" and "out".
  Var operator()(Context& ctx, Var x) const;
  /// The same by its own parameters, in eval mode.
  Var operator()(const Var& x) const;

  /// Every parameter of the tree once, in the order of registration: own ones first, then each
  /// child's. A tied one stands under its first path.
  std::vector<NamedParameter> named_parameters() const;
  /// Their values, in the same order.
  Vars parameters() const;
  Tensors parameter_tensors() const;
  /// Number of elements of all parameters.
  std::int64_t parameter_count() const;
  /// Copies values into the parameters, by position. Error(names) if their number differs,
  /// Error(shape, dtype).
  void set_parameters(const Tensors& values);

 protected:
  /// Registers a parameter. Error(names) if the name is empty or taken.
  Handle parameter(std::string name, Tensor value);
  /// Registers another module's parameter here as well.
  void tie(std::string name, const Handle& shared);
  /// Registers a child, which must live as long as this module and belongs to no other. Lists name
  /// theirs "layers.0", ...
  void child(std::string name, Module& module);

 private:
  friend class Context;
  void check_name(const std::string& name) const;
  void collect(const std::string& prefix, std::vector<NamedParameter>& out) const;
  void number();

  std::vector<std::pair<std::string, Handle>> own_;
  std::vector<std::pair<std::string, Module*>> children_;
  std::string name_;  // in its parent
};

enum class Mode { eval, train };

/// Sees, and may replace, what modules offer by path ("layers.1.in").
using Observer = std::function<Var(const std::string& path, Var value)>;

/// One call's parameters, mode and randomness. Cheap to make; used by one thread.
class Context {
 public:
  /// `values` are those of module.parameters(), in that order. Error(names) if their number
  /// differs.
  Context(const Module& module, const Vars& values, Mode mode = Mode::eval, philox::Key key = {},
          const Observer* observer = nullptr);

  /// The Var that stands for a parameter. Error(names) if it is none of the module's.
  const Var& operator[](const Handle& handle) const;
  bool training() const { return mode_ == Mode::train; }
  /// A key for the random numbers of the module that holds `handle`: the same in each run with the
  /// same context key.
  philox::Key key(const Handle& handle) const;
  /// Offers a value to the observer under the path of the module at work.
  Var tap(Var value, std::string_view name) const;
  /// "layers.1", the path of the module at work; empty at the root.
  std::string path() const;

 private:
  friend class Module;
  SmallVector<Var, 16> vars_;  // by slot
  SmallVector<const Module*, 8> active_;
  Mode mode_;
  philox::Key key_;
  const Observer* observer_;
};

/// The module's output with `parameters` in place of its own: a function that transforms can be
/// applied to.
Var functional_call(const Module& module, const Vars& parameters, const Var& x,
                    Mode mode = Mode::eval, philox::Key key = {});

struct LossAndGrads {
  Var value;
  Vars grads;  ///< one per parameter, in the order of parameters()
  Vars aux;    ///< what the loss returned beside its value
};
/// Value and gradients of a loss with respect to the module's parameters. `loss` calls the module
/// through the Context and returns {value, aux...}.
LossAndGrads value_and_grad(const Module& module, const std::function<Vars(Context&)>& loss,
                            Mode mode = Mode::train, philox::Key key = {});

}  // namespace sonde::nn
