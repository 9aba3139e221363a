#include "analysis/taps.hpp"

#include "nn/names.hpp"

namespace sonde {
namespace {

void collect(const nn::Module& module, const std::string& prefix,
             std::vector<std::pair<std::string, const nn::Module*>>& to) {
  for (const auto& [name, child] : module.children()) {
    to.emplace_back(prefix + name, child);
    collect(*child, prefix + name + '.', to);
  }
}

[[noreturn]] void fail_not_offered(std::string_view pattern, const std::vector<std::string>& seen) {
  const std::string near = nn::nearest(pattern, seen);
  fail_hint(ErrorCode::names, "tap",
            near.empty() ? "modules offer their \"in\" and \"out\" by path, \"encoder.norm.in\""
                         : "did you mean '" + near + "'?",
            "the network offers no value at '{}'", pattern);
}

void check_once(int times, std::string_view point, const std::vector<std::string>& seen) {
  if (times == 0) fail_not_offered(point, seen);
  if (times > 1)
    fail_hint(ErrorCode::names, "tap", "choose a point that is passed once in a call",
              "the network offers '{}' {} times", point, times);
}

Var replaced(const Var& value, const std::function<Tensor(const Tensor&)>& change,
             std::string_view point) {
  const Tensor changed = change(value.tensor());
  if (!(changed.spec() == value.spec()))
    fail(ErrorCode::shape, "tap", "{} is put in place of {} at '{}'", changed.spec(), value.spec(),
         point);
  return changed;
}

}  // namespace

const nn::Module& module_at(const nn::Module& network, std::string_view path) {
  std::vector<std::pair<std::string, const nn::Module*>> all;
  collect(network, "", all);
  std::vector<std::string> names;
  for (const auto& [name, module] : all) {
    if (name == path) return *module;
    names.push_back(name);
  }
  const std::string near = nn::nearest(path, names);
  fail_hint(ErrorCode::names, "module_at", near.empty() ? "" : "did you mean '" + near + "'?",
            "the network has no module '{}'", path);
}

TappedFunction tapped(const nn::Module& module) {
  return [&module](const Tensor& inputs, const nn::Tap& tap) {
    const Tensor here = inputs.to(module.device());
    return nn::functional_call(module, module.parameters(), here, {.tap = &tap}).tensor();
  };
}

TappedValues values_at(const TappedFunction& f, const Tensor& inputs, std::string_view pattern) {
  TappedValues found;
  std::vector<std::string> seen;
  f(inputs, [&](const std::string& path, Var value) {
    seen.push_back(path);
    if (nn::matches(pattern, path)) found.emplace_back(path, value.tensor());
    return value;
  });
  if (found.empty()) fail_not_offered(pattern, seen);
  return found;
}

Tensor value_at(const TappedFunction& f, const Tensor& inputs, std::string_view point) {
  Tensor found;
  with_value(f, inputs, point, [&](const Tensor& value) { return found = value; });
  return found;
}

Tensor with_value(const TappedFunction& f, const Tensor& inputs, std::string_view point,
                  const std::function<Tensor(const Tensor&)>& change) {
  int times = 0;
  std::vector<std::string> seen;
  Tensor out = f(inputs, [&](const std::string& path, Var value) {
    seen.push_back(path);
    if (path != point) return value;
    ++times;
    return replaced(value, change, point);
  });
  check_once(times, point, seen);
  return out;
}

Passage passage(const TappedFunction& f, const Tensor& inputs, std::string_view path,
                const std::function<Tensor(const Tensor&)>& change) {
  const std::string in = fmt::format("{}.in", path), out = fmt::format("{}.out", path);
  Passage found;
  const TappedFunction watched = [&](const Tensor& x, const nn::Tap& tap) {
    return f(x, [&](const std::string& at, Var value) {
      if (at == out) found.out = value.tensor();
      return tap(at, std::move(value));
    });
  };
  with_value(watched, inputs, in,
             [&](const Tensor& value) { return found.in = change ? change(value) : value; });
  if (!found.out) fail(ErrorCode::names, "tap", "the network offers '{}' and no '{}'", in, out);
  return found;
}

}  // namespace sonde
