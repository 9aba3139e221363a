// Convolution, and its two gradients alone.
#include "autograd/ops.hpp"
#include "bench/rows/workload.hpp"

namespace sonde::bench {

namespace {

ConvAttrs attributes(const Json& p) {
  const auto both = [&](const char* name, std::int64_t otherwise) {
    const std::int64_t n = p.value(name, otherwise);
    return Size2{n, n};
  };
  return {.stride = both("stride", 1),
          .padding = both("padding", 0),
          .groups = p.value("groups", std::int64_t{1})};
}

Size2 size(const Json& p, const char* name) {
  return {p[name][0].get<std::int64_t>(), p[name][1].get<std::int64_t>()};
}

}  // namespace

void add_conv(Makers& makers) {
  makers["conv2d"] = differentiable([](const Json& p) -> Function {
    return [attrs = attributes(p)](const Vars& in) { return conv2d(in[0], in[1], {}, attrs); };
  });
  makers["conv2d_input_grad"] = differentiable([](const Json& p) -> Function {
    return [attrs = attributes(p), to = size(p, "input")](const Vars& in) {
      return conv2d_input_grad(in[0], in[1], to, attrs);
    };
  });
  makers["conv2d_weight_grad"] = differentiable([](const Json& p) -> Function {
    return [attrs = attributes(p), kernel = size(p, "kernel")](const Vars& in) {
      return conv2d_weight_grad(in[0], in[1], kernel, attrs);
    };
  });
}

}  // namespace sonde::bench
