#include "nn/module.hpp"

#include <algorithm>

#include "autograd/ops.hpp"
#include "nn/names.hpp"

namespace sonde::nn {
namespace {

// Calls visit(path, handle) for every persistent entry of the tree, own ones first.
template <class Visit>
void walk(const std::vector<std::pair<std::string, Handle>>& own,
          const std::vector<std::pair<std::string, Module*>>& children, const Visit& visit) {
  for (const auto& [name, handle] : own)
    if (handle->persistent) visit(name, handle);
  for (const auto& [name, module] : children)
    for (const NamedEntry& e : module->named_entries()) visit(name + '.' + e.path, e.handle);
}

std::vector<NamedEntry> once(std::vector<NamedEntry> entries, bool buffers) {
  std::vector<NamedEntry> out;
  for (NamedEntry& e : entries)
    if (e.handle->is_buffer == buffers &&
        std::ranges::find(out, e.handle, &NamedEntry::handle) == out.end())
      out.push_back(std::move(e));
  return out;
}

void append_new(std::vector<Handle>& all, const std::vector<Handle>& more) {
  for (const Handle& h : more)
    if (std::ranges::find(all, h) == all.end()) all.push_back(h);
}

// Is there a vmap among the transforms of `v`?
bool has_lanes(const Var& v) {
  const Box* box = as_box(v);
  return box && (box->transform == TransformKind::batch || has_lanes(box->value));
}

}  // namespace

Var Module::operator()(Context& ctx, Var x) const {
  return within(ctx, [&] { return ctx.tap(forward(ctx, ctx.tap(std::move(x), "in")), "out"); });
}

Var Module::operator()(const Var& x) const {
  return functional_call(*this, parameters(), x);
}

void Module::check_name(const std::string& name) const {
  auto taken = [&](const auto& entry) { return entry.first == name; };
  if (name.empty() || std::ranges::any_of(own_, taken) || std::ranges::any_of(children_, taken))
    fail(ErrorCode::names, "module", "'{}' is empty or already taken", name);
  if (attached_)
    fail_hint(ErrorCode::names, "module", "register everything in the constructor",
              "'{}' comes when the module is a child already", name);
}

Handle Module::enter(std::string name, Handle handle) {
  check_name(name);
  own_.emplace_back(std::move(name), handle);
  number();
  return handle;
}

Handle Module::parameter(std::string name, Tensor value) {
  return enter(std::move(name), std::make_shared<Entry>(Entry{.value = std::move(value)}));
}

Handle Module::buffer(std::string name, Tensor value, bool persistent) {
  return enter(std::move(name), std::make_shared<Entry>(Entry{.value = std::move(value),
                                                              .is_buffer = true,
                                                              .trainable = false,
                                                              .persistent = persistent}));
}

void Module::tie(std::string name, const Handle& shared) {
  enter(std::move(name), shared);
}

void Module::child(std::string name, Module& module) {
  check_name(name);
  if (module.attached_)
    fail(ErrorCode::names, "module", "'{}' is the child of another module, as '{}'", name,
         module.name_);
  module.attached_ = true;
  module.name_ = name;
  children_.emplace_back(std::move(name), &module);
  number();
}

// Slots count through the tree, parameters first; so do the indices of modules. They are set anew
// whenever something is registered above, so that in the end they are those of the root, and each
// subtree's Context leaves the places of the others empty.
void Module::number() {
  parameters_.clear();
  buffers_.clear();
  for (const auto& [name, handle] : own_)
    append_new(handle->is_buffer ? buffers_ : parameters_, {handle});
  for (const auto& [name, module] : children_) {
    append_new(parameters_, module->parameters_);
    append_new(buffers_, module->buffers_);
  }
  int slot = 0;
  for (const auto* handles : {&parameters_, &buffers_})
    for (const Handle& h : *handles) h->slot = slot++;
  int next = 0;
  auto count = [&next](auto&& self, Module& m) -> void {
    m.index_ = next++;
    for (const auto& [name, module] : m.children_) self(self, *module);
  };
  count(count, *this);
}

std::vector<NamedEntry> Module::named_entries() const {
  std::vector<NamedEntry> out;
  walk(own_, children_, [&](const std::string& path, const Handle& handle) {
    out.push_back({path, handle});
  });
  return out;
}

std::vector<NamedEntry> Module::named_parameters() const {
  return once(named_entries(), false);
}

std::vector<NamedEntry> Module::named_buffers() const {
  return once(named_entries(), true);
}

Vars Module::parameters() const {
  Vars out;
  for (const Handle& h : parameters_) out.push_back(h->value);
  return out;
}

Tensors Module::parameter_tensors() const {
  Tensors out;
  for (const Handle& h : parameters_) out.push_back(h->value);
  return out;
}

std::int64_t Module::parameter_count() const {
  std::int64_t count = 0;
  for (const Handle& h : parameters_) count += h->value.numel();
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

std::int64_t Module::set_trainable(std::string_view pattern, bool trainable) {
  std::int64_t count = 0;
  std::vector<std::string> paths;
  for (const NamedEntry& e : named_entries()) {
    if (e.handle->is_buffer) continue;
    paths.push_back(e.path);
    if (!matches(pattern, e.path)) continue;
    e.handle->trainable = trainable;
    ++count;
  }
  if (count == 0)
    fail_hint(ErrorCode::names, "freeze",
              "* stands for any characters; the nearest path is '" + nearest(pattern, paths) + "'",
              "no parameter matches '{}'", pattern);
  return count;
}

void Module::convert(DType dtype) {
  if (!is_differentiable(dtype))
    fail(ErrorCode::dtype, "convert", "parameters cannot be {}", dtype);
  for (const auto* handles : {&parameters_, &buffers_})
    for (const Handle& h : *handles)
      if (is_differentiable(h->value.dtype())) h->value = h->value.to(dtype);
}

void Module::to(Device device) {
  for (const auto* handles : {&parameters_, &buffers_})
    for (const Handle& h : *handles) h->value = h->value.to(device);
}

Device Module::device() const {
  return parameters_.empty() ? Device{} : parameters_[0]->value.device();
}

void Module::commit(const Updates& updates) {
  for (const Update& u : updates) u.buffer->value.copy_from(u.value);
}

void Context::place(const std::vector<Handle>& handles, const Vars& values) {
  for (std::size_t i = 0; i < handles.size(); ++i) {
    const auto slot = static_cast<std::size_t>(handles[i]->slot);
    if (vars_.size() <= slot) vars_.resize(slot + 1);
    vars_[slot] = values.empty() ? Var(handles[i]->value) : values[i];
  }
}

Context::Context(const Module& module, const Vars& values, CallOptions options)
    : options_(std::move(options)) {
  if (values.size() != module.parameters_.size())
    fail(ErrorCode::names, "context", "{} values for {} parameters", values.size(),
         module.parameters_.size());
  place(module.parameters_, values);
  place(module.buffers_, {});
  if (Var& key = options_.key; key && !values.empty() && !(key.device() == values[0].device()))
    key = to(key, values[0].device());
}

const Var& Context::operator[](const Handle& handle) const {
  const auto slot = static_cast<std::size_t>(handle->slot);
  if (slot >= vars_.size() || !vars_[slot])
    fail(ErrorCode::names, "context", "the parameter is none of this context's module");
  return vars_[slot];
}

Var Context::key() const {
  if (!options_.key)
    fail_hint(ErrorCode::value, "context",
              "give the call a key, {.mode = Mode::train, .key = random_key(step)}",
              "random numbers are wanted and the call has no key");
  return fold_in(options_.key, std::int64_t{active_.empty() ? 0 : active_.back()->index_});
}

std::string Context::path() const {
  std::string path;
  for (const Module* module : active_)
    if (!module->name_.empty()) path += (path.empty() ? "" : ".") + module->name_;
  return path;
}

Var Context::tap(Var value, std::string_view name) const {
  if (!options_.tap) return value;
  std::string at = path();
  if (!at.empty()) at += '.';
  at += name;
  return (*options_.tap)(at, std::move(value));
}

void Context::update(const Handle& buffer, const Var& value) {
  if (std::ranges::find(updates_, buffer, &Update::buffer) != updates_.end()) return;
  if (has_lanes(value))
    fail_hint(ErrorCode::rule, "update", "call it in eval mode, or use a layer without statistics",
              "under vmap every lane would have its own value of a buffer");
  updates_.push_back({buffer, value.primal()});
}

Var functional_call(const Module& module, const Vars& parameters, const Var& x,
                    CallOptions options) {
  Context ctx(module, parameters, std::move(options));
  return module(ctx, x);
}

LossAndGrads value_and_grad(const Module& module, const std::function<Vars(Context&)>& loss,
                            CallOptions options) {
  LossAndGrads out;
  const Function of_parameters = [&](const Vars& values) {
    Context ctx(module, values, options);
    Vars results = loss(ctx);
    out.updates = ctx.updates();
    return results;
  };
  const auto named = module.named_parameters();
  Arguments trainable;
  for (std::size_t i = 0; i < named.size(); ++i)
    if (named[i].handle->trainable) trainable.push_back(static_cast<int>(i));
  if (trainable.empty() && !named.empty())
    fail_hint(ErrorCode::value, "value_and_grad", "unfreeze some, or call the module",
              "all parameters are frozen");
  ValueAndGrad result = sonde::value_and_grad(of_parameters, module.parameters(), trainable);
  out.value = std::move(result.value);
  out.aux = std::move(result.aux);
  out.grads.resize(named.size());
  for (std::size_t k = 0; k < trainable.size(); ++k)
    out.grads[static_cast<std::size_t>(trainable[k])] = std::move(result.grads[k]);
  return out;
}

// Everything that carries derivatives enters the inner call as an argument.
Var checkpointed(Context& ctx, const Module& module, const Var& x) {
  Vars in = make_vars(x);
  for (const Handle& h : module.parameters_) in.push_back(ctx[h]);
  const bool has_key = static_cast<bool>(ctx.options_.key);
  if (has_key) in.push_back(ctx.options_.key);
  auto updates = std::make_shared<Updates>();
  auto run = [&module, has_key, updates, active = ctx.active_, mode = ctx.options_.mode,
              tap = ctx.options_.tap](const Vars& v) {
    Vars values;
    for (std::size_t i = 1; i < v.size() - (has_key ? 1 : 0); ++i) values.push_back(v[i]);
    Context inner(module, values, {.mode = mode, .key = has_key ? v.back() : Var(), .tap = tap});
    inner.active_ = active;
    Var y = module(inner, v[0]);
    *updates = inner.updates();
    return y;
  };
  Var y = checkpoint(run)(in)[0];
  for (const Update& u : *updates) ctx.update(u.buffer, u.value);
  return y;
}

}  // namespace sonde::nn
