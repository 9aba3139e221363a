#include "nn/linear.hpp"

#include <cmath>

#include "autograd/ops.hpp"
#include "nn/init.hpp"

namespace sonde::nn {

Linear::Linear(std::int64_t in, std::int64_t out, philox::Key key, Options options)
    : in_(in), out_(out) {
  if (in < 1 || out < 1) fail(ErrorCode::value, "linear", "{} inputs, {} outputs", in, out);
  weight_ =
      parameter("weight", kaiming_uniform({out, in}, philox::child(key, 0), {.a = std::sqrt(5.0)}));
  if (options.bias)
    bias_ = parameter(
        "bias", uniform_init({out}, 1 / std::sqrt(static_cast<double>(in)), philox::child(key, 1)));
}

Var Linear::forward(Context& ctx, Var x) const {
  return sonde::linear(std::move(x), ctx[weight_], bias_ ? ctx[bias_] : Var());
}

std::string Linear::description() const {
  return fmt::format("Linear({}, {}{})", in_, out_, bias_ ? "" : ", bias=false");
}

}  // namespace sonde::nn
