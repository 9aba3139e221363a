// Random attention layers, and their Hessians by automatic differentiation.
#pragma once

#include <string>

#include "analysis/attention_hessian.hpp"
#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"
#include "nn/init.hpp"

namespace sonde {

struct LayerShape {
  std::int64_t length, d, k, v;
};

inline Tensor normal_f64(const Dims& shape, philox::Key key, double std = 1) {
  return nn::normal_init(shape, 0, std, key, DType::f64);
}

// Standard normal tokens times `scale`, and weights of the standard deviation given.
inline AttentionLayer random_layer(const LayerShape& s, std::uint64_t seed, double scale,
                                   AttentionOptions options = {}, double weight_std = 1) {
  const philox::Key key{seed, 0};
  return {normal_f64({s.length, s.d}, philox::child(key, 0), scale),
          normal_f64({s.d, s.k}, philox::child(key, 1), weight_std),
          normal_f64({s.d, s.k}, philox::child(key, 2), weight_std),
          normal_f64({s.d, s.v}, philox::child(key, 3), weight_std), options};
}
inline Tensor random_target(const LayerShape& s, std::uint64_t seed) {
  return normal_f64({s.length, s.v}, philox::child({seed, 0}, 4));
}

inline double frobenius(const Var& a) {
  return norm(a).item();
}
inline double relative(const Var& difference, const Var& to) {
  return frobenius(difference) / frobenius(to);
}
inline Tensor identity_matrix(std::int64_t n) {
  return Tensor::eye(n, DType::f64);
}

// f's output for a flat vector of the space's blocks.
inline Function of_flat(const Space& space, std::function<Var(const Vars& blocks)> f) {
  return [=](const Var& flat) {
    Vars blocks;
    for (const Block& b : space.blocks())
      blocks.push_back(reshape(slice(flat, 0, b.begin, b.begin + b.size), b.shape));
    return f(blocks);
  };
}

// f's Hessian at x [n] by products with all unit vectors at once.
inline Tensor hessian_by(HvpMode mode, const Function& f, const Var& x) {
  const Function columns = [&](const Var& v) { return hvp(f, {x}, {v}, mode)[0]; };
  return vmap(columns)(identity_matrix(x.size(0))).tensor();
}
inline Tensor hessian_forward_over_forward(const Function& f, const Var& x) {
  const Function gradient = [&](const Var& y) {
    return jacobian(f, {y}, JacobianMode::forward)[0];
  };
  return jacobian(gradient, {x}, JacobianMode::forward)[0].tensor();
}

}  // namespace sonde
