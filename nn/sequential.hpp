/// @file
/// Modules one after another, and the shapes between them.
#pragma once

#include <memory>
#include <vector>

#include "nn/module.hpp"

namespace sonde::nn {

/// Owns modules, "0", "1", ..., and calls each on the output of the one before.
///
///     Sequential net(std::make_unique<Linear>(784, 100, philox::child(key, 0)),
///                    std::make_unique<Relu>(),
///                    std::make_unique<Linear>(100, 10, philox::child(key, 1)));
class Sequential final : public Module {
 public:
  using List = std::vector<std::unique_ptr<Module>>;

  template <class... Modules>
  explicit Sequential(std::unique_ptr<Modules>... modules) {
    (append(std::move(modules)), ...);
  }
  explicit Sequential(List modules);

  /// One more module at the end. Error(names) if this one is a child already, Error(value) on null.
  void append(std::unique_ptr<Module> module);
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override { return "Sequential"; }

  std::size_t size() const { return modules_.size(); }
  /// Error(axis) beyond the last.
  Module& operator[](std::size_t i) const;

 private:
  List modules_;
};

/// The input itself.
class Identity final : public Module {
 public:
  Var forward(Context&, Var x) const override { return x; }
  std::string description() const override { return "Identity()"; }
};

/// Axes start_dim .. end_dim as one. Error(axis) at the first call.
class Flatten final : public Module {
 public:
  explicit Flatten(std::int64_t start_dim = 1, std::int64_t end_dim = -1)
      : start_(start_dim), end_(end_dim) {}
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override {
    return fmt::format("Flatten(start_dim={}, end_dim={})", start_, end_);
  }

 private:
  std::int64_t start_, end_;
};

}  // namespace sonde::nn
