#include "optim/adam.hpp"

#include <cmath>

namespace sonde::optim {

void AdamOptions::check() const {
  auto fraction = [](double b) { return b >= 0 && b < 1; };
  if (!is_rate(lr) || !fraction(betas[0]) || !fraction(betas[1]) || !is_rate(eps) ||
      !is_rate(weight_decay))
    fail(ErrorCode::value, "adam", "lr {}, betas {}, {}, eps {}, weight decay {}", lr, betas[0],
         betas[1], eps, weight_decay);
}

void AdamOptions::visit(const SettingVisitor& setting) {
  setting("lr", lr);
  setting("beta1", betas[0]);
  setting("beta2", betas[1]);
  setting("eps", eps);
  setting("weight_decay", weight_decay);
}

void Adam::update() {
  run(kernels::adam_step, [&](std::size_t group, std::int64_t t) {
    const AdamOptions& o = options(group);
    const double power = static_cast<double>(t);
    const bool decoupled = o.decoupled_weight_decay;
    return kernels::AdamCoefficients{
        .beta1 = o.betas[0],
        .beta2 = o.betas[1],
        .eps = o.eps,
        .weight_decay = decoupled ? 0 : o.weight_decay,
        .sign = o.maximize ? -1.0 : 1.0,
        .shrink = decoupled ? 1 - o.lr * o.weight_decay : 1,
        .step = o.lr / (1 - std::pow(o.betas[0], power)),
        .root = 1 / std::sqrt(1 - std::pow(o.betas[1], power)),
    };
  });
}

AdamW::AdamW(const Parameters& parameters, const Options& o, const Groups<AdamOptions>& groups)
    : Adam(parameters,
           {.lr = o.lr,
            .betas = o.betas,
            .eps = o.eps,
            .weight_decay = o.weight_decay,
            .amsgrad = o.amsgrad,
            .maximize = o.maximize,
            .decoupled_weight_decay = true},
           groups) {}

}  // namespace sonde::optim
