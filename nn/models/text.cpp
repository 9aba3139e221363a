#include "nn/models/text.hpp"

#include "nn/init.hpp"

namespace sonde::nn {

void draw_normal(const Module& module, double std, philox::Key key) {
  std::uint64_t index = 0;
  for (const auto& [path, handle] : module.named_parameters()) {
    const philox::Key own = philox::child(key, index++);
    const Dims shape = handle->value.shape();
    if (shape.rank() >= 2)
      handle->value = normal_init(shape, 0, std, own);
    else if (path.ends_with("bias"))
      handle->value = Tensor::zeros(shape);
  }
}

}  // namespace sonde::nn
