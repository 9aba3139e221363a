/// @file
/// Module: a function with parameters and buffers. Context: the Vars that stand for them in one
/// call.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/transforms.hpp"
#include "tensor/philox.hpp"
#include "tensor/random.hpp"

namespace sonde::nn {

class Context;

/// A parameter or a buffer as its module holds it. `slot` is its place in a Context's flat array.
struct Entry {
  Tensor value;
  bool is_buffer = false;
  bool trainable = true;   ///< false: value_and_grad gives it no gradient
  bool persistent = true;  ///< false: a buffer that follows from the options, and has no path
  int slot = -1;
};

/// What a module gets for each parameter and buffer it registers; the key to its Var in a Context.
/// Two modules that hold the same handle share one parameter (a tied weight).
using Handle = std::shared_ptr<Entry>;

/// Where an entry is in its module's tree, by PyTorch's names ("layers.0.weight").
struct NamedEntry {
  std::string path;
  Handle handle;
};

/// A new value for a buffer, from a call in training.
struct Update {
  Handle buffer;
  Tensor value;
};
using Updates = std::vector<Update>;

/// A function with named parameters and buffers. Subclasses register them and their children in the
/// constructor and state `forward`, which reads them from the Context only: so one module can be
/// called with any values for its parameters, from several threads and under any transform, and
/// nothing is mutated by a call.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;  // children are registered by address
  Module& operator=(const Module&) = delete;

  /// The output for input `x`, by the parameters, mode and key of `ctx`.
  virtual Var forward(Context& ctx, Var x) const = 0;
  /// What summary() calls the module, "Linear(784, 512)".
  virtual std::string description() const { return {}; }

  /// forward, with this module's path on its errors and its input and output offered to the tap
  /// as "in" and "out".
  Var operator()(Context& ctx, Var x) const;
  /// The same by its own parameters, in eval mode.
  Var operator()(const Var& x) const;

  /// Every parameter of the tree once, in the order of registration: own ones first, then each
  /// child's. A tied one stands under its first path.
  std::vector<NamedEntry> named_parameters() const;
  std::vector<NamedEntry> named_buffers() const;
  /// Parameters and buffers under every path they have, tied ones several times: what a state dict
  /// holds.
  std::vector<NamedEntry> named_entries() const;
  /// Children under their names, in the order of registration.
  const std::vector<std::pair<std::string, Module*>>& children() const { return children_; }

  /// The parameters' values, in the order of named_parameters().
  Vars parameters() const;
  Tensors parameter_tensors() const;
  /// Number of elements of all parameters.
  std::int64_t parameter_count() const;
  /// Copies values into the parameters, by position. Error(names) if their number differs,
  /// Error(shape, dtype).
  void set_parameters(const Tensors& values);

  /// Sets whether parameters whose path matches `pattern` (matches() of nn/names.hpp) get
  /// gradients; returns how many match. Error(names) if none does.
  std::int64_t set_trainable(std::string_view pattern, bool trainable);
  std::int64_t freeze(std::string_view pattern) { return set_trainable(pattern, false); }
  std::int64_t unfreeze(std::string_view pattern) { return set_trainable(pattern, true); }

  /// Converts floating parameters and buffers. Optimisers made before keep the old tensors.
  /// Error(dtype) unless f32 or f64.
  void convert(DType dtype);
  /// Moves parameters and buffers to `device`, where inputs have to be then. Optimisers made before
  /// keep the old tensors. (Inside a Module, the operation of this name is sonde::to.)
  void to(Device device);
  /// Where its first parameter lies; the CPU if it has none.
  Device device() const;
  /// Puts the new values of a call in training into the buffers.
  void commit(const Updates& updates);

 protected:
  /// Registers a parameter. Error(names) if the name is empty, taken or holds a dot, or if this
  /// module is a child already.
  Handle parameter(std::string name, Tensor value);
  /// Registers a tensor that belongs to the state but has no gradient. One that is not persistent
  /// (a table that follows from the options) moves with the module and is in no state dict.
  Handle buffer(std::string name, Tensor value, bool persistent = true);
  /// Registers another module's parameter here as well.
  void tie(std::string name, const Handle& shared);
  /// Registers a child, which must be complete, live as long as this module and belong to no other.
  /// Elements of lists are called "layers.0", ...
  void child(std::string name, Module& module);

