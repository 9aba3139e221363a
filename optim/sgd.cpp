#include "optim/sgd.hpp"

#include <cmath>

namespace sonde::optim {

void SgdOptions::check() const {
  if (!is_rate(lr) || !is_rate(momentum) || !is_rate(weight_decay) || !std::isfinite(dampening))
    fail(ErrorCode::value, "sgd", "lr {}, momentum {}, dampening {}, weight decay {}", lr, momentum,
         dampening, weight_decay);
  if (nesterov && (momentum == 0 || dampening != 0))
    fail(ErrorCode::value, "sgd", "Nesterov's step needs a momentum and no dampening");
}

void SgdOptions::visit(const SettingVisitor& setting) {
  setting("lr", lr);
  setting("momentum", momentum);
  setting("dampening", dampening);
  setting("weight_decay", weight_decay);
}

void Sgd::update() {
  run(kernels::sgd_step, [&](std::size_t group, std::int64_t t) {
    const SgdOptions& o = options(group);
    return kernels::SgdCoefficients{.lr = o.lr,
                                    .momentum = o.momentum,
                                    .fresh = t == 1 ? 1 : 1 - o.dampening,
                                    .weight_decay = o.weight_decay,
                                    .sign = o.maximize ? -1.0 : 1.0,
                                    .nesterov = o.nesterov};
  });
}

}  // namespace sonde::optim
