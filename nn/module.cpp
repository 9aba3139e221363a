#include "nn/module.hpp"

#include <algorithm>

namespace sonde::nn {
namespace {

// Keeps the stack of modules at work right when a call throws.
template <class Stack>
struct Popper {
  Stack& stack;
  ~Popper() { stack.pop_back(); }
};

}  // namespace

Var Module::operator()(Context& ctx, Var x) const {
  ctx.active_.push_back(this);
  const Popper<decltype(ctx.active_)> popper{ctx.active_};
  try {
    return ctx.tap(forward(ctx, ctx.tap(std::move(x), "in")), "out");
  } catch (Error& e) {
    e.in(ctx.path());
    throw;
  }
}

Var Module::operator()(const Var& x) const {
  return functional_call(*this, parameters(), x);
}

void Module::check_name(const std::string& name) const {
  auto taken = [&](const auto& entry) { return entry.first == name; };
  if (name.empty() || std::ranges::any_of(own_, taken) || std::ranges::any_of(children_, taken))
    fail(ErrorCode::names, "module", "'{}' is empty or already taken", name);
}

Handle Module::parameter(std::string name, Tensor value) {
  auto handle = std::make_shared<Parameter>(Parameter{std::move(value)});
  tie(std::move(name), handle);
  return handle;
}

void Module::tie(std::string name, const Handle& shared) {
  check_name(name);
  own_.emplace_back(std::move(name), shared);
  number();
}

void Module::child(std::string name, Module& module) {
  check_name(name);
  module.name_ = name;
  children_.emplace_back(std::move(name), &module);
  number();
}

void Module::collect(const std::string& prefix, std::vector<NamedParameter>& out) const {
  for (const auto& [name, handle] : own_)
    if (std::ranges::find(out, handle, &NamedParameter::handle) == out.end())
      out.push_back({prefix + name, handle});
  for (const auto& [name, module] : children_) module->collect(prefix + name + '.', out);
}

// Slots count through the tree. They are set anew whenever something is registered above, so that
// in the end they are those of the root, and each subtree's Context leaves the places of the others
// empty.
void Module::number() {
  int next = 0;
  for (const NamedParameter& p : named_parameters()) p.handle->slot = next++;
}

std::vector<NamedParameter> Module::named_parameters() const {
  std::vector<NamedParameter> out;
  collect("", out);
  return out;
}

Vars Module::parameters() const {
  Vars out;
  for (const NamedParameter& p : named_parameters()) out.push_back(p.handle->value);
  return out;
}

Tensors Module::parameter_tensors() const {
  Tensors out;
  for (const NamedParameter& p : named_parameters()) out.push_back(p.handle->value);
  return out;
}

std::int64_t Module::parameter_count() const {
  std::int64_t count = 0;
  for (const NamedParameter& p : named_parameters()) count += p.handle->value.numel();
  return count;
}

void Module::set_parameters(const Tensors& values) {
  const auto own = named_parameters();
  if (values.size() != own.size())
    fail(ErrorCode::names, "set_parameters", "{} values for {} parameters", values.size(),
         own.size());
  for (std::size_t i = 0; i < own.size(); ++i)
    if (values[i].shape() != own[i].handle->value.shape() ||
        values[i].dtype() != own[i].handle->value.dtype())
      fail(ErrorCode::shape, "set_parameters", "{} is {}, not {}", own[i].path,
           own[i].handle->value.spec(), values[i].spec());
  for (std::size_t i = 0; i < own.size(); ++i) own[i].handle->value.copy_from(values[i]);
}

Context::Context(const Module& module, const Vars& values, Mode mode, philox::Key key,
                 const Observer* observer)
    : mode_(mode), key_(key), observer_(observer) {
  const auto own = module.named_parameters();
  if (values.size() != own.size())
    fail(ErrorCode::names, "context", "{} values for {} parameters", values.size(), own.size());
  for (std::size_t i = 0; i < own.size(); ++i) {
    const auto slot = static_cast<std::size_t>(own[i].handle->slot);
    while (vars_.size() <= slot) vars_.push_back(Var());
    vars_[slot] = values[i];
  }
}

const Var& Context::operator[](const Handle& handle) const {
  const auto slot = static_cast<std::size_t>(handle->slot);
  if (slot >= vars_.size() || !vars_[slot])
    fail(ErrorCode::names, "context", "the parameter is none of this context's module");
  return vars_[slot];
}

philox::Key Context::key(const Handle& handle) const {
  return philox::fold_in(key_, static_cast<std::uint64_t>(handle->slot));
}

std::string Context::path() const {
  std::string path;
  for (const Module* module : active_)
    if (!module->name_.empty()) path += (path.empty() ? "" : ".") + module->name_;
  return path;
}

Var Context::tap(Var value, std::string_view name) const {
  if (!observer_) return value;
  std::string at = path();
  if (!at.empty()) at += '.';
  at += name;
  return (*observer_)(at, std::move(value));
}

Var functional_call(const Module& module, const Vars& parameters, const Var& x, Mode mode,
                    philox::Key key) {
  Context ctx(module, parameters, mode, key);
  return module(ctx, x);
}

LossAndGrads value_and_grad(const Module& module, const std::function<Vars(Context&)>& loss,
                            Mode mode, philox::Key key) {
  const Function of_parameters = [&](const Vars& values) {
    Context ctx(module, values, mode, key);
    return loss(ctx);
  };
  ValueAndGrad result = sonde::value_and_grad(of_parameters, module.parameters());
  return {std::move(result.value), std::move(result.grads), std::move(result.aux)};
}

}  // namespace sonde::nn
