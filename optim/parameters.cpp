#include "optim/parameters.hpp"

#include <cmath>

#include "nn/names.hpp"

namespace sonde::optim {
namespace {

// What tells two different specs apart.
ErrorCode mismatch(const Spec& a, const Spec& b) {
  return a.dtype != b.dtype      ? ErrorCode::dtype
         : !(a.shape == b.shape) ? ErrorCode::shape
                                 : ErrorCode::device;
}

}  // namespace

Parameters::Parameters(const nn::Module& module) {
  for (const nn::NamedEntry& e : module.named_parameters()) add(e.path, e.handle->value);
}

Parameters::Parameters(const Tensors& values) {
  for (std::size_t i = 0; i < values.size(); ++i) add(std::to_string(i), values[i]);
}

void Parameters::add(std::string name, const Tensor& value) {
  if (!is_differentiable(value.dtype()))
    fail(ErrorCode::dtype, "optimizer", "{} is {}, which cannot be optimised", name, value.spec());
  if (!value.is_contiguous())
    fail(ErrorCode::shape, "optimizer", "{}, {}, is not row-major", name, value.spec());
  if (!all_.empty() && !(value.device() == device()))
    fail_hint(ErrorCode::device, "optimizer", "move all to one device", "{} is {}, {} is {}", name,
              value.spec(), all_[0].name, all_[0].value.spec());
  all_.push_back({std::move(name), value});
}

std::vector<std::size_t> Parameters::assign(const std::vector<std::string>& patterns) const {
  std::vector<std::size_t> group(size(), 0);
  for (std::size_t g = 0; g < patterns.size(); ++g) {
    bool matched = false;
    for (std::size_t i = 0; i < size(); ++i) {
      if (!nn::matches(patterns[g], all_[i].name)) continue;
      matched = true;
      if (group[i] == 0) group[i] = g + 1;
    }
    if (matched) continue;
    std::vector<std::string> names;
    for (const NamedParameter& p : all_) names.push_back(p.name);
    fail_hint(ErrorCode::names, "optimizer",
              "* stands for any characters; the nearest name is '" +
                  nn::nearest(patterns[g], names) + "'",
              "no parameter matches '{}'", patterns[g]);
  }
  return group;
}

std::vector<Tensor> Parameters::checked(const Vars& grads) const {
  if (grads.size() != size())
    fail(ErrorCode::names, "step", "{} gradients for {} parameters", grads.size(), size());
  std::vector<Tensor> plain(size());
  for (std::size_t i = 0; i < size(); ++i) {
    if (!grads[i]) continue;
    plain[i] = grads[i].tensor().contiguous();
    const Spec &own = all_[i].value.spec(), &given = plain[i].spec();
    if (!(given == own))
      fail(mismatch(given, own), "step", "the gradient of {} is {}, the parameter {}", all_[i].name,
           given, own);
  }
  return plain;
}

bool is_rate(double x) {
  return x >= 0 && std::isfinite(x);
}

const Tensor& find_state(const NamedTensors& state, const std::string& name, const Spec& spec) {
  const auto found = state.find(name);
  if (found == state.end()) fail(ErrorCode::names, "load_state", "no '{}'", name);
  const Spec& own = found->second.spec();
  if (own.dtype != spec.dtype || !(own.shape == spec.shape))
    fail(mismatch(own, spec), "load_state", "'{}' is {}, not {}", name, own, spec);
  return found->second;
}

}  // namespace sonde::optim
