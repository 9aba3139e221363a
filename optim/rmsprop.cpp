#include "optim/rmsprop.hpp"

namespace sonde::optim {

void RmsPropOptions::check() const {
  if (!is_rate(lr) || !is_rate(alpha) || !is_rate(eps) || !is_rate(weight_decay) ||
      !is_rate(momentum))
    fail(ErrorCode::value, "rmsprop", "lr {}, alpha {}, eps {}, weight decay {}, momentum {}", lr,
         alpha, eps, weight_decay, momentum);
}

void RmsPropOptions::visit(const SettingVisitor& setting) {
  setting("lr", lr);
  setting("alpha", alpha);
  setting("eps", eps);
  setting("weight_decay", weight_decay);
  setting("momentum", momentum);
}

void RmsProp::update() {
  run(kernels::rmsprop_step, [&](std::size_t group, std::int64_t) {
    const RmsPropOptions& o = options(group);
    return kernels::RmsPropCoefficients{.lr = o.lr,
                                        .alpha = o.alpha,
                                        .eps = o.eps,
                                        .weight_decay = o.weight_decay,
                                        .momentum = o.momentum,
                                        .sign = o.maximize ? -1.0 : 1.0};
  });
}

}  // namespace sonde::optim
