#include "optim/optimizer.hpp"

#include <cmath>

namespace sonde::optim {

Optimizer::Optimizer(Tensors parameters, double lr, std::vector<std::string> kinds)
    : parameters_(std::move(parameters)), kinds_(std::move(kinds)) {
  set_lr(lr);
  for (const Tensor& p : parameters_) {
    if (!is_differentiable(p.dtype()))
      fail(ErrorCode::dtype, "optimizer", "{} cannot be optimised", p.spec());
    if (!p.is_contiguous())
      fail(ErrorCode::shape, "optimizer", "parameter {} is not row-major", p.spec());
    Tensors zeros;
    for (std::size_t k = 0; k < kinds_.size(); ++k)
      zeros.push_back(Tensor::zeros(p.shape(), p.dtype()));
    state_.push_back(std::move(zeros));
  }
}

void Optimizer::set_lr(double lr) {
  if (!(lr >= 0 && std::isfinite(lr))) fail(ErrorCode::value, "optimizer", "learning rate {}", lr);
  lr_ = lr;
}

void Optimizer::step(const Vars& grads) {
  if (grads.size() != parameters_.size())
    fail(ErrorCode::names, "step", "{} gradients for {} parameters", grads.size(),
         parameters_.size());
  std::vector<Tensor> plain(grads.size());
  for (std::size_t i = 0; i < grads.size(); ++i) {
    if (!grads[i]) continue;
    plain[i] = grads[i].tensor().contiguous();
    if (!(plain[i].spec() == parameters_[i].spec()))
      fail(plain[i].dtype() == parameters_[i].dtype() ? ErrorCode::shape : ErrorCode::dtype, "step",
           "gradient {} is {}, its parameter {}", i, plain[i].spec(), parameters_[i].spec());
  }
  ++steps_;
  for (std::size_t i = 0; i < plain.size(); ++i)
    if (plain[i]) update(parameters_[i], plain[i], {state_[i].begin(), state_[i].end()});
}

std::string Optimizer::name(std::size_t kind, std::size_t parameter) const {
  return fmt::format("{}.{}", kinds_[kind], parameter);
}

NamedTensors Optimizer::state() const {
  NamedTensors out{{"steps", Tensor::from<std::int64_t>({steps_}, {})}};
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    for (std::size_t k = 0; k < kinds_.size(); ++k) out.emplace(name(k, i), state_[i][k].clone());
  return out;
}

void Optimizer::load_state(const NamedTensors& state) {
  auto find = [&](const std::string& key) -> const Tensor& {
    const auto found = state.find(key);
    if (found == state.end()) fail(ErrorCode::names, "load_state", "no '{}'", key);
    return found->second;
  };
  const std::int64_t steps = *find("steps").contiguous().to(DType::i64).data<std::int64_t>();
  if (state.size() != 1 + parameters_.size() * kinds_.size())
    fail(ErrorCode::names, "load_state", "{} tensors, expected {}", state.size(),
         1 + parameters_.size() * kinds_.size());
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    for (std::size_t k = 0; k < kinds_.size(); ++k)
      if (const Spec& spec = find(name(k, i)).spec(); !(spec == parameters_[i].spec()))
        fail(ErrorCode::shape, "load_state", "'{}' is {}, not {}", name(k, i), spec,
             parameters_[i].spec());
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    for (std::size_t k = 0; k < kinds_.size(); ++k) state_[i][k].copy_from(find(name(k, i)));
  steps_ = steps;
}

}  // namespace sonde::optim
