#include "analysis/point.hpp"

#include <algorithm>

#include "nn/names.hpp"

namespace sonde {
namespace {

Point named_point(const std::vector<std::string>& names, const Vars& values) {
  check_alike(names, values, "point");
  std::vector<Dims> shapes;
  for (const Var& v : values) shapes.push_back(v.shape());
  if (values.empty()) return {Space(names, shapes), values};
  return {Space(names, shapes, values[0].dtype(), values[0].device()), values};
}

// Is one of the paths of `handle` matched?
bool matched(const std::vector<nn::NamedEntry>& entries, const nn::Handle& handle,
             std::string_view pattern) {
  return std::ranges::any_of(entries, [&](const nn::NamedEntry& e) {
    return e.handle == handle && nn::matches(pattern, e.path);
  });
}

// Positions of the trainable parameters that match.
std::vector<std::size_t> chosen_by(const nn::Module& module, std::string_view pattern) {
  const auto parameters = module.named_parameters(), entries = module.named_entries();
  std::vector<std::size_t> chosen;
  std::vector<std::string> names;
  bool frozen = false;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    names.push_back(parameters[i].path);
    if (!matched(entries, parameters[i].handle, pattern)) continue;
    if (parameters[i].handle->trainable)
      chosen.push_back(i);
    else
      frozen = true;
  }
  if (chosen.empty() && frozen)
    fail_hint(ErrorCode::names, "parameters", "unfreeze them",
              "all parameters that match '{}' are frozen", pattern);
  if (chosen.empty())
    fail_hint(ErrorCode::names, "parameters", fmt::format("names are {}", fmt::join(names, ", ")),
              "no parameter matches '{}'", pattern);
  return chosen;
}

Point point_of(const nn::Module& module, std::string_view pattern) {
  const auto parameters = module.named_parameters();
  std::vector<std::string> names;
  Vars values;
  for (const std::size_t i : chosen_by(module, pattern)) {
    names.push_back(parameters[i].path);
    values.push_back(parameters[i].handle->value);
  }
  return named_point(names, values);
}

}  // namespace

Snapshot::Snapshot(std::vector<std::string> names, const Vars& tensors) : names_(std::move(names)) {
  if (names_.size() != tensors.size())
    fail(ErrorCode::names, "snapshot", "{} names for {} tensors", names_.size(), tensors.size());
  for (const Var& v : tensors) {
    tensors_.push_back(v.tensor());
    versions_.push_back(tensors_.back().storage().version());
  }
}

void Snapshot::check(std::string_view op) const {
  for (std::size_t i = 0; i < names_.size(); ++i)
    if (tensors_[i].storage().version() != versions_[i])
      fail_hint(ErrorCode::stale, op,
                "make it anew, or of copies (ParameterPoint::copy) if training goes on",
                "{} was modified after this was made of it", names_[i]);
}

Point Point::of(const Vars& values) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < values.size(); ++i) names.push_back(fmt::format("x{}", i));
  return named_point(names, values);
}

Point Point::of(const std::vector<std::string>& names, const Vars& values) {
  if (names.size() != values.size())
    fail(ErrorCode::names, "point", "{} names for {} tensors", names.size(), values.size());
  return named_point(names, values);
}

Snapshot Point::snapshot() const {
  std::vector<std::string> names;
  for (const Block& b : space.blocks()) names.push_back(b.name);
  return {std::move(names), values};
}

ParameterPoint::ParameterPoint(const nn::Module& module, std::string_view pattern)
    : Point(point_of(module, pattern)),
      module_(&module),
      all_(module.parameters()),
      chosen_(chosen_by(module, pattern)) {
  std::vector<std::string> names;
  Vars constants;
  auto keep = [&](const nn::NamedEntry& e) {
    names.push_back(e.path);
    constants.push_back(e.handle->value);
  };
  const auto parameters = module.named_parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (!std::ranges::binary_search(chosen_, i)) keep(parameters[i]);
  for (const nn::NamedEntry& e : module.named_buffers()) keep(e);
  constants_ = Snapshot(std::move(names), constants);
}

ParameterPoint ParameterPoint::copy() const {
  ParameterPoint out = *this;
  for (Var& v : out.all_) v = v.tensor().clone();
  for (std::size_t k = 0; k < chosen_.size(); ++k) out.values[k] = out.all_[chosen_[k]];
  std::vector<std::string> names;
  Vars buffers;
  for (const nn::NamedEntry& e : module_->named_buffers()) {
    names.push_back(e.path);
    buffers.push_back(e.handle->value);
  }
  out.constants_ = Snapshot(std::move(names), buffers);
  return out;
}

nn::Context ParameterPoint::context(const Vars& chosen, nn::CallOptions options) const {
  if (chosen.size() != chosen_.size())
    fail(ErrorCode::names, "parameters", "{} values for {} chosen parameters", chosen.size(),
         chosen_.size());
  constants_.check("parameters");
  Vars values = all_;
  for (std::size_t k = 0; k < chosen_.size(); ++k) values[chosen_[k]] = chosen[k];
  return {*module_, values, std::move(options)};
}

Function ParameterPoint::outputs(Var x, nn::CallOptions options) const {
  return function(
      [x = std::move(x), module = module_](nn::Context& ctx) { return (*module)(ctx, x); },
      std::move(options));
}

}  // namespace sonde