  /// Calls f() as this module's work: its path is on errors and taps. For entry points beside
  /// operator(), such as those with several inputs.
  template <class F>
  auto within(Context& ctx, F&& f) const;

 private:
  friend class Context;
  friend Var checkpointed(Context& ctx, const Module& module, const Var& x);
  void check_name(const std::string& name) const;
  Handle enter(std::string name, Handle handle);
  void number();

  std::vector<std::pair<std::string, Handle>> own_;
  std::vector<std::pair<std::string, Module*>> children_;
  std::vector<Handle> parameters_, buffers_;  // of the tree, each once
  std::string name_;                          // in its parent
  int index_ = 0;                             // among all modules of the tree
  bool attached_ = false;
};

enum class Mode { eval, train };

/// Sees, and may replace, what modules offer by path ("layers.1.in").
using Tap = std::function<Var(const std::string& path, Var value)>;

/// How a module is called.
struct CallOptions {
  Mode mode = Mode::eval;
  /// i64[2], such as random_key(seed): where dropout's random numbers come from, drawn on the
  /// device of the parameters. With lanes under vmap, each lane draws its own.
  Var key{};
  const Tap* tap = nullptr;  ///< must outlive the call and its backward pass
};

/// One call's parameters, mode and randomness. Cheap to make; used by one thread.
class Context {
 public:
  /// `values` are those of module.parameters(), in that order; buffers have their module's values.
  /// Error(names) if the number of values differs.
  Context(const Module& module, const Vars& values, CallOptions options = {});
  /// The Var that stands for a parameter or a buffer. Error(names) if it is none of the module's.
  const Var& operator[](const Handle& handle) const;
  bool training() const { return options_.mode == Mode::train; }
  /// A key for the random numbers of the module at work: the same in each run with the same key of
  /// the call. Error(value) if the call has none.
  Var key() const;
  /// Offers a value to the tap under the path of the module at work.
  Var tap(Var value, std::string_view name) const;
  /// "layers.1", the path of the module at work; empty at the root.
  std::string path() const;

  /// Notes a new value for a buffer, without its derivative; the first one of a call counts.
  /// Error(rule) under vmap, whose lanes would each have their own.
  void update(const Handle& buffer, const Var& value);
  const Updates& updates() const { return updates_; }

 private:
  friend class Module;
  friend Var checkpointed(Context& ctx, const Module& module, const Var& x);
  void place(const std::vector<Handle>& handles, const Vars& values);
  SmallVector<Var, 16> vars_;  // by slot
  SmallVector<const Module*, 8> active_;
  CallOptions options_;
  Updates updates_;
};

/// The module's output with `parameters` in place of its own: a function that transforms can be
/// applied to.
Var functional_call(const Module& module, const Vars& parameters, const Var& x,
                    CallOptions options = {});

struct LossAndGrads {
  Var value;
  Vars grads;       ///< one per parameter, in the order of parameters(); empty for frozen ones
  Vars aux;         ///< what the loss returned beside its value
  Updates updates;  ///< for module.commit()
};
/// Value and gradients of a loss with respect to the module's trainable parameters. `loss` calls
/// the module through the Context and returns {value, aux...}. What depends on frozen parameters
/// alone is not recorded.
LossAndGrads value_and_grad(const Module& module, const std::function<Vars(Context&)>& loss,
                            CallOptions options = {.mode = Mode::train});

/// module(ctx, x), but the backward pass computes the module's inner values again instead of
/// keeping them. Dropout draws the same numbers both times, and buffers are updated once.
Var checkpointed(Context& ctx, const Module& module, const Var& x);

namespace detail {
/// Keeps the stack of modules at work right when a call throws.
template <class Stack>
struct Popper {
  Stack& stack;
  ~Popper() { stack.pop_back(); }
};
}  // namespace detail

template <class F>
auto Module::within(Context& ctx, F&& f) const {
  ctx.active_.push_back(this);
  const detail::Popper<decltype(ctx.active_)> popper{ctx.active_};
  try {
    return f();
  } catch (Error& e) {
    e.in(ctx.path());
    throw;
  }
}

}  // namespace sonde::nn
