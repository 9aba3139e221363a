#include "analysis/preconditioned.hpp"

#include <cmath>

#include "analysis/gauss_newton.hpp"
#include "analysis/sampling.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

class Diagonal final : public LinearMap::Rule {
 public:
  Diagonal(Tensor values, Space space) : values_(std::move(values)), space_(std::move(space)) {
    const Spec own{Dims{space_.size()}, space_.dtype(), space_.device()};
    if (!(values_.spec() == own))
      fail(values_.dtype() != own.dtype      ? ErrorCode::dtype
           : !(values_.shape() == own.shape) ? ErrorCode::shape
                                             : ErrorCode::device,
           "diagonal_map", "values {} for {}", values_.spec(), to_string(space_));
  }
  const Space& domain() const override { return space_; }
  const Space& range() const override { return space_; }
  Tensor apply(const Tensor& v) const override { return (Var(v) * values_).tensor(); }
  Tensor transpose(const Tensor& u) const override { return apply(u); }
  bool symmetric() const override { return true; }
  Cost cost(std::int64_t n) const override {
    return {static_cast<double>(n) * static_cast<double>(space_.size()), 0};
  }
  std::string name() const override { return "diagonal"; }

 private:
  const Tensor values_;
  const Space space_;
};

}  // namespace

LinearMap diagonal_map(const Tensor& values, Space space) {
  return LinearMap(std::make_shared<Diagonal>(values, std::move(space)));
}

LinearMap adam_preconditioned(const LinearMap& map, const optim::Adam& adam) {
  constexpr std::string_view who = "adam_preconditioned";
  check_square(map, who);
  if (adam.steps() == 0)
    fail(ErrorCode::usage, who, "the optimiser has made no step: its scale is not there yet");
  if (adam.groups() != 1)
    fail(ErrorCode::usage, who, "the optimiser has {} groups of parameters, and eps is one number",
         adam.groups());
  const NamedTensors state = adam.state();
  const double corrected = 1 - std::pow(adam.setting("beta2"), static_cast<double>(adam.steps())),
               eps = adam.setting("eps");
  Vars scales;
  for (const Block& b : map.domain().blocks()) {
    const Spec spec{b.shape, map.domain().dtype()};
    const Var v = optim::find_state(state, "exp_avg_sq." + b.name, spec);
    scales.push_back(1.0 / sqrt(sqrt(v / corrected) + eps));
  }
  return congruence(diagonal_map(map.domain().flatten(scales), map.domain()), map,
                    "preconditioned " + map.name());
}

}  // namespace sonde
