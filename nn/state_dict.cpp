#include "nn/state_dict.hpp"

#include <algorithm>

#include "nn/names.hpp"

namespace sonde::nn {
namespace {

std::string listed(std::string_view title, const std::vector<std::string>& names,
                   const std::vector<std::string>& candidates) {
  if (names.empty()) return {};
  std::string text = fmt::format("{} {}: ", names.size(), title);
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += (i > 0 ? ", " : "") + names[i];
    if (const std::string near = nearest(names[i], candidates); !near.empty())
      text += " (nearest: " + near + ")";
  }
  return text;
}

bool fits(const Tensor& given, const Tensor& own) {
  return given.shape() == own.shape() && given.dtype() == own.dtype();
}

bool has_another_name(const std::vector<NamedEntry>& entries, const Handle& handle,
                      const NamedTensors& state) {
  return std::ranges::any_of(
      entries, [&](const NamedEntry& e) { return e.handle == handle && state.contains(e.path); });
}

}  // namespace

NamedTensors state_dict(const Module& module) {
  NamedTensors out;
  for (const auto& [path, handle] : module.named_entries())
    out.emplace(path, handle->value.clone());
  return out;
}

std::string LoadReport::text() const {
  std::string all;
  for (const std::string& part :
       {listed("missing", missing, unexpected), listed("unexpected", unexpected, missing),
        listed("of another shape or type", misfit, {})})
    if (!part.empty()) all += (all.empty() ? "" : "; ") + part;
  return all;
}

LoadReport load_state_dict(Module& module, const NamedTensors& state, bool strict) {
  const auto entries = module.named_entries();
  LoadReport report;
  std::vector<std::pair<Handle, const Tensor*>> fitting;
  for (const auto& [path, handle] : entries) {
    const auto found = state.find(path);
    if (found == state.end()) {
      if (!has_another_name(entries, handle, state)) report.missing.push_back(path);
    } else if (!fits(found->second, handle->value)) {
      report.misfit.push_back(
          fmt::format("{} is {}, not {}", path, found->second.spec(), handle->value.spec()));
    } else {
      fitting.emplace_back(handle, &found->second);
    }
  }
  for (const auto& [name, tensor] : state)
    if (std::ranges::find(entries, name, &NamedEntry::path) == entries.end())
      report.unexpected.push_back(name);
  if (strict && !report.empty())
    fail_hint(ErrorCode::names, "load_state_dict", "strict = false loads the rest", "{}",
              report.text());
  for (const auto& [handle, tensor] : fitting) handle->value.copy_from(*tensor);
  return report;
}

}  // namespace sonde::nn
