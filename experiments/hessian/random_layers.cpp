#include "experiments/hessian/random_layers.hpp"

#include "nn/init.hpp"

namespace sonde::experiments {

LayerAndTarget random_layer(const LayerSizes& s, std::uint64_t seed, double sigma,
                            double weight_std, AttentionOptions options) {
  const auto normal = [&](const Dims& shape, std::uint64_t part, double std) {
    return nn::normal_init(shape, 0, std, philox::child({seed, 0}, part), DType::f64);
  };
  return {{normal({s.length, s.d}, 0, sigma), normal({s.d, s.k}, 1, weight_std),
           normal({s.d, s.k}, 2, weight_std), normal({s.d, s.v}, 3, weight_std), options},
          normal({s.length, s.v}, 4, 1)};
}

}  // namespace sonde::experiments
