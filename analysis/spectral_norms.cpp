#include "analysis/spectral_norms.hpp"

#include <algorithm>

#include "analysis/norms.hpp"
#include "analysis/rank.hpp"
#include "analysis/taps.hpp"
#include "nn/names.hpp"

namespace sonde {
namespace {

bool is_affine_layer(const nn::Module& module) {
  if (!module.children().empty()) return false;
  for (const nn::NamedEntry& p : module.named_parameters())
    if (p.path == "weight") return p.handle->value.rank() >= 2;
  return false;
}

}  // namespace

std::vector<SpectralNorm> weight_spectral_norms(const nn::Module& module,
                                                std::string_view pattern) {
  std::vector<SpectralNorm> found;
  for (const nn::NamedEntry& p : module.named_parameters()) {
    const Tensor& w = p.handle->value;
    if (w.rank() < 2 || !nn::matches(pattern, p.path)) continue;
    found.push_back({p.path, singular_values(w.reshape({w.size(0), -1})).front(), 0});
  }
  if (found.empty())
    fail_hint(ErrorCode::names, "spectral_norms", "* stands for any characters",
              "no parameter of two axes or more matches '{}'", pattern);
  return found;
}

SpectralNorm derivative_norm(const Function& f, const Var& x, std::int64_t dense_up_to,
                             philox::Key key) {
  const LinearMap j = jacobian_map(f, Point::of({x}));
  if (std::min(j.range().size(), j.domain().size()) <= dense_up_to)
    return {j.name(), singular_values(dense(j)).front(), 0};
  const SingularValue greatest = spectral_norm(j, {.key = key});
  return {j.name(), greatest.value, greatest.residual};
}

std::vector<SpectralNorm> layer_spectral_norms(const nn::Module& network, const Tensor& input,
                                               std::string_view pattern) {
  std::vector<SpectralNorm> found;
  for (const auto& [point, x] : values_at(tapped(network), input, "*.in")) {
    const std::string path = point.substr(0, point.size() - 3);
    const nn::Module& layer = module_at(network, path);
    if (!nn::matches(pattern, path) || !is_affine_layer(layer) || !is_differentiable(x.dtype()))
      continue;
    found.push_back(derivative_norm([&](const Var& v) { return layer(v); }, x));
    found.back().name = path;
  }
  if (found.empty())
    fail_hint(ErrorCode::names, "spectral_norms", "* stands for any characters",
              "no linear layer of the network matches '{}'", pattern);
  return found;
}

}  // namespace sonde
