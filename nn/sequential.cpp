#include "nn/sequential.hpp"

#include "autograd/ops.hpp"

namespace sonde::nn {

Sequential::Sequential(List modules) {
  for (auto& module : modules) append(std::move(module));
}

void Sequential::append(std::unique_ptr<Module> module) {
  if (!module) fail(ErrorCode::value, "sequential", "module {} is null", modules_.size());
  child(fmt::format("{}", modules_.size()), *module);
  modules_.push_back(std::move(module));
}

Var Sequential::forward(Context& ctx, Var x) const {
  for (const auto& module : modules_) x = (*module)(ctx, std::move(x));
  return x;
}

Module& Sequential::operator[](std::size_t i) const {
  if (i >= modules_.size())
    fail(ErrorCode::axis, "sequential", "module {} of {}", i, modules_.size());
  return *modules_[i];
}

Var Flatten::forward(Context&, Var x) const {
  return flatten(std::move(x), start_, end_);
}

}  // namespace sonde::nn
