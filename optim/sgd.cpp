#include "optim/sgd.hpp"

#include "optim/for_each.hpp"

namespace sonde::optim {

Sgd::Sgd(Tensors parameters, Options options)
    : Optimizer(std::move(parameters), options.lr,
                options.momentum != 0 ? std::vector<std::string>{"momentum"}
                                      : std::vector<std::string>{}),
      options_(options) {
  if (!(options.momentum >= 0 && options.momentum < 1) || !(options.weight_decay >= 0))
    fail(ErrorCode::value, "sgd", "momentum {}, weight decay {}", options.momentum,
         options.weight_decay);
  if (options.nesterov && options.momentum == 0)
    fail(ErrorCode::value, "sgd", "Nesterov's step needs a momentum");
}

void Sgd::update(Tensor& parameter, const Tensor& grad, std::span<Tensor> state) {
  visit_parameter(parameter, [&]<class T>(T* p) {
    const T* g = grad.data<T>();
    const T lr = static_cast<T>(this->lr()), decay = static_cast<T>(options_.weight_decay);
    if (state.empty()) {
      for_each_element(parameter.numel(),
                       [=](std::int64_t i) { p[i] -= lr * (g[i] + decay * p[i]); });
      return;
    }
    // b starts at zero, so that the first step's momentum b + g is g.
    T* b = state[0].mutable_data<T>();
    const T momentum = static_cast<T>(options_.momentum);
    const bool nesterov = options_.nesterov;
    for_each_element(parameter.numel(), [=](std::int64_t i) {
      const T d = g[i] + decay * p[i];
      b[i] = momentum * b[i] + d;
      p[i] -= lr * (nesterov ? d + momentum * b[i] : b[i]);
    });
  });
}

}  // namespace sonde::optim
